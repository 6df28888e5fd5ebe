// Package connrefused takes a service's database away: connections that were there are lost, and new ones are refused, at once, as
// while a database restarts. A service that tries again without a pause falls on it then, with all its fellows.
package connrefused
