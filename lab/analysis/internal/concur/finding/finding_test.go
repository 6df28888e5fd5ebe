package finding

import (
	"go/token"
	"strings"
	"testing"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/prim"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/search"
)

func waits(goroutine int, pos token.Pos, kind *machine.WaitKind) search.Stuck {
	return search.Stuck{Goroutine: goroutine, Pos: pos, Holder: -1, Wait: machine.Wait{Kind: kind}}
}

// What a finding is about, and which goroutine it reports, follow from the kinds of waiting.
func TestSubject(t *testing.T) {
	again := waits(1, 3, prim.WaitRLock)
	again.Wait.Again = true
	done := waits(0, 4, prim.WaitReceive)
	done.Wait.Context = true
	for _, tt := range []struct {
		name    string
		stuck   []search.Stuck
		subject machine.Subject
		main    token.Pos
	}{
		{"two locks", []search.Stuck{waits(0, 1, prim.WaitLock), waits(1, 2, prim.WaitLock)}, machine.Locks, 2},
		{"a lock and a send", []search.Stuck{waits(0, 1, prim.WaitSend), waits(1, 2, prim.WaitLock)}, machine.Channels, 1},
		{"the one who only waits for others", []search.Stuck{waits(0, 1, prim.WaitGroupWait), waits(1, 2, prim.WaitSend)}, machine.Channels, 2},
		{"a second read", []search.Stuck{waits(0, 1, prim.WaitLock), again}, machine.Locks, 3},
		{"a context", []search.Stuck{done}, machine.Contexts, 4},
		{"a context and a lock", []search.Stuck{done, waits(1, 5, prim.WaitLock)}, machine.Channels, 4},
		{"a Once", []search.Stuck{waits(0, 6, prim.OnceDo)}, machine.Locks, 6},
	} {
		f := Finding{search.Result{Stuck: tt.stuck}}
		if f.Subject() != tt.subject || f.Pos() != tt.main {
			t.Errorf("%s: about %d at %d, want %d at %d", tt.name, f.Subject(), f.Pos(), tt.subject, tt.main)
		}
	}
}

func TestWords(t *testing.T) {
	for kind, want := range map[*machine.WaitKind]string{
		prim.WaitSend: "send on a channel", prim.WaitSelect: "select", prim.WaitLock: "Lock", prim.WaitGroupWait: "WaitGroup.Wait",
	} {
		if got := Words(&search.Stuck{Wait: machine.Wait{Kind: kind}}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Findings with one main place are one; a crash is another thing.
func TestDistinct(t *testing.T) {
	a := search.Result{Stuck: []search.Stuck{waits(0, 1, prim.WaitSend)}}
	b := search.Result{Stuck: []search.Stuck{waits(0, 1, prim.WaitSend), waits(1, 2, prim.WaitLock)}}
	c := search.Result{Crash: &search.Crash{Kind: &machine.CrashKind{What: "x"}, Pos: 3}}
	if got := Distinct([]search.Result{a, b, c, c}); len(got) != 2 {
		t.Errorf("%d findings, want two", len(got))
	}
}

func TestOwnFrames(t *testing.T) {
	stack := `goroutine 1 [running]:
example.com/lab/analysis/internal/concur/exec.frame.step(...)
	/src/lab/analysis/internal/concur/exec/exec.go:77 +0x1d
example.com/lab/analysis/internal/concur/search.(*search).run(...)
	/src/lab/analysis/internal/concur/search/search.go:120 +0x1d
runtime.goexit()
	/go/src/runtime/asm_amd64.s:1 +0x1
`
	if got := ownFrames(stack); got != "exec/exec.go:77" || strings.Contains(got, "/src") {
		t.Errorf("%q", got)
	}
}
