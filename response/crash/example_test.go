package crash_test

import (
	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/response/crash"
	"github.com/falsifiable/stability/response/logging"
)

// The whole ladder inside one process: log at the first strike, end the process at the third, for contracts in Enforce mode.
func ExampleResponder() {
	stability.NewMonitor(stability.Config{Responses: []stability.Response{
		{Responder: logging.Responder{}},
		{Responder: &crash.Responder{Dir: "/var/lib/payment/crashes"}, Strike: 3, Acts: true},
	}})
}
