package pprofile

import (
	"bytes"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
)

var held [][]byte

//go:noinline
func hold() {
	for range 64 {
		held = append(held, make([]byte, 1<<20))
	}
}

// A heap profile of this process names who holds the memory, both as the top and as a flame.
func TestHeapProfile(t *testing.T) {
	hold()
	defer func() { held = nil }()
	runtime.GC()
	var b bytes.Buffer
	if err := pprof.Lookup("heap").WriteTo(&b, 0); err != nil {
		t.Fatal(err)
	}
	p, err := Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	value := p.Index("inuse_space")
	if value < 0 || p.Types[value].Unit != "bytes" || p.Index("nosuch") != -1 {
		t.Fatalf("the types are %v", p.Types)
	}
	top, total, err := p.Top(value, 1, func(frames []Frame) Frame { return frames[0] })
	if err != nil || len(top) != 1 || !strings.HasSuffix(top[0].Func, "pprofile.hold") || top[0].Value < 48<<20 || top[0].Value > total {
		t.Errorf("%v, of %d, %v", top, total, err)
	}
	flame, err := p.Fold(value, 0.2, 100)
	if err != nil || flame.Value != total {
		t.Fatalf("the flame has %d of %d, %v", flame.Value, total, err)
	}
	n := flame
	for len(n.Children) > 0 {
		sum := int64(0)
		for _, c := range n.Children {
			sum += c.Value
		}
		if sum > n.Value {
			t.Errorf("%s has %d, and what it called %d", n.Name, n.Value, sum)
		}
		n = n.Children[0]
	}
	if !strings.HasSuffix(n.Name, "pprofile.hold") || n.Place != "profile_test.go" {
		t.Errorf("the flame ends in %s (%s)", n.Name, n.Place)
	}
}

// Depth and share bound the flame: what nobody can see is left out, and its value is not.
func TestFoldIsBounded(t *testing.T) {
	p := &Profile{
		strings:   [][]byte{nil, []byte("f"), []byte("g")},
		functions: map[uint64]function{1: {name: 1}, 2: {name: 2}},
		locations: map[uint64][]line{1: {{function: 1}}, 2: {{function: 2}}},
		samples:   [][]byte{[]byte("\x0a\x02\x01\x02\x12\x01\x63"), []byte("\x0a\x01\x01\x12\x01\x01")},
	}
	flame, err := p.Fold(0, 0.1, 10)
	if err != nil || flame.Value != 100 || len(flame.Children) != 1 || flame.Children[0].Name != "g" || flame.Children[0].Children[0].Value != 99 {
		t.Errorf("%+v, %v", flame, err)
	}
	if flame, err = p.Fold(0, 0, 1); err != nil || len(flame.Children) != 2 || len(flame.Children[0].Children) != 0 {
		t.Errorf("%+v, %v", flame, err)
	}
}

func TestWhatIsNoProfile(t *testing.T) {
	var cut bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&cut, 0); err != nil {
		t.Fatal(err)
	}
	cut.Truncate(cut.Len() / 2)
	for name, content := range map[string]string{"text": "heap profile: 1", "nothing": "", "cut": cut.String()} {
		if _, err := Parse(strings.NewReader(content)); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}

// FuzzDecode fuzzes what is inside the gzip, which a fuzzer of bytes never gets to.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x12\x04\x0a\x00\x12\x00\x32\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := decode(data)
		if err != nil {
			return
		}
		_, _ = p.Fold(0, 0.01, 50)
		_, _, _ = p.Top(0, 5, func(frames []Frame) Frame { return Frame{} })
	})
}
