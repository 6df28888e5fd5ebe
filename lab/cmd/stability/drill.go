package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/falsifiable/stability/lab/recovery"
	"github.com/falsifiable/stability/signals"
)

const drillHelp = `stability drill [flags] holds a running service to a recovery criterion: a signal is back at its baseline, in time, after an action.

  stability drill -metrics http://localhost:8080/metrics -pid 4711
  stability drill -metrics http://localhost:8080/metrics -press 'hey -n 5000 http://localhost:8080/report' -pid 4711
  stability drill -metrics http://localhost:8080/metrics -post http://localhost:8080/admin/freememory -signal go.memory.used -within 1m

It takes the baseline, runs the command of -press, which is to move the signal, acts (SIGUSR1 to -pid, or a POST), and looks until the
signal is back. A service has to have chosen to listen: see package response/freememory. Without that SIGUSR1 does
nothing to a Go program, and ends most others.
Exit codes: 0 recovered, 1 not, 2 usage, 3 it could not be told.

`

// drill is what the command line says.
type drill struct {
	metrics, post, press string
	pid                  int
	baseline             time.Duration
	every                time.Duration
	criterion            recovery.Criterion
}

func runDrill(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	d, err := parseDrill(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintln(stderr, "stability drill:", err)
		return exitUsage
	}
	after, recovered, why, err := d.run(ctx, stdout)
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "stability drill:", err)
		return 3
	case !recovered:
		fmt.Fprintf(stdout, "not recovered: %s: %s\n", d.criterion, why)
		return exitFailed
	}
	fmt.Fprintf(stdout, "recovered after %v: %s\n", after.Round(time.Millisecond), d.criterion)
	return exitOK
}

func parseDrill(args []string, stderr io.Writer) (drill, error) {
	var d drill
	flags := flag.NewFlagSet("drill", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	signal := flags.String("signal", "go.memory.heap.inuse", "the `signal` that is to come back")
	margin := flags.String("margin", "5%", "how near to its baseline, as a `share` of it")
	within := flags.String("within", "2m", "how soon after the action, a `duration`")
	flags.StringVar(&d.metrics, "metrics", "", "the `URL` of the service's /metrics; required")
	flags.IntVar(&d.pid, "pid", 0, "send SIGUSR1 to this `process`")
	flags.StringVar(&d.post, "post", "", "POST to this `URL` instead")
	flags.StringVar(&d.press, "press", "", "run this `command` between baseline and action, with sh -c")
	flags.DurationVar(&d.baseline, "baseline", 10*time.Second, "how `long` the baseline is taken")
	flags.DurationVar(&d.every, "every", time.Second, "the `time` between two readings")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stderr, drillHelp)
		flags.SetOutput(stderr)
		flags.PrintDefaults()
	}
	if err != nil {
		return d, err
	}
	if d.metrics == "" || (d.pid == 0) == (d.post == "") || d.every <= 0 || d.baseline < d.every {
		return d, errors.New("give -metrics, one of -pid and -post, and a -baseline that is no shorter than -every; stability drill -h has examples")
	}
	schema := signals.NewSchema(signals.Standard()...)
	if id, _, ok := schema.Lookup(*signal); ok {
		*signal = schema.Desc(id).Name
	} else {
		return d, fmt.Errorf("-signal: there is no signal %s", *signal)
	}
	d.criterion, err = recovery.Parse(*signal, *margin, *within)
	return d, err
}

func (d drill) run(ctx context.Context, stdout io.Writer) (after time.Duration, recovered bool, why string, err error) {
	tick := time.NewTicker(d.every)
	defer tick.Stop()
	wait := func() error {
		select {
		case <-tick.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	total, n := 0.0, 0
	for begun := time.Now(); n == 0 || time.Since(begun) < d.baseline; n++ {
		v, err := d.read(ctx)
		if err != nil {
			return 0, false, "", err
		}
		total += v
		if err := wait(); err != nil {
			return 0, false, "", err
		}
	}
	baseline := total / float64(n)
	fmt.Fprintf(stdout, "baseline: %s = %g\n", d.criterion.Signal, baseline)
	if err := d.pressAndAct(ctx, stdout); err != nil {
		return 0, false, "", err
	}
	var readings []recovery.Reading
	for begun := time.Now(); time.Since(begun) < d.criterion.Within+3*d.every; {
		v, err := d.read(ctx)
		if err != nil {
			return 0, false, "", err
		}
		readings = append(readings, recovery.Reading{After: time.Since(begun), Value: v})
		if after, recovered, why = d.criterion.Judge(baseline, readings); recovered {
			return after, true, "", nil
		}
		if err := wait(); err != nil {
			return 0, false, "", err
		}
	}
	return after, false, why, nil
}

func (d drill) pressAndAct(ctx context.Context, stdout io.Writer) error {
	if d.press != "" {
		if output, err := exec.CommandContext(ctx, "sh", "-c", d.press).CombinedOutput(); err != nil {
			return fmt.Errorf("-press: %w: %s", err, output)
		}
		v, err := d.read(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "pressed: %s = %g\n", d.criterion.Signal, v)
	}
	if d.post == "" {
		if err := listens(d.pid); err != nil {
			return err
		}
		return sendUSR1(d.pid)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.post, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Timeout: 30 * time.Second}).Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %s", d.post, response.Status)
	}
	return nil
}

// listens returns an error if the process does not catch the signal, which would then end it.
func listens(pid int) error {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if os.IsNotExist(err) {
		if _, linux := os.Stat("/proc/self/status"); linux != nil {
			return nil // only Linux tells which signals a process catches
		}
		return fmt.Errorf("there is no process %d", pid)
	}
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(content)) {
		if mask, ok := strings.CutPrefix(line, "SigCgt:"); ok {
			bits, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
			if err == nil && bits&(1<<(usr1-1)) == 0 {
				return fmt.Errorf("process %d does not listen to SIGUSR1: it would end; see package response/freememory", pid)
			}
		}
	}
	return nil
}

// exportedAs reports whether a metric is the signal, by the rule of package telemetry: its name with underscores, the unit
// behind it, and _total behind that for a counter.
func (d drill) exportedAs(metric string) bool {
	rest, ok := strings.CutPrefix(metric, "stability_signal_"+strings.ReplaceAll(d.criterion.Signal, ".", "_"))
	if !ok {
		return false
	}
	schema := signals.NewSchema(signals.Standard()...)
	id, _, _ := schema.Lookup(d.criterion.Signal)
	rest = strings.TrimSuffix(rest, "_total")
	return rest == "" || rest == "_"+schema.Desc(id).Unit.String()
}

// read returns the signal's value from the metrics page, summed over its instances.
func (d drill) read(ctx context.Context) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.metrics, nil)
	if err != nil {
		return 0, err
	}
	response, err := (&http.Client{Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	total, found := 0.0, false
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		line := lines.Text()
		name, _, _ := strings.Cut(line, " ")
		name, _, _ = strings.Cut(name, "{")
		if d.exportedAs(name) {
			fields := strings.Fields(line)
			if v, err := strconv.ParseFloat(fields[len(fields)-1], 64); err == nil && !math.IsNaN(v) {
				total, found = total+v, true
			}
		}
	}
	if !found {
		return 0, fmt.Errorf("%s does not have %s: does the service read that signal?", d.metrics, d.criterion.Signal)
	}
	return total, nil
}
