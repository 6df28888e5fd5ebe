//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"
)

// PostgreSQL is shot and away for some seconds, under the load of three payment services. It is what they share: none of them
// may leave, for no other could do better, and all serve again when it is back.
func TestRestartOfASharedDatabase(t *testing.T) {
	const instances, away = 3, 5 * time.Second
	var fleet []*payments
	var keys atomic.Int64
	for range instances {
		p := startPayments(t)
		fleet = append(fleet, p)
		callers(t, 2, func(ctx context.Context) error {
			a, err := p.try(ctx, fmt.Sprintf("restart-%d-%d", os.Getpid(), keys.Add(1)))
			if err == nil && a.status >= 500 {
				err = fmt.Errorf("status %d", a.status)
			}
			return err
		})
	}
	var asked, left atomic.Int64
	for _, p := range fleet {
		callers(t, 1, func(ctx context.Context) error {
			time.Sleep(50 * time.Millisecond) // a probe's period, hurried
			code, err := get(ctx, p.url+"/readyz")
			if asked.Add(1); ctx.Err() == nil && (err != nil || code != http.StatusOK) {
				left.Add(1)
				t.Logf("/readyz: %d %v", code, err)
			}
			return err
		})
	}
	control := func(what string) {
		t.Helper()
		if out, err := exec.Command(os.Getenv("E2E_POSTGRES_CTL"), what).CombinedOutput(); err != nil {
			t.Fatalf("PostgreSQL, %s: %v %s", what, err, out)
		}
	}
	time.Sleep(3 * time.Second) // healthy load first
	control("stop")
	time.Sleep(away)
	control("start")
	back := time.Now()
	for i, p := range fleet {
		served := eventually(30*time.Second, func() bool {
			a, err := p.try(t.Context(), fmt.Sprintf("restart-%d-%d", os.Getpid(), keys.Add(1)))
			return err == nil && a.status == http.StatusCreated
		})
		if !served {
			t.Errorf("instance %d takes no payments 30 s after the database is back", i)
		}
	}
	t.Logf("all served again %v after the database was back; %d answers of /readyz, %d of them no", time.Since(back).Round(time.Millisecond), asked.Load(), left.Load())
	if left.Load() > 0 || asked.Load() < 100 {
		t.Errorf("%d of %d answers of /readyz took an instance out, though all shared the trouble", left.Load(), asked.Load())
	}
}

func get(ctx context.Context, url string) (code int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}
