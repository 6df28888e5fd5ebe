// Package badconfig is a root cause (docs/guide/whitepaper.md §4.1): a configuration that parses, validates, and does harm.
//
// # What it is
//
// A pool of one, a time-out of a millisecond, a limit of zero, an empty list, a switch thrown. It is the largest
// class of public post-mortems: 24 of 75 that were read for this, and 31 % of the triggers by Google's own count. It
// reaches all instances at once, faster than any binary does.
//
// # How it looks
//
// A new generation, and within seconds errors that were not there before it.
//
// # Why these thresholds
//
// One request in twenty that fails is no noise, and three times what the service has learned to be usual is a change.
// Five minutes after a reload other reasons are as likely.
//
// # Limits
//
// Harm that is no error, such as slowness or wrong answers, needs a contract of the service's own; name it in the
// Rollback of hotconfig. Errors that begin by chance right after a reload are held against it.
//
// # Sources
//
// Google, The Site Reliability Workbook, results of postmortem analysis; Cloudflare's and Google's outages of
// 2025-11-18 and 2025-06-12; docs/guide/whitepaper.md §4.1.
package badconfig
