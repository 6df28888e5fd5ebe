package profile_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/evidence/profile"
)

func Example() {
	dir, err := os.MkdirTemp("", "evidence")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	c, err := evidence.Open(evidence.Config{Dir: dir, Logger: slog.New(slog.DiscardHandler),
		Kinds: []evidence.Kind{profile.Heap{}, profile.Mutex{}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := c.Capture(context.Background(), evidence.Request{Key: "payment/heap_inuse"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(b.Files[0].Name)
	fmt.Println(b.Skipped[0].What, "is missing:", b.Skipped[0].Why)
	// Output:
	// heap.pb.gz
	// mutex.pb.gz is missing: the profile is off: see runtime.SetMutexProfileFraction
}
