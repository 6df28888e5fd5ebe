package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// falsifying starts stability falsify on the smallest service, with a folder of its own for temporary files.
func falsifying(t *testing.T, temp string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	said := new(bytes.Buffer)
	command := exec.Command(os.Args[0], append(append([]string{"falsify"}, args...), "../../falsify/testdata/plain")...)
	command.Env = append(os.Environ(), "STABILITY_TEST_AS_COMMAND=1", "TMPDIR="+temp)
	command.Stdout, command.Stderr = said, said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() })
	return command, said
}

// left is what is below a folder, and what runs from there.
func left(t *testing.T, temp string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "falsify-") {
			all = append(all, e.Name())
		}
	}
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, temp+"/") {
			all = append(all, link)
		}
	}
	return all
}

// However falsify is ended, nothing stays: at once if it can say so, else when the next one begins.
func TestSignalsLeaveNothing(t *testing.T) {
	for name, test := range map[string]struct {
		signals []syscall.Signal
		next    bool // it is the next one that cleans up
	}{
		"closed terminal": {[]syscall.Signal{syscall.SIGHUP}, false},
		"twice Ctrl-C":    {[]syscall.Signal{syscall.SIGINT, syscall.SIGINT}, true},
		"killed":          {[]syscall.Signal{syscall.SIGKILL}, true},
	} {
		t.Run(name, func(t *testing.T) {
			temp, err := os.MkdirTemp("", "fs-") // sockets in it have paths that must be short
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(temp)
			command, said := falsifying(t, temp, "-quick", "-no-proof", "-out", t.TempDir())
			ended := make(chan error, 1)
			go func() { ended <- command.Wait() }()
			for len(left(t, temp)) < 2 { // its folder, and the service
				select {
				case <-ended:
					t.Fatalf("it ended by itself: %s", said)
				case <-time.After(5 * time.Millisecond):
				}
			}
			for _, s := range test.signals {
				if err := command.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
					t.Fatal(err)
				}
			}
			<-ended
			if test.next {
				next, said := falsifying(t, temp, "-start")
				if err := next.Wait(); err != nil {
					t.Errorf("the next one: %v: %s", err, said)
				}
			}
			if all := left(t, temp); len(all) > 0 {
				t.Errorf("left behind: %q", all)
			}
		})
	}
}

// Two at once in one folder do not disturb each other.
func TestTwiceAtOnce(t *testing.T) {
	temp, err := os.MkdirTemp("", "fs-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(temp)
	one, saidOne := falsifying(t, temp, "-start")
	two, saidTwo := falsifying(t, temp, "-start")
	if err := errors.Join(one.Wait(), two.Wait()); err != nil {
		t.Errorf("%v:\n%s\n%s", err, saidOne, saidTwo)
	}
	if all := left(t, temp); len(all) > 0 {
		t.Errorf("left behind: %q", all)
	}
}
