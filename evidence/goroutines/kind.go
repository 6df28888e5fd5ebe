package goroutines

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/pprof"

	"github.com/falsifiable/stability/evidence"
)

// The files that the kinds write.
const (
	ProfileFile = "goroutine.pb.gz"     // for go tool pprof
	ReportFile  = "goroutines.txt"      // grouped, with states, for people
	StacksFile  = "goroutines-full.txt" // each goroutine, with its id and minutes, below the cap only
	LeakFile    = "goroutineleak.pb.gz" // for go tool pprof
)

const (
	// stackBytes is the buffer that the full dump gets per goroutine; stacks of services take 1 to 2 KiB of text.
	stackBytes = 4 << 10
	// profileBytes is what a profile takes per goroutine, and leanBytes what it may take though memory is short: too
	// many goroutines may be why it is.
	profileBytes = 400
	leanBytes    = 4 << 20
)

// Stacks is the [evidence.Kind] for the goroutines of this process: an aggregated profile, its report and, up to the
// capturer's cap, every stack. The profile stops the world for a fraction of a millisecond at any number of goroutines;
// the full dump stops it for as long as it takes (golang/go#50794), which is why it has a cap.
type Stacks struct{}

// Name returns "goroutines".
func (Stacks) Name() string { return "goroutines" }

// Collect implements [evidence.Kind]. It signs the bundle with the dump's [Signature].
func (Stacks) Collect(_ context.Context, d *evidence.Draft) error {
	if need := int64(d.Goroutines) * profileBytes; need > max(d.Headroom, leanBytes) {
		d.Skip("goroutines", "memory is short, and a profile of %d goroutines takes about %d MB", d.Goroutines, need>>20)
		return nil
	}
	dump, err := profileInto(d, "goroutine", ProfileFile)
	if err != nil {
		return err
	}
	if err := dump.Report(d.Create(ReportFile)); err != nil {
		return err
	}
	if s := dump.Signature(); s.Count > 0 {
		d.SignFor(s.Count, s.String())
	}
	switch n := max(d.Goroutines, runtime.NumGoroutine()); {
	case n > d.GoroutineCap:
		d.Skip(StacksFile, "%d goroutines are above the cap of %d, and each stops the world for 4 µs or more",
			n, d.GoroutineCap)
	case d.Lean():
		d.Skip(StacksFile, "memory is short")
	default:
		_, err = d.Create(StacksFile).Write(TakeStacks(n))
	}
	return err
}

// TakeStacks returns the stacks of all goroutines, of which there are about n. It stops the world, mostly once: a buffer that was too
// small is doubled, up to 64 MiB, after which the rest is cut off.
func TakeStacks(n int) []byte {
	for size := (n + 16) * stackBytes; ; size *= 2 {
		buf := make([]byte, size)
		if got := runtime.Stack(buf, true); got < size || size >= 64<<20 {
			return buf[:got]
		}
	}
}

// Leaks is the [evidence.Kind] for goroutines that are leaked beyond doubt: blocked on what no running goroutine can
// reach. It needs a toolchain with the goroutineleak profile (GOEXPERIMENT=goroutineleakprofile in Go 1.26, any build
// from 1.27) and costs one garbage collection. It proves leaks and does not exclude them: what a live object still
// reaches counts as reachable.
type Leaks struct{}

// Name returns "goroutineleak".
func (Leaks) Name() string { return "goroutineleak" }

// proof is how many goroutines that only wait a proven leak outweighs: one that was leaked at the start says nothing of a
// thousand that wait now, and a hundred leaks say more than they.
const proof = 10

// Collect implements [evidence.Kind]. It signs the bundle when there are leaks that say more than what is frequent.
func (Leaks) Collect(_ context.Context, d *evidence.Draft) error {
	switch {
	case pprof.Lookup("goroutineleak") == nil:
		d.Skip(LeakFile, "this build has no goroutineleak profile: Go 1.26 needs GOEXPERIMENT=goroutineleakprofile")
		return nil
	case d.Lean():
		d.Skip(LeakFile, "memory is short, and the profile starts a garbage collection")
		return nil
	}
	dump, err := profileInto(d, "goroutineleak", LeakFile)
	if err != nil {
		return err
	}
	if s := dump.Signature(); s.Count > 0 {
		s.Leaked = true
		d.SignFor(proof*s.Count, s.String())
	}
	return nil
}

// profileInto writes a profile of goroutines into the draft and reads the same bytes back. The number of leaks comes from
// there too: Profile.Count is that of the last run.
func profileInto(d *evidence.Draft, name, file string) (*Dump, error) {
	var copied bytes.Buffer
	if err := pprof.Lookup(name).WriteTo(io.MultiWriter(d.Create(file), &copied), 0); err != nil {
		return nil, fmt.Errorf("writing the %s profile: %w", name, err)
	}
	return Parse(&copied)
}
