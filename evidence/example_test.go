package evidence_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/falsifiable/stability/evidence"
)

func ExampleCapturer() {
	dir, err := os.MkdirTemp("", "evidence")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	c, err := evidence.Open(evidence.Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		return
	}

	request := evidence.Request{Key: "payment/goroutines", Level: 1.2, Documents: map[string]evidence.Document{
		"numbers": func(int64) any { return []int{1, 2} },
	}}
	if _, err := c.Capture(context.Background(), request); err != nil {
		fmt.Println(err)
	}
	_, err = c.Capture(context.Background(), request)
	fmt.Println("again:", errors.Is(err, evidence.ErrCooldown))

	bundles, _ := evidence.List(dir)
	b, err := evidence.Read(bundles[0].Path) // checks every file
	if err != nil {
		fmt.Println(err)
		return
	}
	var numbers []int
	err = b.Decode("numbers", &numbers)
	fmt.Println(b.Key, b.Files[0].Name, numbers, err)
	// Output:
	// again: true
	// payment/goroutines numbers.json [1 2] <nil>
}
