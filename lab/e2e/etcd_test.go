//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	probes "github.com/falsifiable/stability/health"
	"github.com/falsifiable/stability/lab/falsify/process"
)

// etcd is a real one, whose data outlives it.
type etcd struct {
	url     string
	config  process.Config
	running *process.Process
}

func startEtcd(t *testing.T) *etcd {
	t.Helper()
	address := freeAddress(t)
	e := &etcd{url: "http://" + address}
	peers := "http://" + freeAddress(t)
	e.config = process.Config{Path: "etcd", Address: address, ReadyPath: "/health", Args: []string{
		"--data-dir", t.TempDir(), "--listen-client-urls", e.url, "--advertise-client-urls", e.url,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default=" + peers,
	}}
	e.start(t)
	t.Cleanup(e.kill)
	return e
}

func (e *etcd) start(t *testing.T) {
	t.Helper()
	running, err := process.Start(t.Context(), e.config)
	if err != nil {
		t.Fatal(err)
	}
	e.running = running
}

func (e *etcd) kill() { e.running.Kill() }

// pair is a key with its value, in base64 in JSON, as etcd wants both.
type pair struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value,omitempty"`
}

// askEtcd asks by etcd's gateway from JSON to gRPC.
func askEtcd(ctx context.Context, base, method string, question pair) (found []pair, err error) {
	body, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v3/kv/"+method, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		KVs []pair `json:"kvs"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("etcd: %s", response.Status)
	}
	return answer.KVs, nil
}

// settingsRole is an instance of a service that reads its setting from etcd, at its start and for each request.
const settingsRole = "settings"

const setting = "greeting"

func serveSettings() {
	base, address := os.Getenv(nextVariable), os.Getenv(addrVariable)
	pull := func(ctx context.Context) (probes.Pulled, error) {
		found, err := askEtcd(ctx, base, "range", pair{Key: []byte(setting)})
		p := probes.Pulled{Values: make(map[string]string)}
		for _, f := range found {
			p.Values[string(f.Key)] = string(f.Value)
		}
		return p, err
	}
	ctx := context.Background()
	err := probes.ProbeDependencies(ctx, 5*time.Second, probes.Probe{Name: "settings", Check: probes.Pull(pull, setting)})
	var failed *probes.StartupError
	if errors.As(err, &failed) {
		os.Exit(failed.ExitCode())
	}
	components, err := probes.Watch(ctx,
		probes.Component{Name: "http", Check: probes.Port(address)},
		probes.Component{Name: "etcd", Stage: 1, Check: probes.HTTP(nil, base+"/health"), Interval: time.Second},
		probes.Component{Name: "settings", Stage: 2, Role: probes.Local, Excuse: "etcd", Check: probes.Pull(pull, setting)},
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	mux := http.NewServeMux()
	for _, path := range probes.Paths() {
		mux.Handle(path, probes.Handler(stability.NewMonitor(stability.Config{}), probes.Options{Components: components}))
	}
	mux.Handle("GET /{$}", components.Admit(probes.Admission{Mode: stability.Enforce}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		p, err := pull(ctx)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, p.Values[setting])
	})))
	fmt.Fprintln(os.Stderr, http.ListenAndServe(address, mux))
	os.Exit(1)
}

// etcd is shot and away for a while, under the load of eight instances of a service that asks it in each request.
func TestRestartOfEtcd(t *testing.T) {
	e := startEtcd(t)
	if _, err := askEtcd(t.Context(), e.url, "put", pair{[]byte(setting), []byte("hello")}); err != nil {
		t.Fatal(err)
	}
	o := outage{stop: e.kill, start: func() { e.start(t) }, call: func(ctx context.Context, url string) error {
		code, body, err := get(ctx, url+"/")
		if err == nil && (code != http.StatusOK || body != "hello") {
			err = fmt.Errorf("%d %s", code, body)
		}
		return err
	}}
	for range fleetSize {
		address := freeAddress(t)
		p, err := process.Start(t.Context(), process.Config{Path: os.Args[0], Address: address, ReadyPath: "/readyz",
			Env: []string{roleVariable + "=" + settingsRole, nextVariable + "=" + e.url, addrVariable + "=" + address}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Kill)
		o.urls = append(o.urls, "http://"+p.Address)
	}
	o.run(t)
}

// An instance whose setting is not in etcd does not start, and says by its exit code that starting again mends nothing.
func TestIncompleteSettingsStopTheStart(t *testing.T) {
	e := startEtcd(t)
	address := freeAddress(t)
	_, err := process.Start(t.Context(), process.Config{Path: os.Args[0], Address: address, ReadyPath: "/readyz",
		Env: []string{roleVariable + "=" + settingsRole, nextVariable + "=" + e.url, addrVariable + "=" + address}})
	var ended *process.ExitError
	if want := fmt.Sprintf("exit status %d", probes.ExitConfig); !errors.As(err, &ended) || ended.Status != want || !strings.Contains(ended.Output, setting) {
		t.Errorf("without its setting the start ends with %v, want %s and the key", err, want)
	}
}
