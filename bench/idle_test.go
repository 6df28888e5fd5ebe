package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkIdleProcess is what a service that does nothing pays for being watched: CPU time per second of its life (ns/op),
// resident memory, the size of its binary and the packages in it. Ours is the one line of auto; beside it stand the root
// module alone, holmes, Prometheus' client alone, and nothing.
func BenchmarkIdleProcess(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("reads /proc, which only Linux has")
	}
	for _, program := range []struct{ name, dir string }{
		{"ours", "watched"}, {"root-only", "root"}, {"holmes", "holmes"}, {"client_golang-only", "metrics"}, {"unwatched", "bare"},
	} {
		binary := filepath.Join(b.TempDir(), program.dir)
		if out, err := exec.Command("go", "build", "-o", binary, "./programs/"+program.dir).CombinedOutput(); err != nil {
			b.Fatalf("building %s: %v\n%s", program.dir, err, out)
		}
		b.Run(program.name, func(b *testing.B) {
			var cpu, rss float64
			for range b.N {
				c, r := idle(b, binary)
				cpu, rss = cpu+c, rss+r
			}
			b.ReportMetric(cpu/float64(b.N), "ns/op")
			b.ReportMetric(rss/float64(b.N)/(1<<20), "MiB-RSS")
			b.ReportMetric(float64(size(b, binary))/(1<<20), "MiB-binary")
			b.ReportMetric(float64(packages(b, program.dir)), "packages")
		})
	}
}

func size(b *testing.B, binary string) int64 {
	info, err := os.Stat(binary)
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}

func packages(b *testing.B, program string) int {
	out, err := exec.Command("go", "list", "-deps", "./programs/"+program).Output()
	if err != nil {
		b.Fatal(err)
	}
	return bytes.Count(out, []byte("\n"))
}

// idle lets a program live for some seconds after its start and returns its CPU time per second and its memory.
func idle(b *testing.B, binary string) (cpu, rss float64) {
	const settle, life = time.Second, 4 * time.Second
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), "TMPDIR="+b.TempDir())
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		b.Fatal(err)
	}
	<-time.After(settle)
	before := cpuTime(b, cmd.Process.Pid)
	<-time.After(life)
	return (cpuTime(b, cmd.Process.Pid) - before) / life.Seconds(), resident(b, cmd.Process.Pid)
}

// cpuTime adds up what the scheduler counted for the process's threads, in nanoseconds.
func cpuTime(b *testing.B, pid int) float64 {
	tasks, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/schedstat")
	if err != nil || len(tasks) == 0 {
		b.Fatalf("no threads of %d: %v", pid, err)
	}
	total := 0.0
	for _, name := range tasks {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		first, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseFloat(first, 64)
		if err != nil {
			b.Fatal(err)
		}
		total += ns
	}
	return total
}

func resident(b *testing.B, pid int) float64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		b.Fatal(err)
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * float64(os.Getpagesize())
}
