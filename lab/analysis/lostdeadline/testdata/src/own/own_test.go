package own

import "net/http"

// A server that a test needs says nothing about the package.
func handler(w http.ResponseWriter, r *http.Request) { _ = curl(r) }
