// Command memory runs a program that uses memory in several ways in a real control group, under several memory limiters, and
// prints how often it survived and what it got done.
//
//	go run ./bench/memory -rounds 3     about ten minutes; needs the rights to make control groups
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"

	"github.com/falsifiable/stability/internal/cgroups"
)

const container = 192 << 20

func main() {
	rounds := flag.Int("rounds", 3, "runs of each pair, of which the median is printed")
	flag.Parse()
	if err := run(*rounds); err != nil {
		fmt.Fprintln(os.Stderr, "memory:", err)
		os.Exit(1)
	}
}

func run(rounds int) error {
	dir, err := os.MkdirTemp("", "memory")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "hungry")
	where := "./programs/hungry"
	if _, err := os.Stat("bench"); err == nil {
		where = "./bench/programs/hungry"
	}
	if out, err := exec.Command("go", "build", "-o", program, where).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, make([]byte, 2*container), 0o600); err != nil {
		return err
	}
	limiters := []string{"none", "0.5", "0.6", "0.7", "0.8", "0.9", "0.95", "automemlimit", "ours"}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "shape")
	for _, l := range limiters {
		fmt.Fprint(w, "\t", l)
	}
	fmt.Fprintln(w, "\t(million nodes, 99th percentile of 2000; killed of runs)")
	for _, shape := range []string{"steady", "ramp", "burst", "cache", "offheap"} {
		fmt.Fprint(w, shape)
		for _, l := range limiters {
			cell, err := measure(program, l, shape, file, rounds)
			if err != nil {
				return err
			}
			fmt.Fprint(w, "\t", cell)
		}
		fmt.Fprintln(w)
		w.Flush()
	}
	return nil
}

// measure runs a pair and returns its cell.
func measure(program, limiter, shape, file string, rounds int) (string, error) {
	var done, p99 []float64
	killed := 0
	for range rounds {
		g, err := cgroups.Make(fmt.Sprintf("stability-bench-%d", os.Getpid()), cgroups.Limits{Memory: container})
		if errors.Is(err, cgroups.ErrUnavailable) {
			return "", fmt.Errorf("NOT RUN: %w", err)
		}
		out, _ := g.Command(program, limiter, shape, strconv.Itoa(container), file).Output()
		var d, p float64
		if _, err := fmt.Sscan(string(out), &d, &p); err == nil {
			done, p99 = append(done, d/1e6), append(p99, p/1000)
		}
		killed += g.Kills()
		g.Remove()
	}
	if len(done) == 0 {
		return fmt.Sprintf("killed %d/%d", killed, rounds), nil
	}
	slices.Sort(done)
	slices.Sort(p99)
	cell := fmt.Sprintf("%.1f, %.1f ms", done[len(done)/2], p99[len(p99)/2])
	if killed > 0 {
		cell += fmt.Sprintf(", killed %d/%d", killed, rounds)
	}
	return cell, nil
}
