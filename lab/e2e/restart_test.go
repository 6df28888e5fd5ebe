//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fleetSize is how many instances share what is restarted.
const fleetSize = 8

// outage takes away, under load, what all instances share. None of them may leave, for no other could do better; all must say that they
// are degraded, and serve again when it is back.
type outage struct {
	urls        []string
	call        func(ctx context.Context, url string) error // a request that needs what is shared
	stop, start func()
}

func (o outage) run(t *testing.T) {
	served, degraded := make([]atomic.Int64, len(o.urls)), make([]atomic.Bool, len(o.urls))
	var asked, left atomic.Int64
	for i, url := range o.urls {
		callers(t, 2, func(ctx context.Context) error {
			err := o.call(ctx, url)
			if err == nil {
				served[i].Add(1)
			}
			return err
		})
		callers(t, 1, func(ctx context.Context) error {
			select { // a probe's period, hurried
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
			code, body, err := get(ctx, url+"/readyz")
			if asked.Add(1); ctx.Err() == nil && (err != nil || code != http.StatusOK) {
				left.Add(1)
				t.Logf("/readyz of instance %d: %d %s %v", i, code, body, err)
			}
			if strings.Contains(body, `"degraded"`) {
				degraded[i].Store(true)
			}
			return err
		})
	}
	for i := range served {
		if !eventually(30*time.Second, func() bool { return served[i].Load() >= 20 }) {
			t.Fatalf("instance %d serves nothing while all is well", i)
		}
	}
	o.stop()
	<-time.After(outageLasts(t))
	o.start()
	took := o.recovery(t)
	said := 0
	for i := range degraded {
		if degraded[i].Load() {
			said++
		}
	}
	t.Logf("%d instances all served again %v after it was back; of %d answers of /readyz %d were no; %d instances said that they were degraded",
		len(o.urls), took.Round(time.Millisecond), asked.Load(), left.Load(), said)
	if left.Load() > 0 || asked.Load() < 100 || said < len(o.urls) {
		t.Error("want many answers, none of them no, and all instances to say that they are degraded")
	}
}

// outageLasts is how long it is away: by default long enough that all notice; the guide's figures are of E2E_OUTAGE=1m.
func outageLasts(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("E2E_OUTAGE")
	if text == "" {
		return 5 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("E2E_OUTAGE: %v", err)
	}
	return d
}

// recovery is how long it takes until each instance has served ten requests in a row.
func (o outage) recovery(t *testing.T) time.Duration {
	back := time.Now()
	var all sync.WaitGroup
	for i, url := range o.urls {
		all.Go(func() {
			row := 0
			if !eventually(time.Minute, func() bool {
				if row++; o.call(t.Context(), url) != nil {
					row = 0
				}
				return row == 10
			}) {
				t.Errorf("instance %d does not serve a minute after it is back", i)
			}
		})
	}
	all.Wait()
	return time.Since(back)
}

// PostgreSQL is shot and away for a while, under the load of eight payment services.
func TestRestartOfASharedDatabase(t *testing.T) {
	control := func(what string) func() {
		return func() {
			if out, err := exec.Command(os.Getenv("E2E_POSTGRES_CTL"), what).CombinedOutput(); err != nil {
				t.Fatalf("PostgreSQL, %s: %v %s", what, err, out)
			}
		}
	}
	fleet := make(map[string]*payments)
	o := outage{stop: control("stop"), start: control("start")}
	binary := buildPayment(t)
	for range fleetSize {
		p := startPayment(t, binary)
		fleet[p.url] = p
		o.urls = append(o.urls, p.url)
	}
	var keys atomic.Int64
	o.call = func(ctx context.Context, url string) error {
		a, err := fleet[url].try(ctx, fmt.Sprintf("restart-%d-%d", os.Getpid(), keys.Add(1)))
		if err == nil && a.status != http.StatusCreated {
			err = fmt.Errorf("status %d", a.status)
		}
		return err
	}
	o.run(t)
}

func get(ctx context.Context, url string) (code int, body string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}
