package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/servers"
	"github.com/falsifiable/stability/lab/falsify/agent"
	"github.com/falsifiable/stability/lab/falsify/build"
	"github.com/falsifiable/stability/lab/falsify/load"
	"github.com/falsifiable/stability/lab/falsify/process"
)

const (
	// scale hurries the contracts, so that nobody has to wait for their minutes.
	scale = 1.0 / 20
	// rate is what two cores bear beside a browser.
	rate = 60
	// contract and check are what the leak breaks. It breaks others too, of which less is said.
	contract, check = "payment-stability-sla", "goroutines"
)

// stack is everything that runs. Stop it, also when its start failed.
type stack struct {
	dir                      string
	told                     *receiver
	alertmanager, prometheus *servers.Server
	payment                  *process.Process
	agent                    *agent.Client
	console                  string
	endLoad                  context.CancelFunc
	loaded                   chan error
}

func start(ctx context.Context) (s *stack, err error) {
	s = &stack{}
	if s.dir, err = os.MkdirTemp("", "stack-"); err != nil {
		return s, err
	}
	if s.told, err = receive(); err != nil {
		return s, err
	}
	if s.alertmanager, err = servers.Alertmanager(ctx, s.dir, s.told.url+"/alerts"); err != nil {
		return s, err
	}
	if err := s.startPayment(ctx); err != nil {
		return s, err
	}
	if err := s.startPrometheus(ctx); err != nil {
		return s, err
	}
	return s, s.drive(ctx)
}

// startPrometheus starts one with the rules that we ship.
func (s *stack) startPrometheus(ctx context.Context) error {
	rules, err := filepath.Abs("../deploy/prometheus/rules.yml")
	if err != nil {
		return err
	}
	s.prometheus, err = servers.Prometheus(ctx, s.dir, []string{s.payment.Address}, 5*time.Second, fmt.Sprintf(
		"rule_files: [%q]\nalerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}\n", rules, s.alertmanager.Address))
	return err
}

// startPayment builds the service with the fault agent laid in, and starts it.
func (s *stack) startPayment(ctx context.Context) error {
	say("building the payment service, with a fault agent in it")
	service, err := build.Build(ctx, "../examples/payment", s.dir, build.Options{})
	if err != nil {
		return err
	}
	address, err := servers.FreeAddress()
	if err != nil {
		return err
	}
	debug, err := servers.FreeAddress()
	if err != nil {
		return err
	}
	s.console = "http://" + debug + "/debug/stability/"
	socket := filepath.Join(s.dir, "agent.sock")
	s.agent = agent.New(socket)
	s.payment, err = process.Start(ctx, process.Config{
		Path: service.Binary, Dir: s.dir, Address: address, ReadyPath: "/readyz",
		Answers: func(ctx context.Context) error { _, err := s.agent.Hello(ctx); return err },
		Env: []string{
			"PAYMENT_ADDR=" + address, "DATABASE_URL=" + os.Getenv("E2E_POSTGRES"), "REDIS_URL=redis://" + os.Getenv("E2E_REDIS"), "RISK_URL=",
			fault.EnvSocket + "=" + socket, fault.EnvScale + "=" + strconv.FormatFloat(scale, 'g', -1, 64),
			"STABILITY_LISTEN=" + debug, "STABILITY_CONSOLE_URL=" + s.console, "STABILITY_EVIDENCE_DIR=" + filepath.Join(s.dir, "evidence"),
			"STABILITY_FEISHU_URL=" + s.told.url + "/chat", "STABILITY_FEISHU_SECRET=of the example",
			"STABILITY_ALERTMANAGER_URL=http://" + s.alertmanager.Address,
		},
	})
	return err
}

// drive begins the load: payments, and questions for orders that there are not.
func (s *stack) drive(ctx context.Context) error {
	cfg := load.Config{
		BaseURL: "http://" + s.payment.Address, Rate: rate, Seed: 1, Every: int(1 / scale),
		Targets: []load.Target{
			{Method: http.MethodPost, Path: "/pay", Weight: 3, Header: http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {"stack-${random}"}},
				Body: `{"account": "acct-${random}", "amount": 1299, "currency": "EUR"}`},
			{Path: "/orders/unknown-${random}"},
		},
	}
	if err := cfg.Validate(); err != nil {
		return err
	}
	ctx, s.endLoad = context.WithCancel(ctx)
	s.loaded = make(chan error, 1)
	go func() {
		_, err := load.Run(ctx, cfg)
		s.loaded <- err
	}()
	return nil
}

func (s *stack) stop() {
	if s.endLoad != nil {
		s.endLoad()
		<-s.loaded
	}
	if s.payment != nil {
		s.payment.Stop(2 * time.Second)
	}
	s.prometheus.Stop()
	s.alertmanager.Stop()
	if s.agent != nil {
		s.agent.Close()
	}
	if s.told != nil {
		s.told.close()
	}
	_ = os.RemoveAll(s.dir) // in the system's folder for temporary files
}

// judged reports whether all checks of the contract are judged.
func (s *stack) judged(ctx context.Context) (bool, error) {
	monitors, err := s.agent.Monitors(ctx, 0)
	if err != nil || len(monitors) == 0 {
		return false, err
	}
	all := monitors[0].Contracts
	i := slices.IndexFunc(all, func(c stability.ContractStatus) bool { return c.Name == contract })
	if i < 0 {
		return false, fmt.Errorf("the payment service has no contract %s", contract)
	}
	return !slices.ContainsFunc(all[i].Checks, func(k stability.CheckStatus) bool { return k.State == stability.Unknown }), nil
}

func (s *stack) leak(ctx context.Context) (order string, err error) {
	return s.agent.Inject(ctx, "goroutineleak", fault.Order{
		Params: fault.Settings{"rate": "4000", "max": "6000"}, Seed: 1, Lease: fault.DefaultLimit,
	})
}

// until asks again and again until the answer is yes.
func (s *stack) until(ctx context.Context, otherwise string, so func(context.Context) (bool, error)) error {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if yes, err := so(ctx); yes || err != nil {
			return err
		}
		if _, err := s.wait(ctx, 100*time.Millisecond, nil); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s within %v", otherwise, patience)
}

// receive waits for what somebody is to be told, and shows it.
func (s *stack) receive(ctx context.Context, otherwise string, from <-chan string) error {
	text, err := s.wait(ctx, patience, from)
	if err == nil && text == "" {
		err = fmt.Errorf("%s within %v", otherwise, patience)
	}
	if err == nil {
		say("%s", text)
	}
	return err
}

// wait passes time, until there is a text from somebody, while the service and its load run. Without a text it returns "".
func (s *stack) wait(ctx context.Context, d time.Duration, from <-chan string) (string, error) {
	select {
	case text := <-from:
		return text, nil
	case <-time.After(d):
		return "", nil
	case <-s.payment.Done():
		return "", s.payment.Exited()
	case err := <-s.loaded:
		s.loaded <- err // stop waits for it too
		return "", fmt.Errorf("the load has ended: %w", err)
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
