// Prog is where clients and servers meet. What packages a and knows have found is not said again.
package main

import (
	_ "a" // want `Time 5s is below the server's MinTime 1m0s: .* \(the client is at a.go:14, the server at srv.go:10\)` `\(the client is at a.go:16, the server at srv.go:10\)`
	"cli" // want `Time 20s is below the server's MinTime 30s: .* \(the client is at cli.go:10, the server at a.go:12\)` `Time 20s is below the server's MinTime 1m0s: .* \(the client is at cli.go:10, the server at srv.go:10\)`
	_ "knows"
	_ "srv" // want `the client is at b.go:9, the server at srv.go:10`
)

func main() { _ = cli.Often }
