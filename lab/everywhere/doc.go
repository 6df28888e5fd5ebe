// Package everywhere has no code but a test: that what we ship compiles on the systems and processors that we say it does, and
// its tests too. It type-checks from source, which takes seconds where a compiler would take minutes for each. The test has the tag
// everywhere, for make everywhere.
package everywhere
