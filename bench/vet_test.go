package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// vetted are the packages that all three tools look at: large ones that are there without a download, and one from a
// module.
var vetted = []string{"net/http", "database/sql", "go/types", "encoding/json", "github.com/prometheus/client_golang/prometheus"}

// vetPeers are built when they are first asked for, and kept in the temporary directory for later runs.
var vetPeers = []struct {
	name string
	tool func() (string, error)
}{
	{"staticcheck", installed("honnef.co/go/tools/cmd/staticcheck", "v0.8.2")},
	{"nilaway", installed("go.uber.org/nilaway/cmd/nilaway", "v0.0.0-20260918162853-acb8859b9031")},
}

// BenchmarkVet runs stability vet, staticcheck and nilaway over the same packages: the wall clock, the processor time of
// the tool with all its processes, and the resident memory of its largest process. What they import is compiled before
// the clock starts; what the tools keep of earlier runs is thrown away.
func BenchmarkVet(b *testing.B) {
	if out, err := exec.Command("go", append([]string{"list", "-export", "-deps"}, vetted...)...).CombinedOutput(); err != nil {
		b.Fatalf("compiling what is to be vetted: %v\n%s", err, out)
	}
	b.Run("ours", func(b *testing.B) {
		tool := filepath.Join(b.TempDir(), "stability")
		if out, err := exec.Command("go", "build", "-C", "../lab", "-o", tool, "./cmd/stability").CombinedOutput(); err != nil {
			b.Fatalf("building stability: %v\n%s", err, out)
		}
		n := 0
		measure(b, func() *exec.Cmd {
			// go vet keeps the results of each tool by its content: a byte more makes it a new one.
			n++
			f, err := os.OpenFile(tool, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				b.Fatal(err)
			}
			fmt.Fprint(f, n, os.Getpid())
			f.Close()
			return exec.Command("go", append([]string{"vet", "-vettool=" + tool}, vetted...)...)
		})
	})
	for _, p := range vetPeers {
		b.Run(p.name, func(b *testing.B) {
			tool, err := p.tool()
			if err != nil {
				fmt.Printf("left out: %s: %v\n", p.name, err)
				b.Skip(err)
			}
			measure(b, func() *exec.Cmd {
				cmd := exec.Command(tool, vetted...)
				cmd.Env = append(os.Environ(), "STATICCHECK_CACHE="+b.TempDir())
				return cmd
			})
		})
	}
}

// measure times commands. They may fail: findings are no concern here.
func measure(b *testing.B, command func() *exec.Cmd) {
	var cpu, mem float64
	for b.Loop() {
		cmd := command()
		if err := cmd.Run(); cmd.ProcessState == nil {
			b.Fatal(err)
		}
		u := cmd.ProcessState.SysUsage().(*syscall.Rusage) // descendants included
		cpu += float64(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()) / 1e9
		mem = max(mem, float64(u.Maxrss)/1024)
	}
	b.ReportMetric(cpu/float64(b.N), "cpu-s")
	b.ReportMetric(mem, "peak-MB")
}

// installed returns a function that installs a command outside of this module, once, and returns its path.
func installed(pkg, version string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		dir := filepath.Join(os.TempDir(), "stability-bench", version)
		path := filepath.Join(dir, filepath.Base(pkg))
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
		cmd := exec.Command("go", "install", pkg+"@"+version)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOWORK=off", "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go install %s@%s: %w\n%s", pkg, version, err, out)
		}
		return path, nil
	})
}
