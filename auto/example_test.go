package auto_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/auto"
)

func Example() {
	watch, err := auto.Start(context.Background(), auto.Config{
		Service:     "payment",
		EvidenceDir: "none",
		Logger:      slog.New(slog.DiscardHandler),
		Monitor:     stability.NewMonitor(stability.Config{}), // defaults to stability.Default()
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer watch.Stop()
	mux := http.NewServeMux()
	mux.Handle("/", watch.Middleware(http.NotFoundHandler()))
	watch.Mount(mux)
	for _, c := range watch.Monitor().Status().Contracts {
		fmt.Println(c.Name, c.Mode)
	}
	// Output:
	// gcstorm observe
	// goroutineleak observe
	// lockconvoy observe
	// memoryleak observe
	// channelblock observe
	// deadlock observe
	// endlessloop observe
	// failing observe
	// overload observe
	// slowdown observe
}
