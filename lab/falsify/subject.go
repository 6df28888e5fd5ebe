package falsify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/cgroups"
	"github.com/falsifiable/stability/lab/falsify/agent"
	"github.com/falsifiable/stability/lab/falsify/build"
	"github.com/falsifiable/stability/lab/falsify/experiment"
	"github.com/falsifiable/stability/lab/falsify/load"
	"github.com/falsifiable/stability/lab/falsify/network"
	"github.com/falsifiable/stability/lab/falsify/noise"
	"github.com/falsifiable/stability/lab/falsify/process"
	"github.com/falsifiable/stability/lab/falsify/report"
	"github.com/falsifiable/stability/lab/falsify/rpc"
)

// stage is what all lives of the service have in common.
type stage struct {
	experiment *experiment.Experiment
	service    *build.Service
	scale      float64
	workDir    string
	poll       time.Duration
	upstreams  map[string]string // of the dependencies, host:port
	helpers    []*process.Process
	offer      *offer        // what the service offers over gRPC, nil if that is not asked
	patience   time.Duration // how long a start may take, once that is known
}

// pollInterval is fine enough to draw a run and coarse enough not to be a load of its own.
func pollInterval(scale float64) time.Duration {
	return min(max(time.Duration(float64(5*time.Second)*scale), 40*time.Millisecond), time.Second)
}

// grace is how long a service may take to end politely. It has been judged; nothing depends on how it goes.
const grace = 200 * time.Millisecond

// openStage starts the dependencies that are ours to start.
func openStage(ctx context.Context, e *experiment.Experiment, service *build.Service, scale float64, workDir string) (*stage, error) {
	s := &stage{
		experiment: e, service: service, scale: scale, workDir: workDir, poll: pollInterval(scale), upstreams: make(map[string]string),
	}
	for name, d := range e.Dependencies {
		s.upstreams[name] = d.Upstream
		if len(d.Command) == 0 {
			continue
		}
		address, err := freeAddress()
		if err != nil {
			return s, err
		}
		command := expand(d.Command, map[string]string{"${service}": service.Binary, "${address}": address, "${port}": portOf(address)})
		helper, err := process.Start(ctx, process.Config{Path: command[0], Args: command[1:], Dir: service.WorkDir, Address: address})
		if err != nil {
			return s, fmt.Errorf("falsify: starting dependency %s: %w", name, err)
		}
		s.helpers = append(s.helpers, helper)
		s.upstreams[name] = helper.Address
	}
	return s, nil
}

// close ends the dependencies.
func (s *stage) close() {
	for _, h := range s.helpers {
		h.Kill()
	}
}

// subject is one life of the service: its process, its proxies, its load, and whoever watches. Stop it.
type subject struct {
	group   *cgroups.Group // nil without one
	stage   *stage
	process *process.Process
	client  *agent.Client
	hello   fault.Hello // how its agent introduced itself
	proxies map[string]*network.Proxy
	watch   *watch
	dir     string
	second  string // where it is to listen for gRPC, if that is another address

	calls *rpc.Caller
	noise *noise.Meter

	endLoad context.CancelFunc
	live    *load.Live
	loaded  chan load.Summary
}

// start brings the service up. Its files, temporary ones included, are in a directory that goes with it.
func (s *stage) start(ctx context.Context) (*subject, error) {
	dir, err := os.MkdirTemp(s.workDir, "run-")
	if err != nil {
		return nil, fmt.Errorf("falsify: %w", err)
	}
	one := &subject{stage: s, dir: dir, proxies: make(map[string]*network.Proxy)}
	if err := one.launch(ctx); err != nil {
		one.stop()
		return nil, err
	}
	one.watch = newWatch(one.client)
	return one, nil
}

func (s *subject) launch(ctx context.Context) error {
	for name, upstream := range s.stage.upstreams {
		proxy, err := network.Listen(name, upstream)
		if err != nil {
			return err
		}
		s.proxies[name] = proxy
	}
	socket := filepath.Join(s.dir, "a.sock")
	s.client = agent.New(socket)
	command, err := s.enclose()
	if err != nil {
		return err
	}
	for range 2 { // between choosing a free port and using it another process may take it: try once more
		var address string
		if address, err = freeAddress(); err != nil {
			return err
		}
		if len(s.stage.experiment.GRPCAddressEnv) > 0 || s.stage.experiment.Mentions("${grpc_") {
			if s.second, err = freeAddress(); err != nil {
				return err
			}
		}
		s.process, err = process.Start(ctx, process.Config{
			StartLimit: s.stage.patience,
			Path:       s.stage.service.Binary, Args: s.args(address), Dir: s.stage.service.WorkDir, Env: s.env(address, socket),
			Address: address, ReadyPath: s.stage.experiment.Ready, Command: command,
			Answers: func(ctx context.Context) (err error) { s.hello, err = s.client.Hello(ctx); return err },
		})
		exit, ended := errors.AsType[*process.ExitError](err)
		if !ended || !strings.Contains(exit.Output, "address already in use") {
			break
		}
	}
	return err
}

