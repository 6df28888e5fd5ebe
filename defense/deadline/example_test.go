package deadline_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/falsifiable/stability/defense/deadline"
)

// A gateway with five seconds calls a service, which learns that it has four.
func Example() {
	server := deadline.Server{
		Trust:   deadline.TrustNetworks(netip.MustParsePrefix("127.0.0.0/8")),
		Timeout: 30 * time.Second,
	}
	service := httptest.NewServer(server.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		left, bounded := deadline.Left(r.Context())
		fmt.Println(bounded, left <= 4*time.Second)
	})))
	defer service.Close()

	client := &http.Client{Transport: &deadline.Transport{Reserve: time.Second}}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, "GET", service.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	response, err := client.Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	response.Body.Close()
	// Output: true true
}

func ExampleShorten() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, cancelQuery, err := deadline.Shorten(ctx, 2*time.Second)
	defer cancelQuery()
	fmt.Println(errors.Is(err, deadline.ErrExhausted))
	// Output: true
}

func ExampleDetach() {
	request, cancel := context.WithCancel(context.Background())
	audit, cancelAudit := deadline.Detach(request, time.Minute)
	defer cancelAudit()
	cancel() // the client has gone
	_, bounded := deadline.Left(audit)
	fmt.Println(audit.Err(), bounded)
	// Output: <nil> true
}
