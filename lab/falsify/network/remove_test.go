package network

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// torrent is a dependency that writes without end to whoever connects.
func torrent(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			go func() {
				defer conn.Close()
				for buffer := make([]byte, 64<<10); ; {
					if _, err := conn.Write(buffer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// A fault is removed at once from connections whose client does not read, or is gone, and the proxy closes.
func TestRemoveWhileNobodyReads(t *testing.T) {
	for name, client := range map[string]func(net.Conn){
		"reads nothing": func(net.Conn) {},
		"has given up":  func(c net.Conn) { c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Listen("dependency", torrent(t))
			if err != nil {
				t.Fatal(err)
			}
			injection := inject(t, p, "latency", map[string]string{"delay": "20ms"})
			conn, err := net.Dial("tcp", p.Address())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			wait(t, func() bool { return injection.Witness().Active })
			client(conn)
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = injection.Remove(context.Background())
				p.Close()
			}()
			select {
			case <-done:
			case <-time.After(10 * time.Second):
				t.Fatal("removal and close have not come to their end in 10 s")
			}
		})
	}
}

// The client's time limit is shorter than the delay: each of its requests is broken off while an answer is held up.
func TestRemoveWhileClientsGiveUp(t *testing.T) {
	dependency := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 256<<10)) }))
	defer dependency.Close()
	p, err := Listen("dependency", dependency.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	injection := inject(t, p, "latency", map[string]string{"delay": "250ms", "jitter": "200ms"})
	client := http.Client{Timeout: 100 * time.Millisecond}
	get := func() (n int64, err error) {
		response, err := client.Get("http://" + p.Address())
		if err != nil {
			return 0, err
		}
		defer response.Body.Close()
		return io.Copy(io.Discard, response.Body)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for t.Context().Err() == nil { // on a busy machine none of the first may have come as far as an answer
				if _, _ = get(); injection.Witness().Active {
					return
				}
			}
		})
	}
	wait(t, func() bool { return injection.Witness().Active })
	begun := time.Now()
	if _, err := injection.Remove(t.Context()); err != nil || time.Since(begun) > 5*time.Second {
		t.Errorf("removal took %v, %v", time.Since(begun), err)
	}
	all.Wait()
	client.Timeout = 10 * time.Second
	if n, err := get(); err != nil || n != 256<<10 {
		t.Errorf("after removal an answer has %d bytes, %v", n, err)
	}
}

// A large answer goes through a delay whole and in order.
func TestLatencyLosesNothing(t *testing.T) {
	body := make([]byte, 8<<20)
	for i := range body {
		body[i] = byte(i / 1021)
	}
	dependency := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) }))
	defer dependency.Close()
	p, err := Listen("dependency", dependency.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	injection := inject(t, p, "latency", map[string]string{"delay": "5ms"})
	got := make(chan []byte, 1)
	go func() {
		response, err := http.Get("http://" + p.Address())
		if err != nil {
			got <- nil
			return
		}
		defer response.Body.Close()
		all, _ := io.ReadAll(response.Body)
		got <- all
	}()
	wait(t, func() bool { return injection.Witness().Value > 10 })
	if _, err := injection.Remove(t.Context()); err != nil { // in the middle
		t.Fatal(err)
	}
	if all := <-got; string(all) != string(body) {
		t.Errorf("%d bytes arrived of %d, or others", len(all), len(body))
	}
}

func wait(t *testing.T, condition func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it has not happened in 20 s")
		}
	}
}
