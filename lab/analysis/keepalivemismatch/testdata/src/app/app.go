// Package app imports both, and is not the program yet.
package app

import (
	"cli"
	"srv"
)

var _, _ = cli.Often, srv.Policy
