package intake

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// keeper keeps the last file, or refuses it, or waits.
type keeper struct {
	err     error
	unnamed bool
	wait    chan struct{}
	entered chan struct{}
	path    string
	from    Sender
	content string
}

func (k *keeper) Named(context.Context, Sender, string) error {
	if k.unnamed {
		return ErrNotFound
	}
	return nil
}

func (k *keeper) Keep(_ context.Context, from Sender, bundle, file string, size int64, content io.Reader) error {
	if k.wait != nil {
		k.entered <- struct{}{}
		<-k.wait
		return nil
	}
	if k.err != nil {
		return k.err
	}
	text, err := io.ReadAll(io.LimitReader(content, size))
	k.path, k.from, k.content = bundle+"/"+file, from, string(text)
	return err
}

func evidenceServer(t *testing.T, k Keeper) *httptest.Server {
	t.Helper()
	tokens := reviewer{"p0": {Pod: "0", PodUID: "0"}, "p1": {Pod: "1", PodUID: "1"}, "p2": {Pod: "2", PodUID: "2"}, "p3": {Pod: "3", PodUID: "3"}, "pod": {Namespace: "shop", Pod: "pay-1", PodUID: "u1"}, "am": {Namespace: "monitoring", ServiceAccount: "am"}}
	server := httptest.NewServer(Handler(Config{Reviewer: tokens, Recorder: &recorder{}, Evidence: k, Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(server.Close)
	return server
}

// send returns the status, 0 if there is none.
func send(t *testing.T, address, token string, body io.Reader) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, address, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

func TestWhoseEvidenceIsKept(t *testing.T) {
	unsized := struct{ io.Reader }{strings.NewReader("x")} // net/http cannot see how long it is
	for name, test := range map[string]struct {
		token  string
		body   io.Reader
		err    error
		status int
	}{
		"good":                  {"pod", strings.NewReader("profile"), nil, 200},
		"a wrong token":         {"guess", strings.NewReader("profile"), nil, 401},
		"bound to no pod":       {"am", strings.NewReader("profile"), nil, 403},
		"no size":               {"pod", unsized, nil, 411},
		"no violation names it": {"pod", strings.NewReader("profile"), ErrNotFound, 404},
		"a bad name":            {"pod", strings.NewReader("profile"), ErrName, 400},
		"no room":               {"pod", strings.NewReader("profile"), ErrFull, 507},
	} {
		k := &keeper{err: test.err, unnamed: test.status == 404}
		if got := send(t, evidenceServer(t, k).URL+"/v1/evidence/b1/heap.pb.gz", test.token, test.body); got != test.status {
			t.Errorf("%s: status %d, want %d", name, got, test.status)
		}
		if kept := k.path != ""; kept != (test.status == 200) {
			t.Errorf("%s: kept %q", name, k.path)
		}
		if test.status == 200 && (k.path != "b1/heap.pb.gz" || k.from.Pod != "pay-1" || k.content != "profile") {
			t.Errorf("%s: kept %q of %+v as %q", name, k.content, k.from, k.path)
		}
	}
}

func TestWithoutAStoreNoEvidenceIsTaken(t *testing.T) {
	if got := send(t, evidenceServer(t, nil).URL+"/v1/evidence/b1/heap", "pod", strings.NewReader("x")); got != 404 {
		t.Errorf("status %d", got)
	}
}

// A pod sends one file at a time, so that one pod cannot take the places of the others.
func TestOneUploadOfAPod(t *testing.T) {
	k := &keeper{wait: make(chan struct{}), entered: make(chan struct{}, maxUploads)}
	server := evidenceServer(t, k)
	done := make(chan int, 1)
	go func() { done <- send(t, server.URL+"/v1/evidence/b1/heap", "p0", strings.NewReader("x")) }()
	<-k.entered
	second := make(chan int, 1)
	go func() { second <- send(t, server.URL+"/v1/evidence/b1/trace", "p0", strings.NewReader("x")) }()
	select {
	case got := <-second:
		if got != 429 {
			t.Errorf("a second one of the same pod: status %d", got)
		}
	case <-k.entered:
		t.Error("a second one of the same pod is taken")
	}
	close(k.wait)
	if got := <-done; got != 200 {
		t.Errorf("the first: status %d", got)
	}
	if got := send(t, server.URL+"/v1/evidence/b1/trace", "p0", strings.NewReader("x")); got != 200 {
		t.Errorf("after the first: status %d", got)
	}
}

// strangers is a keeper whose answer, that no violation of a stranger's pod names the bundle, takes until it is released.
type strangers struct {
	keeper
	asked   chan struct{}
	release chan struct{}
}

func (k *strangers) Named(_ context.Context, from Sender, _ string) error {
	if !strings.HasPrefix(from.Pod, "stranger") {
		return nil
	}
	k.asked <- struct{}{}
	<-k.release
	return ErrNotFound
}

// Pods of which no violation names a bundle take no place from one of which one does, however many ask, and however long that takes.
func TestAStrangerTakesNoPlace(t *testing.T) {
	k := &strangers{asked: make(chan struct{}), release: make(chan struct{})}
	tokens := reviewer{"pod": {Namespace: "shop", Pod: "pay-1", PodUID: "u1"}}
	for i := range maxUploads {
		tokens[fmt.Sprint("s", i)] = Sender{Pod: fmt.Sprint("stranger-", i), PodUID: fmt.Sprint("s", i)}
	}
	server := httptest.NewServer(Handler(Config{Reviewer: tokens, Recorder: &recorder{}, Evidence: k, Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(server.Close)
	done := make(chan int, maxUploads)
	for i := range maxUploads {
		go func() { done <- send(t, server.URL+"/v1/evidence/b1/heap", fmt.Sprint("s", i), strings.NewReader("x")) }()
	}
	for range maxUploads {
		<-k.asked
	}
	if got := send(t, server.URL+"/v1/evidence/b1/heap", "pod", strings.NewReader("x")); got != 200 {
		t.Errorf("one whose bundle is named, beside strangers: status %d", got)
	}
	close(k.release)
	for range maxUploads {
		if got := <-done; got != 404 {
			t.Errorf("a stranger: status %d", got)
		}
	}
}

// Uploads beyond a few at once are told to come again, and each place comes back.
func TestFewUploadsAtOnce(t *testing.T) {
	k := &keeper{wait: make(chan struct{}), entered: make(chan struct{}, maxUploads)}
	server := evidenceServer(t, k)
	done := make(chan int, maxUploads)
	for i := range maxUploads {
		go func() { done <- send(t, server.URL+"/v1/evidence/b1/heap", fmt.Sprint("p", i), strings.NewReader("x")) }()
	}
	for range maxUploads {
		select {
		case <-k.entered:
		case <-time.After(time.Minute):
			t.Fatal("the uploads do not begin")
		}
	}
	if got := send(t, server.URL+"/v1/evidence/b1/heap", "pod", strings.NewReader("x")); got != 429 {
		t.Errorf("one more than %d at once: status %d", maxUploads, got)
	}
	close(k.wait)
	for range maxUploads {
		if got := <-done; got != 200 {
			t.Errorf("status %d", got)
		}
	}
	k.wait = nil
	if got := send(t, server.URL+"/v1/evidence/b1/heap", "pod", strings.NewReader("x")); got != 200 {
		t.Errorf("after them: status %d", got)
	}
}
