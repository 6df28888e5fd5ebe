// Command payment is a payment service, and the example of how a service uses the stability library: all of that is in
// stability.go and contract.go.
//
// It needs nothing but itself: where it is not told of a database, a Redis or a risk-scoring service, it brings one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/falsifiable/stability/examples/payment/internal/httpapi"
	"github.com/falsifiable/stability/examples/payment/internal/standin"
)

// shutdownTimeout is how long requests in flight may take to end.
const shutdownTimeout = 10 * time.Second

// config is what the flags and the environment say.
type config struct {
	addr                           string
	databaseURL, redisURL, riskURL string
	operatorURL                    string
	onlyRisk, onlyRedis            string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := run(ctx, os.Args[1:], os.Getenv, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run is the program, until ctx ends.
func run(ctx context.Context, args []string, getenv func(string) string, stderr io.Writer) error {
	cfg, err := readConfig(args, getenv, stderr)
	if err != nil {
		return err
	}
	log := newLogger(slog.NewJSONHandler(stderr, nil))
	if cfg.onlyRisk != "" || cfg.onlyRedis != "" {
		return runStandins(ctx, cfg, log)
	}
	return runService(ctx, cfg, log)
}

func readConfig(args []string, getenv func(string) string, stderr io.Writer) (config, error) {
	cfg := config{
		addr:        getenv("PAYMENT_ADDR"),
		databaseURL: getenv("DATABASE_URL"),
		redisURL:    getenv("REDIS_URL"),
		riskURL:     getenv("RISK_URL"),
		operatorURL: getenv("OPERATOR_URL"),
	}
	if cfg.addr == "" {
		cfg.addr = "127.0.0.1:8080"
	}
	flags := flag.NewFlagSet("payment", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&cfg.addr, "addr", cfg.addr, "listen on this `address`; PAYMENT_ADDR")
	flags.StringVar(&cfg.onlyRisk, "risk", "", "serve only the stand-in risk-scoring service, on this `address`")
	flags.StringVar(&cfg.onlyRedis, "redis", "", "serve only the stand-in Redis, on this `address`")
	flags.Usage = func() {
		fmt.Fprint(stderr, "payment takes payments over HTTP.\n\n"+
			"DATABASE_URL, REDIS_URL and RISK_URL say where its dependencies are; each defaults to an embedded one.\n"+
			"OPERATOR_URL says where the operator of the cluster takes reports in; without it there are none.\n\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return config{}, err
	}
	if flags.NArg() > 0 {
		return config{}, fmt.Errorf("payment: reading the command line: unexpected argument %q", flags.Arg(0))
	}
	return cfg, nil
}

func runService(ctx context.Context, cfg config, log *slog.Logger) (err error) {
	// Listening comes first: when the address is taken, nothing else needs to be undone.
	listener, err := net.Listen("tcp", cfg.addr)
	if err != nil {
		return fmt.Errorf("payment: listening: %w", err)
	}
	defer listener.Close()
	app, err := newApp(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Close()) }()
	watched, err := watch(ctx, app, cfg.operatorURL, log)
	if err != nil {
		return err
	}
	defer watched.Stop()
	mux := http.NewServeMux()
	if err := watched.Mount(mux); err != nil {
		return err
	}
	mux.Handle("/", httpapi.Guard(log, watched.Middleware(app.routes)))
	return serve(ctx, listener, mux, log)
}

// serve answers requests until ctx ends; then it lets those in flight end.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	log.Info("serving", "addr", listener.Addr().String())
	select {
	case err := <-failed:
		return fmt.Errorf("payment: serving: %w", err)
	case <-ctx.Done():
	}
	log.Info("shutting down")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("payment: shutting down: %w", err), server.Close())
	}
	return nil
}

// runStandins serves the dependencies alone, so that something can be put between them and the service.
func runStandins(ctx context.Context, cfg config, log *slog.Logger) error {
	if cfg.onlyRisk != "" {
		risk, err := standin.StartRisk(cfg.onlyRisk)
		if err != nil {
			return err
		}
		defer risk.Close()
		log.Info("serving the stand-in risk service", "url", risk.URL())
	}
	if cfg.onlyRedis != "" {
		redis, err := standin.StartRedis(cfg.onlyRedis)
		if err != nil {
			return err
		}
		defer redis.Close()
		log.Info("serving the stand-in Redis", "url", redis.URL())
	}
	<-ctx.Done()
	return nil
}
