package crash

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// inNamespace runs the test again in a user and mount namespace of its own, where it may mount, and reports whether this is
// that run. Where the machine allows no namespaces, the test fails: a limit that was not tried is not known to hold.
func inNamespace(t *testing.T) bool {
	if os.Getenv("STABILITY_CRASH_NAMESPACE") != "" {
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self, "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), "STABILITY_CRASH_NAMESPACE=1")
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}}
	out, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a namespace: %v\n%s", err, out)
	}
	return false
}

// TestDisk: on a full and on a read-only disk the process goes on, and nothing is left that would hide what was counted.
func TestDisk(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	for name, spoil := range map[string]func(dir string){
		"full": func(dir string) {
			f, err := os.Create(dir + "/ballast")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for {
				if _, err := f.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		},
		"read-only": func(dir string) {
			if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
				t.Fatal(err)
			}
			defer syscall.Unmount(dir, 0)
			run(t, "few", dir, 2)
			spoil(dir)
			for range 2 {
				if stderr := run(t, "few", dir, 0); !strings.Contains(stderr, "STILL ALIVE: "+ErrUncounted.Error()) {
					t.Errorf("it said\n%.1000s", stderr)
				}
			}
			if files := crashFiles(t, dir); len(files) != 1 {
				t.Errorf("left are %v, want the file of the first end", files)
			}
		})
	}
}
