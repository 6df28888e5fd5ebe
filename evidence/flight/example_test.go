package flight_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/evidence/flight"
)

func Example() {
	dir, err := os.MkdirTemp("", "evidence")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	recorder, err := flight.Start(flight.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer recorder.Stop()
	c, err := evidence.Open(evidence.Config{Dir: dir, Logger: slog.New(slog.DiscardHandler),
		Kinds: []evidence.Kind{recorder}})
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := c.Capture(context.Background(), evidence.Request{Key: "payment/latency"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(b.Files[0].Name)
	// Output: flight.trace
}
