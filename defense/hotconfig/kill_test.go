package hotconfig

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/internal/eventually"
)

// numbered is a configuration whose parts tell whether it is whole: all have the same number.
type numbered struct {
	First  int   `yaml:"first" required:"true"`
	Middle []int `yaml:"middle"`
	Last   int   `yaml:"last"`
}

func number(n int) string {
	return fmt.Sprintf("first: %d\nmiddle: [%s%d]\nlast: %d\n", n, strings.Repeat(strconv.Itoa(n)+", ", 2000), n, n)
}

func (c *numbered) torn() bool {
	for _, n := range c.Middle {
		if n != c.First {
			return true
		}
	}
	return c.Last != c.First || len(c.Middle) != 2001
}

// TestMain is also the writer that is killed: it writes ever new configurations until that.
func TestMain(m *testing.M) {
	how, path, _ := strings.Cut(os.Getenv("HOTCONFIG_WRITER"), ":")
	if path == "" {
		os.Exit(m.Run())
	}
	n, _ := strconv.Atoi(os.Getenv("HOTCONFIG_FIRST"))
	for ; ; n++ {
		content, target := []byte(number(n)), path
		if how == "sealed" {
			content = Seal(content)
		} else {
			target += ".new"
		}
		f, err := os.OpenFile(target, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		for chunk := content; err == nil && len(chunk) > 0; chunk = chunk[min(1000, len(chunk)):] { // so that there is an inside to be killed in
			_, err = f.Write(chunk[:min(1000, len(chunk))])
		}
		if err == nil {
			err = f.Close()
		}
		if err == nil && how != "sealed" {
			err = os.Rename(target, path)
		}
		if err != nil {
			panic(err)
		}
	}
}

// kills is how often the writer is killed in each way; the guide has a figure for 1,000.
func kills(t *testing.T) int {
	if n, err := strconv.Atoi(os.Getenv("HOTCONFIG_KILLS")); err == nil {
		return n
	}
	return 15
}

// The writer is killed at random points, in a rename or in the middle of a file with a seal: no snapshot is ever wrong, and the last
// whole one is found.
func TestKilledWriter(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"rename", "sealed"} {
		t.Run(how, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "c.yaml")
			write(t, path, string(Seal([]byte(number(9)))))
			v, err := Watch(t.Context(), path, Options[numbered]{Logger: quiet(), Debounce: time.Millisecond, Poll: 20 * time.Millisecond, Sealed: how == "sealed"})
			if err != nil {
				t.Fatal(err)
			}
			wrong := make(chan int)
			stop := make(chan struct{})
			go func() { // a reader that never rests
				n := 0
				for last := (*numbered)(nil); ; {
					select {
					case <-stop:
						wrong <- n
						return
					default:
					}
					if c := v.Get(); c != last {
						if last = c; c.torn() {
							n++
						}
					}
				}
			}()
			cut := 0
			for i := range kills(t) {
				cmd := exec.Command(self)
				cmd.Env = append(os.Environ(), "HOTCONFIG_WRITER="+how+":"+path, fmt.Sprintf("HOTCONFIG_FIRST=%d", 1+i*1_000_000))
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				before := v.Status()
				eventually.Holds(t, "it writes", func() bool {
					s := v.Status()
					return s.Reloads+s.Torn+s.Rejected > before.Reloads+before.Torn+before.Rejected
				})
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				_ = cmd.Wait() // it was killed
				content, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := decodeFile[numbered](Options[numbered]{Sealed: how == "sealed"}, path, formatYAML, content); err != nil {
					cut++
				}
			}
			close(stop)
			if n := <-wrong; n > 0 {
				t.Errorf("%d snapshots were wrong", n)
			}
			if how == "rename" && cut > 0 {
				t.Errorf("a rename left %d files cut off", cut)
			}
			write(t, path, string(Seal([]byte(number(7)))))
			eventually.Holds(t, "the last whole one is taken", func() bool { return v.Get().First == 7 && v.Status().Error == "" })
			t.Logf("%s: killed %d times, %d times in the middle of the file; %+v", how, kills(t), cut, v.Status())
		})
	}
	if _, err := os.Stat(self); errors.Is(err, os.ErrNotExist) {
		t.Error("the writer is gone")
	}
}
