package falsify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/falsifiable/stability/lab/falsify/experiment"
	"github.com/falsifiable/stability/lab/falsify/load"
	"github.com/falsifiable/stability/lab/falsify/rpc"
)

// offer is what the service offers over gRPC, as it told by reflection; nil for a service that is not asked.
type offer struct {
	methods []rpc.Method
	// chosen are the methods of the load of a service that the experiment names no targets for.
	chosen []rpc.Method
}

// askForMethods finds out what gRPC load there is to be: that of the experiment's targets, or, without any and without HTTP,
// what the service offers.
func (s *stage) askForMethods(ctx context.Context, one *subject) (note string, err error) {
	named := false
	for _, l := range s.experiment.Loads() {
		named = named || slices.ContainsFunc(l.Targets, func(t experiment.Target) bool { return t.GRPC.Text != "" })
	}
	address := one.grpcAddress()
	alone := len(s.experiment.Load.Targets) == 0 && rpc.Speaks(ctx, address)
	if !named && !alone {
		return "", nil
	}
	methods, err := rpc.Discover(ctx, address)
	if err != nil {
		return "", fmt.Errorf("%w: it speaks gRPC at %s: %w", ErrNoLoad, address, err)
	}
	s.offer = &offer{methods: methods}
	for _, l := range s.experiment.Loads() {
		if err := s.offer.know(s.experiment, l.Targets); err != nil {
			return "", err
		}
	}
	if !alone {
		return "", nil
	}
	return s.offer.choose(ctx, address)
}

// know refuses targets that the service does not offer, or whose message it does not take.
func (o *offer) know(e *experiment.Experiment, targets []experiment.Target) error {
	for _, t := range targets {
		if t.GRPC.Text == "" {
			continue
		}
		m, ok := rpc.Find(o.methods, t.GRPC.Text)
		if !ok {
			return e.Complain(t.GRPC, "gRPC method", rpc.Names(o.methods))
		}
		if t.Body == "" {
			continue
		}
		if _, err := m.Encode(strings.NewReplacer("${n}", "1", "${random}", "1").Replace(t.Body)); err != nil {
			return &experiment.PositionError{Path: e.Path, Line: t.GRPC.Line, Column: t.GRPC.Column, Message: err.Error()}
		}
	}
	return nil
}

// choose takes the methods that answer random messages with what they mean to say, and tells which ones and why not the others.
func (o *offer) choose(ctx context.Context, address string) (note string, err error) {
	caller := new(rpc.Caller)
	defer caller.Close()
	var left []string
	for i, m := range o.methods {
		why := "its name says that it takes something away"
		if !m.Destructive() {
			why = tryMethod(ctx, caller, address, m, uint64(i))
		}
		if why == "" {
			o.chosen = append(o.chosen, m)
		} else {
			left = append(left, m.Name+" ("+why+")")
		}
	}
	if len(o.chosen) == 0 {
		return "", fmt.Errorf("%w: it speaks gRPC, and none of its methods can be called at random: %s. Name methods with a body in load.targets of %s, as "+
			"{grpc: package.Service/Method, body: '{\"id\": \"1\"}'}", ErrNoLoad, strings.Join(left, ", "), experiment.FileName)
	}
	note = "the load is gRPC, with random messages: " + strings.Join(rpc.Names(o.chosen), ", ")
	if len(left) > 0 {
		note += "; left out are " + strings.Join(left, ", ") + ", which load.targets of " + experiment.FileName + " can name, with a body"
	}
	return note, nil
}

// tries are how often a method is called before it becomes load, tryTime the longest that a call may take then.
const (
	tries   = 3
	tryTime = time.Second
)

// tryMethod says why a method is no load, "" if it is.
func tryMethod(ctx context.Context, caller *rpc.Caller, address string, m rpc.Method, seed uint64) string {
	for n := range uint64(tries) {
		ctx, cancel := context.WithTimeout(ctx, tryTime)
		defer cancel()
		body := m.Random(rand.New(rand.NewPCG(seed, n)))
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, rpc.Scheme+"://"+address+"/"+m.Name, bytes.NewReader(body))
		if err != nil {
			return err.Error()
		}
		if m.Long() {
			request.Header.Set(rpc.StreamHeader, m.Streams())
		}
		response, err := caller.RoundTrip(request)
		switch {
		case err != nil && m.Long() && errors.Is(err, context.DeadlineExceeded): // a stream that has nothing to say yet
			return ""
		case err != nil:
			return "it was tried and " + err.Error()
		}
		if !m.Long() {
			_, _ = io.Copy(io.Discard, response.Body)
		}
		response.Body.Close()
		if response.StatusCode >= http.StatusInternalServerError {
			return "it answers random messages with " + response.Header.Get(rpc.StatusHeader)
		}
	}
	return ""
}

// streamTime is how long, in contract time, a stream that the load chose itself is held open.
const streamTime = 10 * time.Minute

// targets are the load's kinds of requests.
func (s *subject) targets(l experiment.Load) (all []load.Target) {
	o := s.stage.offer
	for _, t := range l.Targets {
		header := make(http.Header)
		for k, v := range t.Header {
			header[k] = []string{v}
		}
		target := load.Target{
			Method: t.Method, Path: t.Path, Header: header, Body: t.Body, Weight: t.Weight, Hold: time.Duration(t.Hold),
			WebSocket: t.WebSocket, Upload: t.Upload,
		}
		if t.GRPC.Text != "" {
			m, _ := rpc.Find(o.methods, t.GRPC.Text)
			target = s.call(m, target)
		}
		all = append(all, target)
	}
	if len(l.Targets) == 0 && o != nil {
		for _, m := range o.chosen {
			all = append(all, s.call(m, load.Target{}))
		}
	}
	return all
}

// call makes a target call a method.
func (s *subject) call(m rpc.Method, t load.Target) load.Target {
	json := t.Body
	t.Base, t.Method, t.Path = rpc.Scheme+"://"+s.grpcAddress(), http.MethodPost, "/"+m.Name
	t.Make = func(random *rand.Rand, fill func(string) string) []byte {
		if json == "" {
			return m.Random(random)
		}
		body, err := m.Encode(fill(json))
		if err != nil { // it was tried with a number in each place
			return nil
		}
		return body
	}
	if m.Long() {
		header := t.Header.Clone()
		if header == nil {
			header = make(http.Header)
		}
		header.Set(rpc.StreamHeader, m.Streams())
		t.Header = header
		if t.Hold == 0 {
			t.Hold = max(s.stage.wall(streamTime), 2*time.Second)
		}
	}
	return t
}
