//go:build unix

package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/falsifiable/stability/internal/cgroups"
)

// TestMain turns into the program that TestInARealCgroup runs: it does what each line of its input says, and answers with
// a reading.
func TestMain(m *testing.M) {
	if os.Getenv("CGROUP_TEST_CHILD") == "" {
		os.Exit(m.Run())
	}
	r := Open()
	var held [][]byte
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		size := 8 << 20
		switch word, name, _ := strings.Cut(lines.Text(), " "); word {
		case "anon":
			// Not of the Go heap, of which the race detector keeps a shadow.
			block, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
			if err != nil {
				fmt.Println(err)
			}
			for i := 0; i < size; i += 4096 {
				block[i] = 1
			}
			held = append(held, block)
		case "file":
			f, err := os.Create(name)
			if err != nil {
				fmt.Println(err)
			}
			for block := make([]byte, 4096); size > 0; size -= len(block) {
				_, _ = f.Write(block)
			}
			f.Close()
		}
		var now Reading
		for range Lag {
			now = *r.Read()
		}
		m := now.Memory
		fmt.Println(m.Limit.State, int(m.Limit.Value), int(m.Usage), int(m.Headroom), int(m.Anon), int(m.Reclaimable), now.CPU.Limit.State, now.CPU.Limit.Value)
	}
	_ = held
}

// What the parsers make of trees is one thing; this is the kernel.
func TestInARealCgroup(t *testing.T) {
	g, err := cgroups.Make(fmt.Sprintf("stability-test-%d", os.Getpid()), cgroups.Limits{Memory: 96 << 20, CPU: 0.5})
	if errors.Is(err, cgroups.ErrUnavailable) {
		t.Skipf("NOT RUN: %v", err)
	}
	t.Cleanup(g.Remove)
	cmd := g.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CGROUP_TEST_CHILD=1")
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	answers := bufio.NewScanner(out)
	type answer struct {
		state                                     string
		limit, usage, headroom, anon, reclaimable int
		cpuState                                  string
		cpus                                      float64
	}
	ask := func(line string) (a answer) {
		t.Helper()
		fmt.Fprintln(in, line)
		if !answers.Scan() {
			t.Fatalf("%q: no answer: %v", line, answers.Err())
		}
		if _, err := fmt.Sscan(answers.Text(), &a.state, &a.limit, &a.usage, &a.headroom, &a.anon, &a.reclaimable, &a.cpuState, &a.cpus); err != nil {
			t.Fatalf("%q: %q: %v", line, answers.Text(), err)
		}
		return a
	}
	begin := ask("begin")
	if begin.state != "limited" || begin.limit != 96<<20 || begin.headroom <= 0 || begin.headroom > begin.limit || begin.cpuState != "limited" || begin.cpus != 0.5 {
		t.Fatalf("at first %+v", begin)
	}
	const size, near = 8 << 20, 2 << 20 // the kernel accounts in batches of some pages a CPU
	anon := ask("anon")
	if lost := begin.headroom - anon.headroom; lost < size-near || lost > size+near {
		t.Errorf("8 MiB of anonymous memory cost %d bytes of headroom", lost)
	}
	file := ask("file " + filepath.Join(t.TempDir(), "cache"))
	if grown := file.usage - anon.usage; grown < size-near {
		t.Errorf("8 MiB of page cache are charged as %d", grown)
	}
	if lost := anon.headroom - file.headroom; lost > near {
		t.Errorf("8 MiB of page cache cost %d bytes of headroom: %+v, %+v", lost, anon, file)
	}
	if err := g.SetMemory(128 << 20); err != nil {
		t.Fatal(err)
	}
	if resized := ask("look"); resized.limit != 128<<20 {
		t.Errorf("after a resize to 128 MiB the limit is %d", resized.limit)
	}
}
