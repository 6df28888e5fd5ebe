package pool

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

const help = `stability experiment pool [flags] measures settings of a database/sql pool on a real PostgreSQL: three of which
figures are claimed, a sweep for the best static setting, and what defense/poolsize makes of bad starts. Ten minutes with the defaults.

  stability experiment pool -dsn postgres://localhost/scratch
  lab/e2e/run.sh stability experiment pool        beside a PostgreSQL of its own, which sets E2E_POSTGRES

It reads and writes no table. The load is open-loop and seeded. Exit codes: 0 measured, 1 failed, 2 usage.

`

// Main is the command: it takes the arguments after "stability experiment" and returns the exit code.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	const failed, usage = 1, 2
	if len(args) > 0 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help") {
		args = []string{"pool", "-h"}
	}
	if len(args) == 0 || args[0] != "pool" {
		fmt.Fprintln(stderr, "stability experiment: the one experiment is pool; stability experiment pool -h tells more")
		return usage
	}
	var c Config
	flags := flag.NewFlagSet("experiment pool", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&c.DSN, "dsn", os.Getenv("E2E_POSTGRES"), "PostgreSQL's `url`; defaults to E2E_POSTGRES")
	flags.Float64Var(&c.Rate, "rate", 100, "requests a second")
	flags.DurationVar(&c.Hold, "hold", 0, "mean time that a request holds its connection (default 90ms)")
	flags.DurationVar(&c.Phase, "phase", 0, "how long each static setting is measured (default 8s)")
	flags.DurationVar(&c.Control, "control", 0, "how long poolsize gets from each start (default 45s)")
	flags.DurationVar(&c.Interval, "interval", 0, "time between two steps of poolsize (default 500ms)")
	flags.Uint64Var(&c.Seed, "seed", 1, "seed of arrivals and hold times")
	out := flags.String("out", "pool.html", "`file` for the report with its plots; empty for none")
	flags.Usage = func() { fmt.Fprint(stderr, help); flags.PrintDefaults() }
	if err := flags.Parse(args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return usage
	}
	c.Progress = func(phase string) { fmt.Fprintln(stderr, phase) }
	r, err := Run(ctx, c)
	if err == nil {
		err = r.publish(stdout, *out)
	}
	switch {
	case errors.Is(err, ErrNoDatabase):
		fmt.Fprintln(stderr, "stability experiment pool: give a PostgreSQL by -dsn, or run it by lab/e2e/run.sh")
		return usage
	case err != nil:
		fmt.Fprintln(stderr, "stability experiment pool:", err)
		return failed
	}
	return 0
}

func (r *Report) publish(stdout io.Writer, name string) error {
	if err := r.WriteText(stdout); err != nil || name == "" {
		return err
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := errors.Join(r.WriteHTML(file), file.Close()); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "\nreport:", name)
	return nil
}
