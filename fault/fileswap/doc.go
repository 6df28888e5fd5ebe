// Package fileswap replaces a service's configuration files the way that well-behaved writers do, at its worst: by renames, up to a
// thousand a second, by turning the link of a Kubernetes ConfigMap, or while the kernel has no room for the event.
//
// Whoever follows a file must take each of these for nothing but a change: no content is half there, and the last one is taken though
// its event is lost. A check that calls such a file torn is wrong, and a check on changes that come too often can be proven by it.
//
// Unlike tornfile it works on the files themselves, because what it tries is the kernel's events and links. All contents that it writes
// are those that it finds, but that the newline at the end comes and goes; that makes another file, and in YAML, JSON and TOML
// the same configuration, unless the file ends with a block of text. At the end the files are as they were. A process that is killed
// meanwhile leaves the configuration whole, and perhaps behind a link.
package fileswap
