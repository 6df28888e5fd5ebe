package stabilitygrpc

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/falsifiable/stability/internal/timescale"
)

// scale hurries the contracts: their half minute takes half a second here, as under stability falsify.
const scale = 1.0 / 60

const (
	roleVariable    = "STABILITYGRPC_TEST_SERVER" // set in the process of a server
	streamsVariable = "STABILITYGRPC_TEST_STREAMS"
	minTimeVariable = "STABILITYGRPC_TEST_MIN_TIME"
)

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) != "" {
		playServer()
		return
	}
	timescale.Set(scale)
	os.Exit(m.Run())
}

// playServer is the main function of a server in a process of its own: it prints its address, and takes orders by the line: how
// long each call is to take from now on; below zero, that it is to fail.
func playServer() {
	streams, err := strconv.ParseUint(os.Getenv(streamsVariable), 10, 32)
	if err != nil {
		panic(err)
	}
	minTime, err := time.ParseDuration(os.Getenv(minTimeVariable))
	if err != nil {
		panic(err)
	}
	handlers, err := NewServer(ServerConfig{MaxConcurrentStreams: uint32(streams), Keepalive: Keepalive{MinTime: minTime}})
	if err != nil {
		panic(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	var latency atomic.Int64
	server := grpc.NewServer(handlers.Options(nil)...)
	healthpb.RegisterHealthServer(server, &service{
		check: func(ctx context.Context) error {
			if latency.Load() < 0 {
				return status.Error(codes.Unavailable, "out of order")
			}
			timer := time.NewTimer(time.Duration(latency.Load()))
			defer timer.Stop()
			select {
			case <-timer.C:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		watch: func(s grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
			<-s.Context().Done()
			return s.Context().Err()
		},
	})
	go func() { _ = server.Serve(listener) }()
	fmt.Println(listener.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); fmt.Println("ok") {
		d, err := time.ParseDuration(lines.Text())
		if err != nil {
			panic(err)
		}
		latency.Store(int64(d))
	}
}

// remote is a server in a process of its own.
type remote struct {
	t       *testing.T
	address string
	orders  io.Writer
	answers *bufio.Reader
}

func startRemote(t *testing.T, streams int, minTime time.Duration) *remote {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), roleVariable+"=1", fmt.Sprint(streamsVariable, "=", streams), fmt.Sprint(minTimeVariable, "=", minTime))
	command.Stderr = os.Stderr
	orders, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		orders.Close() // it ends with its orders
		_ = command.Wait()
	})
	r := &remote{t: t, orders: orders, answers: bufio.NewReader(output)}
	r.address = r.answer()
	return r
}

func (r *remote) answer() string {
	r.t.Helper()
	line, err := r.answers.ReadString('\n')
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// broken, as an order, makes each call fail with UNAVAILABLE.
const broken = -time.Nanosecond

// take makes each call take that long from now on.
func (r *remote) take(d time.Duration) {
	r.t.Helper()
	if _, err := fmt.Fprintln(r.orders, d); err != nil {
		r.t.Fatal(err)
	}
	r.answer()
}
