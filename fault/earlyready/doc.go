// Package earlyready puts a service where it is when its probe says yes too early: requests come, and the instance is to be
// taken for one whose start is not complete.
//
// Only the admission of package health knows of it; what the service's caches really hold does not change.
package earlyready
