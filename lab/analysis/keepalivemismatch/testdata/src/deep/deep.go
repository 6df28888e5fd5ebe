// Deep imports the two through another package.
package main // want `the client is at cli.go:10, the server at srv.go:10`

import _ "app"

func main() {}