// enclose makes the control group that the experiment wants, and returns how to start a command in it.
func (s *subject) enclose() (func(string, ...string) *exec.Cmd, error) {
	want := s.stage.experiment.Cgroup
	if want == (experiment.Cgroup{}) {
		return nil, nil
	}
	group, err := cgroups.Make("stability-"+filepath.Base(s.dir), cgroups.Limits{Memory: int64(want.Memory), CPU: want.CPUs})
	if err != nil {
		return nil, fmt.Errorf("falsify: the experiment wants a control group: %w", err)
	}
	s.group = group
	return group.Command, nil
}

// placeholders are what arguments and environment variables may ask for.
func (s *subject) placeholders(address string) map[string]string {
	return map[string]string{
		"${address}": address, "${port}": portOf(address), "${dir}": s.dir, "${grpc_address}": s.second, "${grpc_port}": portOf(s.second),
	}
}

func (s *subject) args(address string) []string {
	return expand(s.stage.experiment.Args, s.placeholders(address))
}

// grpcAddress is where gRPC is spoken, if it is.
func (s *subject) grpcAddress() string { return cmp.Or(s.second, s.process.Address) }

func (s *subject) env(address, socket string) []string {
	e := s.stage.experiment
	env := []string{
		fault.EnvSocket + "=" + socket,
		fault.EnvScale + "=" + strconv.FormatFloat(s.stage.scale, 'g', -1, 64),
		"TMPDIR=" + s.dir, "PORT=" + portOf(address), "ADDR=" + address,
	}
	for _, name := range e.AddressEnv {
		env = append(env, name+"="+address)
	}
	for _, name := range e.GRPCAddressEnv {
		env = append(env, name+"="+s.second)
	}
	for name, value := range e.Env {
		env = append(env, name+"="+expand([]string{value}, s.placeholders(address))[0])
	}
	for name, d := range e.Dependencies {
		value := d.Value
		if value == "" {
			value = "${address}"
		}
		env = append(env, d.Env+"="+strings.ReplaceAll(value, "${address}", s.proxies[name].Address()))
	}
	return env
}

// drive begins the load.
func (s *subject) drive(ctx context.Context, l experiment.Load, shape load.Shape, factor float64, period time.Duration, seed uint64) error {
	cfg := load.Config{
		BaseURL: "http://" + s.process.Address, Rate: l.Rate, Shape: shape, Period: period, Seed: seed, Timeout: time.Duration(l.Timeout),
		Every: int(math.Round(1 / s.stage.scale)), // else a hurried contract would see the noise of a sample
	}
	if cfg.Rate == 0 {
		cfg.Rate = defaultRate
	}
	cfg.Rate *= factor
	s.calls = new(rpc.Caller)
	cfg.Targets, cfg.StatusHeader, cfg.Protocols = s.targets(l), rpc.StatusHeader, map[string]http.RoundTripper{rpc.Scheme: s.calls}
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	s.live = new(load.Live)
	cfg.Live = s.live
	ctx, s.endLoad = context.WithCancel(ctx)
	s.loaded = make(chan load.Summary, 1)
	go func() {
		summary, err := load.Run(ctx, cfg)
		if err != nil {
			summary.Error = err.Error()
		}
		s.loaded <- summary
	}()
	return nil
}

// defaultRate is gentle: three services side by side leave two cores mostly idle.
const defaultRate = 50

// stop ends load, service and proxies, in this order, and returns what the load met. It is safe on a subject that
// came up only in part.
func (s *subject) stop() report.Load {
	var met load.Summary
	if s.endLoad != nil {
		s.endLoad()
		met = <-s.loaded
		s.calls.Close()
	}
	if s.process != nil {
		s.process.Stop(grace)
	}
	if s.client != nil {
		s.client.Close()
	}
	for _, p := range s.proxies {
		p.Close()
	}
	if s.group != nil {
		s.group.Remove()
	}
	// A directory that cannot be removed goes with the work directory it is in.
	_ = os.RemoveAll(s.dir)
	return loadOf(met)
}

// errLimit ends a wait that took too long.
var errLimit = errors.New("falsify: the limit is over")

// until looks on until done, or until the limit is over (errLimit), the service has ended (*process.ExitError), the
// agent has fallen silent (errSilent) or ctx is done.
func (s *subject) until(ctx context.Context, limit time.Duration, done func() bool) error {
	tick := time.NewTicker(s.stage.poll)
	defer tick.Stop()
	end := time.Now().Add(limit)
	for {
		if err := s.watch.look(ctx); err != nil {
			return err
		}
		if done() {
			return nil
		}
		if time.Now().After(end) {
			return errLimit
		}
		select {
		case <-tick.C:
		case <-s.process.Done():
			return s.process.Exited()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// wall is how long a contract time takes by the clock.
func (s *stage) wall(d time.Duration) time.Duration { return time.Duration(float64(d) * s.scale) }

// contract is a clock's time in the contract's own, in seconds.
func (s *stage) contract(d time.Duration) float64 { return d.Seconds() / s.scale }

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("falsify: looking for a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

func expand(words []string, values map[string]string) []string {
	var pairs []string
	for k, v := range values {
		pairs = append(pairs, k, v)
	}
	replace := strings.NewReplacer(pairs...)
	expanded := make([]string, len(words))
	for i, w := range words {
		expanded[i] = replace.Replace(w)
	}
	return expanded
}
