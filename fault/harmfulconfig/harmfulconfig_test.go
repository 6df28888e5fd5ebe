package harmfulconfig

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/internal/faultpoint"
	"github.com/falsifiable/stability/internal/openconfigs"
)

func TestHarm(t *testing.T) {
	for _, test := range []struct {
		kind          kind
		content, want string
		n, count      int
	}{
		{"numbers", "pool: 50\nname: a5\nother:   7 # seven\nlist: [1, 2]\n", "pool: 1\nname: a5\nother:   1 # seven\nlist: [1, 2]\n", 0, 2},
		{"numbers", "pool: 50\nother: 7\n", "pool: 50\nother: 1\n", 2, 1},
		{"numbers", `{"pool": 50}`, `{"pool": 1}`, 0, 1},
		{"numbers", "pool = 1_000\n", "pool = 1\n", 0, 1},
		{"numbers", "pool: 1\n", "pool: 1\n", 0, 0},
		{"durations", "timeout: 250ms\nat: 10:30\n", "timeout: 1ms\nat: 10:30\n", 0, 1},
		{"durations", "timeout = \"1.5s\"\n", "timeout = \"1ms\"\n", 0, 1},
		{"switches", "fast: true\ntrue: x\n", "fast: false\ntrue: x\n", 0, 1},
		{"lists", "hosts: [a, b]\nnone: []\n", "hosts: []\nnone: []\n", 0, 1},
		{"lists", "name: a\n", "name: a\n", 0, 0},
		{"all", "pool: 5\nwait: 2s\nfast: true\nhosts: [a]\n", "pool: 1\nwait: 1ms\nfast: false\nhosts: []\n", 0, 4},
	} {
		if got, n := harm(test.kind, test.n, []byte(test.content)); string(got) != test.want || n != test.count {
			t.Errorf("%s of %q: %q, %d; want %q, %d", test.kind, test.content, got, n, test.want, test.count)
		}
	}
}

func TestTheReaderTakesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var taken atomic.Int64
		last := "pool: 50"
		file := &openconfigs.Config{Name: "test", Path: "c.yaml", Rejected: func() (uint64, uint64, uint64) { return 0, 0, uint64(taken.Load()) }}
		file.Look = func() {
			content := []byte("pool: 50")
			if read := faultpoint.File(); read != nil {
				content, _ = read("c.yaml", content)
			}
			if string(content) != last {
				last = string(content)
				taken.Add(1)
			}
		}
		openconfigs.Add(file)
		defer runtime.KeepAlive(file)
		injection, err := Fault.Inject(t.Context(), fault.Settings{"kind": "numbers"}, 1)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if w := injection.Witness(); last != "pool: 1" || !w.Active || w.Value != 1 {
			t.Errorf("the reader has %q, the witness says %+v", last, w)
		}
		faulttest.Remove(t, injection)
		if last != "pool: 50" || faultpoint.File() != nil {
			t.Errorf("after removal the reader has %q", last)
		}
	})
}
