// Package servers is for what is tried on real servers: it starts Prometheus, an Alertmanager, an OpenTelemetry Collector and a store of
// logs. Each listens on a port of its own of the loopback interface and keeps its files in the folder it is given.
package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// startLimit is for a machine that is busy with other tests.
const startLimit = 2 * time.Minute

// Server is a running server. Stop it.
type Server struct {
	Address string // host:port
	Output  string // the file with what it writes

	end  context.CancelFunc
	done chan struct{} // closed when it has ended
}

// Stop ends the server, and waits until it has ended. A nil Server is none.
func (s *Server) Stop() {
	if s != nil {
		s.end()
		<-s.done
	}
}

// FreeAddress returns an address of the loopback interface that nobody listened on a moment ago.
func FreeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("servers: looking for a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// listen stands in a configuration for where the server is to listen.
const listen = "LISTEN"

// server is a program that is told where to listen on its command line or in its configuration.
type server struct {
	program string
	config  string // the content of its configuration file
	ready   string // the path that answers when it can be used
	args    func(config, address string) []string
}

// start starts it and waits until it can be used. It outlives ctx, which bounds the start.
func (s server) start(ctx context.Context, dir string) (*Server, error) {
	address, err := FreeAddress()
	if err != nil {
		return nil, err
	}
	name := filepath.Join(dir, filepath.Base(s.program))
	if err := os.WriteFile(name+".yml", []byte(strings.ReplaceAll(s.config, listen, address)), 0o600); err != nil {
		return nil, fmt.Errorf("servers: %w", err)
	}
	output, err := os.Create(name + ".log")
	if err != nil {
		return nil, fmt.Errorf("servers: %w", err)
	}
	defer output.Close()
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	cmd := exec.CommandContext(life, s.program, s.args(name+".yml", address)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, output, output
	if err := cmd.Start(); err != nil {
		end()
		return nil, fmt.Errorf("servers: starting %s: %w", s.program, err)
	}
	started := &Server{Address: address, Output: output.Name(), end: end, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in what it wrote
		close(started.done)
	}()
	if err := started.await(ctx, s.ready); err != nil {
		started.Stop()
		said, _ := os.ReadFile(output.Name())
		return nil, fmt.Errorf("servers: starting %s: %w; it says:\n%s", s.program, err, said[max(0, len(said)-4096):])
	}
	return started, nil
}

// await asks until the server answers.
func (s *Server) await(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !s.answers(ctx, path) {
		select {
		case <-tick.C:
		case <-s.done:
			return errors.New("it has ended")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (s *Server) answers(ctx context.Context, path string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Address+path, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK || path == "" // without a path to ask for, that it listens is all there is to know
}

// Alertmanager starts one that tells a webhook of each alert at once; "" for no webhook.
func Alertmanager(ctx context.Context, dir, webhook string) (*Server, error) {
	receiver := "{name: all}"
	if webhook != "" {
		receiver = fmt.Sprintf("{name: all, webhook_configs: [{url: %q}]}", webhook)
	}
	return server{
		program: "prometheus-alertmanager", ready: "/-/ready",
		config: "route: {receiver: all, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}\nreceivers: [" + receiver + "]\n",
		args: func(config, address string) []string {
			return []string{"--config.file=" + config, "--storage.path=" + dir, "--web.listen-address=" + address, "--cluster.listen-address="}
		},
	}.start(ctx, dir)
}

// Prometheus starts one that scrapes targets, each host:port, every so often as job payment. The further lines of its configuration may name
// rules and an Alertmanager; "" for none. On a busy machine leave it time: a scrape that is missed begins an alert's minute anew.
func Prometheus(ctx context.Context, dir string, targets []string, every time.Duration, further string) (*Server, error) {
	return server{
		program: "prometheus", ready: "/-/ready",
		config: fmt.Sprintf("global: {scrape_interval: %v, scrape_timeout: %v, evaluation_interval: 1s}\nscrape_configs: [{job_name: payment, static_configs: [{targets: ['%s']}]}]\n%s", every, every, strings.Join(targets, "', '"), further),
		args: func(config, address string) []string {
			return []string{"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "prometheus"), "--web.listen-address=" + address,
				"--enable-feature=exemplar-storage"}
		},
	}.start(ctx, dir)
}
