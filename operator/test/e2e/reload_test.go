//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// A contract is changed at the API server, and the monitor of a process that runs judges by the new threshold. Of the way between them
// only the kubelet's part is stood in for.
func TestAChangedContractReachesTheProcess(t *testing.T) {
	p := newPlace(t, acting())
	c := p.contract()
	ask := func(expr string) {
		p.change(&c, func() {
			c.Spec.Interval = metav1.Duration{Duration: time.Second}
			c.Spec.Signals = []v1alpha1.Signal{{Name: "waiting", Kind: "gauge"}}
			c.Spec.Checks[0].Expr = expr
		})
	}
	ask("waiting > 1000")
	p.operate(plane.config)
	volume := t.TempDir()
	p.wait("the contract is in the volume", func() bool { return p.mount(volume, "waiting > 1000") })
	said := follow(p, filepath.Join(volume, "contracts.yaml"))
	p.wait("the process finds it violated", func() bool { return said() == "violated waiting > 1000" })
	ask("waiting > 2000")
	p.wait("the changed contract is in the volume", func() bool { return p.mount(volume, "waiting > 2000") })
	p.wait("the process finds that the new one holds", func() bool { return said() == "holding waiting > 2000" })
	ask("waitign > 3000")
	p.wait("one that does not compile is refused in words", func() bool {
		c := p.contract()
		return c.Status.ObservedGeneration == c.Generation && len(c.Status.Conditions) > 0 && strings.Contains(c.Status.Conditions[0].Message, "^^^")
	})
	if !p.mount(volume, "waiting > 2000") {
		t.Error("what does not compile has taken the place of what does")
	}
}

// mount puts the rendered contract where a pod would see it, as the kubelet does: a new folder, and one link that is turned to it. It
// reports whether that contract has such a check.
func (p *place) mount(volume, expr string) bool {
	p.Helper()
	var m corev1.ConfigMap
	if err := plane.client.Get(p.Context(), types.NamespacedName{Namespace: p.ns, Name: "stability-pay"}, &m); err != nil {
		return false
	}
	folder := "..version-" + m.ResourceVersion
	if err := os.MkdirAll(filepath.Join(volume, folder), 0o700); err != nil {
		p.Fatal(err)
	}
	for name, text := range m.Data {
		if err := os.WriteFile(filepath.Join(volume, folder, name), []byte(text), 0o600); err != nil {
			p.Fatal(err)
		}
		_ = os.Symlink(filepath.Join("..data", name), filepath.Join(volume, name)) // it is there from the second time on
	}
	next := filepath.Join(volume, "..data_tmp")
	if err := os.Symlink(folder, next); err != nil {
		p.Fatal(err)
	}
	if err := os.Rename(next, filepath.Join(volume, "..data")); err != nil {
		p.Fatal(err)
	}
	return strings.Contains(m.Data["contracts.yaml"], expr)
}

// follow starts a service that follows the file, and returns what it said last.
func follow(p *place, file string) (said func() string) {
	p.Helper()
	binary := filepath.Join(p.TempDir(), "follow")
	build := exec.CommandContext(p.Context(), "go", "build", "-o", binary, "./contractfile/testdata/follow")
	build.Dir, build.Env = "../../../defense/hotconfig", append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		p.Fatalf("%v\n%s", err, out)
	}
	process := exec.CommandContext(p.Context(), binary, file)
	process.Stderr = os.Stderr
	out, err := process.StdoutPipe()
	if err == nil {
		err = process.Start()
	}
	if err != nil {
		p.Fatal(err)
	}
	var last atomic.Value
	last.Store("")
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			last.Store(lines.Text())
		}
	}()
	p.Cleanup(func() {
		_ = process.Process.Kill()
		<-read
		_ = process.Wait()
	})
	return func() string { return fmt.Sprint(last.Load()) }
}
