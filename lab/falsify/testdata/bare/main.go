// Command bare is a service that has never heard of the library.
package main

import "net/http"

func main() { http.ListenAndServe("127.0.0.1:0", nil) }
