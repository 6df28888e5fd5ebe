package health

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var update = flag.Bool("update", false, "write the examples of docs/reference/health.md anew")

const reference = "../docs/reference/health.md"

// An example is a marker and the code block after it, if it is there yet.
var example = regexp.MustCompile("(?m)^<!-- example: (\\w+) -->\n(?:\n```\n(?s:.*?)\n```\n)?")

// TestReferenceIsTrue asks the questions of the reference page and compares the answers.
func TestReferenceIsTrue(t *testing.T) {
	answers := make(map[string]string)
	synctest.Test(t, func(t *testing.T) { makeExamples(t, answers) })
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	want := example.ReplaceAllStringFunc(string(page), func(old string) string {
		name := example.FindStringSubmatch(old)[1]
		answer, ok := answers[name]
		if !ok {
			t.Errorf("%s: nobody makes example %s", reference, name)
			return old
		}
		delete(answers, name)
		return "<!-- example: " + name + " -->\n\n```\n" + answer + "```\n"
	})
	for name := range answers {
		t.Errorf("%s does not show example %s", reference, name)
	}
	if want == string(page) || t.Failed() {
		return
	}
	if !*update {
		t.Fatalf("%s is stale; run: go test ./health -run TestReferenceIsTrue -update", reference)
	}
	if err := os.WriteFile(reference, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func makeExamples(t *testing.T, answers map[string]string) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mended atomic.Bool
	components, err := watchWith(ctx, func() float64 { return 1 }, []Component{
		{Name: "database", Check: func(context.Context) error {
			if !mended.Load() {
				return errors.New("dial tcp 10.0.0.7:5432: connection refused")
			}
			return nil
		}},
		{Name: "recommendations", Role: Optional, Check: func(context.Context) error { return nil }}})
	if err != nil {
		t.Fatal(err)
	}
	s := newService(t)
	h := Handler(s.monitor, Options{Components: components})
	show := func(name, target string) {
		code, body := ask(h, "GET", target)
		answers[name] = fmt.Sprintf("GET %s\n%d %s\n\n%s", target, code, http.StatusText(code), body)
	}
	s.start(t)
	pass(2500 * time.Millisecond)
	show("readyz", "/readyz")
	show("warming", "/healthz?contract=payment-sla")
	show("unknown", "/healthz?contract=payment")
	show("verbose", "/readyz?verbose")
	mended.Store(true)
	pass(20 * time.Second)
	show("ok", "/healthz")
	s.level.Store(11)
	pass(15 * time.Second)
	show("violated", "/healthz?contract=payment-sla")
	show("observe", "/healthz?contract=payment-growth")
	s.monitor.Stop()
	pass(time.Minute)
	show("stale", "/healthz?contract=payment-sla")
}
