// Package slowdown is the root cause behind docs/guide/whitepaper.md §1: a route, or a peer, takes much longer than it usually does.
//
// # What it is
//
// An index that is gone, a cache that no longer hits, a dependency in trouble, a neighbor on the same machine. The service
// keeps up with its load, so that nothing queues and nothing fails yet; its callers notice, and their deadlines are next.
//
// # How it looks
//
// The 99th percentile of one route, or gRPC method, is several times what it was, all the time. If that of a peer's answers is as
// well, the peer is the likely reason: the violation names the route, the method or the peer.
//
// # Why these thresholds
//
// Each route and each peer is compared with itself, so that more requests to a slow route are no slowdown. Three times the usual
// and a quarter of a second more: a person notices, and a route of 2 ms may be at 200 without a word. What is compared is
// the median over two minutes of the percentile of each second, for two more minutes: a pause of the machine, a collection or a
// batch moves a few of those seconds, not half of them.
//
// A percentile is that of the last second which saw an answer, and stands while none comes. So there must have been 30 answers in
// each of the last four minutes: one slow request an hour is not slow for an hour.
//
// # Limits
//
// Less than 30 requests a minute are not judged. Requests that never end have no latency: see overload, deadlock and channelblock. A
// route that was slow from the start is slow by its own measure. A route whose requests change their kind is reported.
//
// # Sources
//
// docs/guide/whitepaper.md §1; Dean and Barroso, The Tail at Scale (2013).
package slowdown
