// Package lostcontext cuts requests off from their context (docs/guide/whitepaper.md §3.1): whatever the handler does from then on has
// neither the deadline of its caller nor its cancellation, as when code between the two starts anew from
// context.Background, or passes a context whose Done is nil.
//
// It enters requests through the middleware of signals/httpserver, before the service's own handler, and puts a context in
// their place which keeps the values and nothing else. Middleware that sets deadlines must be outside of that one, else it
// mends what the fault breaks. Requests under way when the fault is removed stay cut off; those after them are not.
package lostcontext
