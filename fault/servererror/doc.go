// Package servererror answers requests with an error: a bad release, a lost permission, a full disk.
//
// HTTP requests are answered with a status of 500 or above before their handler runs; gRPC calls end with a code that means
// trouble. Nothing else happens: the service stays as fast as it was.
package servererror
