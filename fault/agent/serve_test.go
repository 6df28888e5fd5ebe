package agent

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/running"
)

func TestAnswers(t *testing.T) {
	desk := newDesk(Faults(), 0.5)
	defer desk.removeAll(t.Context())
	server := desk.handler()
	for _, c := range []struct {
		method, path, body string
		status             int
		answer             string // contained in it
	}{
		{"GET", "/v1/hello", "", 200, `"scale":0.5,"faults":[{"name":"allocstorm"`},
		{"GET", "/v1/monitors?after=7", "", 200, `[]`},
		{"GET", "/v1/monitors?after=-1", "", 400, `after=\"-1\" is not the number of a transition`},
		{"POST", "/v1/faults/goroutineleak", `{"params":{"where":"select","max":10},"seed":7}`, 200, `{"id":"goroutineleak-1"}`},
		{"POST", "/v1/faults/goroutineleak", ``, 200, `{"id":"goroutineleak-2"}`},
		{"GET", "/v1/faults/goroutineleak-1", "", 200, `"active":`},
		{"DELETE", "/v1/faults/goroutineleak-1", "", 200, `{"value":0}`},
		{"DELETE", "/v1/faults/goroutineleak-1", "", 404, `agent: removing \"goroutineleak-1\": there is no such order`},
		{"GET", "/v1/faults/goroutineleak-1", "", 404, `there is no such order`},
		{"DELETE", "/v1/faults", "", 200, `[{"id":"goroutineleak-2","residue":{"value":0}}]`},
		{"POST", "/v1/faults/gorutineleak", "", 422, `Did you mean \"goroutineleak\"?`},
		{"POST", "/v1/faults/goroutineleak", `{"params":{"rat":1}}`, 422, `Did you mean \"rate\"?`},
		{"POST", "/v1/faults/goroutineleak", `{"params":{"max":1e9}}`, 422, `1000000000 is not between 1 and 200000`},
		{"POST", "/v1/faults/goroutineleak", `{"parms":{}}`, 400, `unknown field \"parms\"`},
		{"POST", "/v1/faults/goroutineleak", `{"lease":-1}`, 422, `lease -1ns is not between 0 and 1h0m0s`},
		{"POST", "/v1/faults/goroutineleak", `{"limit":86400000000000}`, 422, `limit 24h0m0s is not between 0 and 1h0m0s`},
		{"POST", "/v1/faults/goroutineleak", `nonsense`, 400, `agent: reading an order: invalid character`},
		{"POST", "/v1/faults/goroutineleak", `{"params":{"where":"` + strings.Repeat("x", maxBody) + `"}}`, 400, `too large`},
		{"PUT", "/v1/faults", "", 404, `agent: PUT /v1/faults is not part of the protocol`},
	} {
		recorder := httptest.NewRecorder()
		server.ServeHTTP(recorder, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
		if got := recorder.Body.String(); recorder.Code != c.status || !strings.Contains(got, c.answer) {
			t.Errorf("%s %s %.60s\n\tanswers %d %s\twant %d with %s", c.method, c.path, c.body, recorder.Code, got, c.status, c.answer)
		}
	}
}

type monitor struct {
	json string
	err  error
}

func (m monitor) SnapshotJSON(uint64) ([]byte, error) { return []byte(m.json), m.err }
func (m monitor) SchemaJSON() ([]byte, error)         { return []byte(m.json), m.err }

func TestShowsMonitors(t *testing.T) {
	defer running.Add(monitor{json: `{"a":1}`})()
	defer running.Add(monitor{json: `{"b":2}`})()
	get := func() *httptest.ResponseRecorder {
		recorder := httptest.NewRecorder()
		newDesk(nil, 1).handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/v1/monitors", nil))
		return recorder
	}
	if body, _ := io.ReadAll(get().Body); strings.TrimSpace(string(body)) != `[{"a":1},{"b":2}]` {
		t.Errorf("monitors = %s", body)
	}
	defer running.Add(monitor{err: errors.New("it is confused")})()
	if got := get(); got.Code != 500 || !strings.Contains(got.Body.String(), "agent: showing monitors: it is confused") {
		t.Errorf("a monitor that fails answers %d %s", got.Code, got.Body)
	}
}

func TestEveryRequestRenewsTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stage
		desk := newDesk([]fault.Fault{s.fault("hum", nil)}, 1)
		if _, err := desk.place("hum", fault.Order{Lease: time.Second}); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			pass(900 * time.Millisecond)
			desk.handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v1/hello", nil))
		}
		if s.atWork() != 1 {
			t.Error("the lease was not renewed")
		}
		desk.removeAll(t.Context())
	})
}
