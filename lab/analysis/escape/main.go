package escape

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Change is how a function's count of escapes differs between two builds.
type Change struct {
	Name          string
	Before, After int
}

// Diff compares two builds. Functions that did not change are left out; a function that is new counts from 0.
func Diff(before, after []Function) []Change {
	was := make(map[string]int)
	for _, f := range before {
		was[f.Name] = len(f.Sites)
	}
	var out []Change
	for _, f := range after {
		if b := was[f.Name]; b != len(f.Sites) {
			out = append(out, Change{f.Name, b, len(f.Sites)})
		}
		delete(was, f.Name)
	}
	for _, f := range before { // gone or clean now, in the old order
		if n, ok := was[f.Name]; ok && n > 0 {
			out = append(out, Change{f.Name, n, 0})
		}
	}
	return out
}

// Main runs the command with args, without the program's name. It returns 0, 1 when a budget is broken or -diff shows more
// escapes than before, 2 for wrong arguments, 3 when the code does not build.
func Main(args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("stability escape", flag.ContinueOnError)
	fs.SetOutput(stderr)
	asJSON := fs.Bool("json", false, "print JSON")
	inline := fs.String("inline", "on", "with inlining `on`, off, or both side by side")
	diff := fs.String("diff", "", "compare with this git `commit`")
	budgets := fs.Bool("budgets", false, "show only functions that state a budget")
	fs.Usage = func() {
		fmt.Fprintln(stderr, "usage: stability escape [flags] [packages]")
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	patterns := fs.Args()
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	if *inline != "on" && *inline != "off" && *inline != "both" {
		fmt.Fprintln(stderr, "escape: -inline is on, off or both")
		return 2
	}
	fns, err := Build(".", *inline != "off", patterns...)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 3
	}
	switch {
	case *diff != "":
		return compare(*diff, *inline != "off", patterns, fns, stdout, stderr)
	case *inline == "both":
		off, err := Build(".", false, patterns...)
		if err != nil {
			fmt.Fprintln(stderr, err)
			return 3
		}
		for _, c := range Diff(off, fns) {
			fmt.Fprintf(stdout, "%-50s %d without inlining, %d with\n", c.Name, c.Before, c.After)
		}
	}
	return report(fns, *asJSON, *budgets, stdout)
}

func report(fns []Function, asJSON, budgets bool, w io.Writer) int {
	code := 0
	for i := range fns {
		if fns[i].Over() {
			code = 1
		}
	}
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.Encode(fns)
		return code
	}
	for i := range fns {
		f := &fns[i]
		if budgets && f.Budget < 0 {
			continue
		}
		state := ""
		switch {
		case f.Over():
			state = fmt.Sprintf("  OVER its budget of %d", f.Budget)
		case f.Budget >= 0:
			state = fmt.Sprintf("  within its budget of %d", f.Budget)
		}
		fmt.Fprintf(w, "%s:%d: %s: %d to the heap%s\n", f.File, f.Line, f.Name, len(f.Sites), state)
		for _, s := range f.Sites {
			why := s.Rule
			if why == "" {
				why = s.Reason
			}
			fmt.Fprintf(w, "\t%s:%d:%d: %s: %s\n", s.File, s.Line, s.Column, s.What, why)
		}
	}
	return code
}

// compare builds the given commit in a work tree of its own and prints what changed since.
func compare(commit string, inline bool, patterns []string, now []Function, stdout, stderr io.Writer) int {
	top, err := git("rev-parse", "--show-toplevel")
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	prefix, err := git("rev-parse", "--show-prefix")
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	dir, err := os.MkdirTemp("", "stability-escape")
	if err != nil {
		fmt.Fprintln(stderr, "escape:", err)
		return 2
	}
	defer os.RemoveAll(dir)
	tree := filepath.Join(dir, "tree")
	if _, err := git("-C", top, "worktree", "add", "--detach", tree, commit); err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	defer git("-C", top, "worktree", "remove", "--force", tree)
	before, err := Build(filepath.Join(tree, prefix), inline, patterns...)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 3
	}
	code := 0
	for _, c := range Diff(before, now) {
		word := "fewer"
		if c.After > c.Before {
			word, code = "MORE", 1
		}
		fmt.Fprintf(stdout, "%-50s %d -> %d  %s\n", c.Name, c.Before, c.After, word)
	}
	return code
}

func git(args ...string) (string, error) {
	out, err := exec.Command("git", args...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return "", fmt.Errorf("escape: git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}
