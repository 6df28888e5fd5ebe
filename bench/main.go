// Command bench measures every capability beside its peers, in the same run, and prints the ratios.
//
//	go run ./bench                  everything; about five minutes
//	go run ./bench -run=Tick        only benchmarks whose name matches
//
// A benchmark of this module has sub-benchmarks: one called ours, the others named after the peer. The ratio is the
// peer's figure by ours, so above 1 we are ahead. Machines are shared and noisy: each figure is the median of several
// runs, the least and greatest stand beside it.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func main() {
	pattern := flag.String("run", ".", "regular expression of the benchmarks to run")
	count := flag.Int("count", 5, "runs of each, of which the median is printed")
	time := flag.String("benchtime", "200ms", "how long each run lasts")
	flag.Parse()
	if err := run(*pattern, *count, *time); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(pattern string, count int, time string) error {
	dir := "."
	if _, err := os.Stat("bench/go.mod"); err == nil {
		dir = "bench"
	}
	cmd := exec.Command("go", "test", "-run=^$", "-bench="+pattern, "-benchmem",
		"-count="+strconv.Itoa(count), "-benchtime="+time, "./...")
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout = io.MultiWriter(&out, progress{os.Stderr})
	cmd.Stderr = os.Stderr
	runErr := cmd.Run()
	groups := parse(&out)
	if len(groups) == 0 {
		return fmt.Errorf("no benchmark of module %s matches %q: %v", filepath.Base(dir), pattern, runErr)
	}
	fmt.Fprintln(os.Stderr)
	report(os.Stdout, groups)
	return runErr
}

// progress shows one dot per finished benchmark, and what is left out.
type progress struct{ w io.Writer }

func (p progress) Write(b []byte) (int, error) {
	fmt.Fprint(p.w, strings.Repeat(".", bytes.Count(b, []byte("\nBenchmark"))))
	for line := range bytes.Lines(b) {
		if bytes.HasPrefix(line, []byte("left out: ")) {
			fmt.Fprintf(p.w, "\n%s", line)
		}
	}
	return len(b), nil
}

// group is a benchmark with its variants.
type group struct {
	name     string
	variants []*variant
}

type variant struct {
	name   string
	ns     []float64
	bytes  float64
	allocs float64
	extra  string // further figures of the last run
}

var (
	line  = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)
	pair  = regexp.MustCompile(`([0-9.e+-]+) (\S+)`)
	known = map[string]bool{"ns/op": true, "B/op": true, "allocs/op": true}
)

func parse(r io.Reader) []*group {
	var groups []*group
	for scanner := bufio.NewScanner(r); scanner.Scan(); {
		m := line.FindStringSubmatch(scanner.Text())
		if m == nil {
			continue
		}
		parent, name := filepath.Dir(m[1]), filepath.Base(m[1])
		if parent == "." {
			parent, name = m[1], "ours"
		}
		find(&groups, parent, name).add(m[2])
	}
	return groups
}

func find(groups *[]*group, parent, name string) *variant {
	i := slices.IndexFunc(*groups, func(g *group) bool { return g.name == parent })
	if i < 0 {
		i = len(*groups)
		*groups = append(*groups, &group{name: parent})
	}
	g := (*groups)[i]
	for _, v := range g.variants {
		if v.name == name {
			return v
		}
	}
	v := &variant{name: name}
	g.variants = append(g.variants, v)
	return v
}

func (v *variant) add(figures string) {
	v.extra = ""
	for _, m := range pair.FindAllStringSubmatch(figures, -1) {
		value, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			continue
		}
		switch m[2] {
		case "ns/op":
			v.ns = append(v.ns, value)
		case "B/op":
			v.bytes = value
		case "allocs/op":
			v.allocs = value
		}
		if !known[m[2]] {
			v.extra += fmt.Sprintf("  %.4g %s", value, m[2])
		}
	}
}

func (v *variant) median() float64 {
	sorted := slices.Sorted(slices.Values(v.ns))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)/2]
}

func report(w io.Writer, groups []*group) {
	fmt.Fprintf(w, "%-44s %12s %24s %9s %7s %8s\n", "benchmark", "median", "least … greatest", "B/op", "allocs", "peer/us")
	for _, g := range groups {
		slices.SortStableFunc(g.variants, func(a, b *variant) int {
			return cmp.Compare(btoi(b.name == "ours"), btoi(a.name == "ours"))
		})
		ours := g.variants[0].median()
		for _, v := range g.variants {
			ratio := ""
			if v.name != "ours" && g.variants[0].name == "ours" && ours > 0 {
				ratio = fmt.Sprintf("%.1fx", v.median()/ours)
			}
			spread := ""
			if len(v.ns) > 0 {
				spread = fmt.Sprintf("%s … %s", duration(slices.Min(v.ns)), duration(slices.Max(v.ns)))
			}
			fmt.Fprintf(w, "%-44s %12s %24s %9.0f %7.0f %8s%s\n", g.name+"/"+v.name, duration(v.median()), spread, v.bytes, v.allocs, ratio, v.extra)
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func duration(ns float64) string {
	switch {
	case ns >= 1e9:
		return fmt.Sprintf("%.2f s", ns/1e9)
	case ns >= 1e6:
		return fmt.Sprintf("%.2f ms", ns/1e6)
	case ns >= 1e3:
		return fmt.Sprintf("%.2f µs", ns/1e3)
	default:
		return fmt.Sprintf("%.1f ns", ns)
	}
}
