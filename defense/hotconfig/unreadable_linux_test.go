package hotconfig

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// readAsNobody reads a file as somebody else than root, to whom every file is open.
func readAsNobody(path string) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // the kernel knows a user for each thread; this one ends with its goroutine
		if os.Geteuid() == 0 {
			_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0) // it answers with the old one, and does not fail for root
		}
		_, err := read(path, 1000)
		result <- err
	}()
	return <-result
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c.yaml")
	write(t, path, good)
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755), os.Chmod(path, 0o644)); err != nil {
		t.Fatal(err)
	}
	if err := readAsNobody(path); err != nil {
		t.Errorf("a file that everybody may read: %v", err)
	}
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if err := readAsNobody(path); !errors.Is(err, fs.ErrPermission) || !strings.HasSuffix(err.Error(), path+": permission denied") {
		t.Errorf("a file that may not be read: %v", err)
	}
}
