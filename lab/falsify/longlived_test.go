package falsify

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/lab/falsify/build"
	"github.com/falsifiable/stability/lab/falsify/experiment"
)

// Half an hour, in the contracts' own time, of nothing but requests that last: no stock check fires, alone and beside short ones.
func TestNoStockCheckFiresOnLongRequests(t *testing.T) {
	const long = `
grpc_address_env: [GRPC_ADDR]
load:
  rate: 20
  targets:
    - {path: /events, hold: 4s}
    - {path: /poll, hold: 5s}
    - {path: /ws, websocket: true, hold: 3s, body: hello}
    - {path: /upload, upload: true, hold: 2s}
    - {grpc: grpc.testing.TestService/StreamingOutputCall, hold: 4s}
    - {grpc: grpc.testing.TestService/StreamingInputCall, hold: 2s}
`
	work := shortTemp(t)
	t.Setenv("TMPDIR", work)
	service, err := build.Build(t.Context(), "testdata/longlived", work, build.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, targets := range map[string]string{"long only": "", "beside short ones": "    - {path: /upload, method: POST}\n"} {
		t.Run(name, func(t *testing.T) {
			e, err := experiment.Parse("falsify.yaml", []byte(long+targets))
			if err != nil {
				t.Fatal(err)
			}
			s, err := openStage(t.Context(), e, service, 1.0/120, work)
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			one, err := s.start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer one.stop()
			if _, err := s.askForMethods(t.Context(), one); err != nil {
				t.Fatal(err)
			}
			if err := one.drive(t.Context(), e.Load, "steady", 1, time.Minute, 1); err != nil {
				t.Fatal(err)
			}
			if err := one.until(t.Context(), s.wall(30*time.Minute), func() bool { return false }); !errors.Is(err, errLimit) {
				t.Fatal(err)
			}
			for id, fired := range one.watch.fired {
				t.Errorf("%s fired %d times", id, len(fired))
			}
			http := false
			for _, c := range one.watch.checks {
				http = http || strings.Contains(c.Expr, "http.server")
			}
			met := one.live.Met()
			if !http || met.Statuses["101"] == 0 || met.Statuses["200"] < 3 || met.Statuses["200 OK"] < 2 || met.Answered != met.Sent {
				t.Errorf("contracts on HTTP %t; met %+v", http, met)
			}
		})
	}
}
