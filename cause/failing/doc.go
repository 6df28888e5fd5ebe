// Package failing is the root cause behind docs/guide/whitepaper.md §1: of what a service is asked, or asks for, more fails than usual.
//
// # What it is
//
// A release with a mistake, a dependency that answers with errors or not at all, a certificate that has run out, a full disk.
// Nothing grows and nothing waits, so that no other check has anything to see: the requests come back at once, and
// are of no use.
//
// # How it looks
//
// The share of requests answered with a status of 500 or above, or by a panic, is higher than it ever was; or that of the calls to one
// peer which fail. If both fail, the peer is the likely reason, and the violation names it. Of gRPC it is the calls that end with a
// code which means trouble, such as UNAVAILABLE, DEADLINE_EXCEEDED and INTERNAL.
//
// # Why these thresholds
//
// A twentieth of all, and three times the service's own share on top, so that one which always fails a little is judged by its
// own measure. Five minutes and the last one must both be bad: the long window keeps a burst of errors from counting,
// the short one ends the violation soon after the errors do. Twenty failures in five minutes are the floor: of a few requests a
// share says nothing.
//
// # Limits
//
// A service that sheds load answers with 503, or RESOURCE_EXHAUSTED, which is counted: look at overload first. Statuses below 500, and
// codes such as NOT_FOUND, are answers. HTTP calls that their own caller cancels count as failed (http.client.error.count tells
// the classes apart); a service that always cancels many of them has that in its baseline. A gRPC call counts when it is tried,
// so that one which is tried again fails again; whether that is too often is for retrystorm to say.
//
// # Sources
//
// docs/guide/whitepaper.md §1; Google's SRE Workbook, chapter 5, on alerts over two windows.
package failing
