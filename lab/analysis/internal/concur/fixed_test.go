package concur

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fixes mends kernels as their upstream did, or as the bug's description says: pairs of old and new text.
var fixes = map[string][]string{
	"cockroach584":   {"\t\t\tbreak\n", "\t\t\tg.mu.Unlock()\n\t\t\tbreak\n"},
	"cockroach10214": {"defer s.coalescedMu.Unlock() // L2 release\n", "s.coalescedMu.Unlock()\n"},
	"cockroach13197": {"db.begin(context.Background()) // G1", "db.begin(context.Background()).Rollback()"},
	"cockroach13755": {"rs.initContextClose(context.Background())\n", "rs.initContextClose(context.Background())\n\trs.close(nil)\n"},
	"cockroach16167": {"e.systemConfigMu.RLock()\n\tdefer e.systemConfigMu.RUnlock()\n", ""},
	"cockroach18101": {"readyForImportCh <- (false || i != 0)", "select {\n\t\tcase readyForImportCh <- (false || i != 0):\n\t\tcase <-ctx.Done():\n\t\t\treturn\n\t\t}"},
	"etcd5509":       {"return ErrConnClosed_etcd5509", "r.client.mu.RUnlock()\n\t\t\treturn ErrConnClosed_etcd5509"},
	"etcd6857":       {"n.status <- c\n", "select {\n\tcase n.status <- c:\n\tcase <-n.done:\n\t\treturn Status_etcd6857{}\n\t}\n"},
	"etcd10492": {"le.mu.Lock() // Lock acquired twice here\n", "", "defer le.mu.Unlock()\n}\n\nfunc (le *lessor_etcd10492) SetCheckpointer",
		"}\n\nfunc (le *lessor_etcd10492) SetCheckpointer"},
	"grpc660":         {"make(chan bool)\n\t\tgo func()", "make(chan bool, 1)\n\t\tgo func()"},
	"grpc795":         {"if s.drain {\n\t\ts.mu.Lock()", "if s.drain {\n\t\ts.mu.Unlock()"},
	"grpc3017":        {"return // Missing unlock", "ccc.mu.Unlock()\n\t\t\treturn"},
	"kubernetes5316":  {"make(chan bool)", "make(chan bool, 1)", "make(chan error)", "make(chan error, 1)"},
	"kubernetes6632":  {"i.resetChan <- true", "select {\n\tcase i.resetChan <- true:\n\tdefault:\n\t}"},
	"kubernetes38669": {"c.result <- Event_kubernetes38669(*event)", "select {\n\tcase c.result <- Event_kubernetes38669(*event):\n\tdefault:\n\t}"},
	"moby7559":        {"\t\t\tcontinue\n", "\t\t\tbreak\n"},
	"moby17176":       {"return nil\n\t}\n\tdevices.Unlock()", "devices.Unlock()\n\t\treturn nil\n\t}\n\tdevices.Unlock()", "make(chan bool)", "make(chan bool, 1)"},
	"moby25384":       {"\t\tgroup.Wait() // Block here\n\t}", "\t}\n\tgroup.Wait()"},
	"moby33781":       {"make(chan bool)\n\t\t\tctx", "make(chan bool, 1)\n\t\t\tctx"},
	"moby36114":       {"svm.hotRemoveVHDsAtStart()\n}\n", "svm.hotRemoveVHDsAtStartLocked()\n}\n\nfunc (svm *serviceVM_moby36114) hotRemoveVHDsAtStartLocked() {}\n"},
	"syncthing4829":   {"\tm.mut.RLock() // L2\n", "", "\tm.mut.RUnlock() // L2\n", ""},
}

// TestFixedKernels demands silence on mended kernels.
func TestFixedKernels(t *testing.T) {
	dir := filepath.Join(goroot(t), "src/runtime/testdata/testgoroutineleakprofile/goker")
	alarms := 0
	for name, pairs := range fixes {
		src, err := os.ReadFile(filepath.Join(dir, name+".go"))
		if err != nil {
			t.Skip("this toolchain has no GoKer kernels: ", err)
		}
		text := string(src)
		for i := 0; i < len(pairs); i += 2 {
			if !strings.Contains(text, pairs[i]) {
				t.Errorf("%s: the kernel has no %q", name, pairs[i])
			}
			text = strings.Replace(text, pairs[i], pairs[i+1], 1)
		}
		file := filepath.Join(t.TempDir(), name+".go")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		found := 0
		findings, _ := explore(t, file, filepath.Join(dir, "main.go"))
		for _, f := range findings {
			found++
			t.Logf("%s: %s", name, f.Message(fset))
		}
		if found > 0 {
			alarms++
		}
	}
	t.Logf("%d of %d mended kernels raise an alarm", alarms, len(fixes))
	if alarms > 1 {
		t.Errorf("%d mended kernels raise an alarm, at most 1 is allowed", alarms)
	}
}

// explore searches the package in files as the analyzer does, and says how much processor time that took.
func explore(t *testing.T, files ...string) ([]Finding, time.Duration) {
	pkg, srcs, _ := buildSSA(t, files)
	start := cpu()
	roots := Roots(srcs)
	e := NewExplorer(pkg, srcs, Limits{})
	e.Strict = true
	out := e.ExploreAll(roots)
	return out, cpu() - start
}
