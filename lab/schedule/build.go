package schedule

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/falsifiable/stability/lab/schedule/patch"
)

// ErrNotPatched is returned when a test binary came out without the points: judging it would be judging nothing.
var ErrNotPatched = errors.New("the binary was built without the points of perturbation")

// builder builds test binaries with the overlay.
type builder struct {
	Config
	tmp       string
	goTool    string // the go command
	goVersion string
	goroot    string
	overlay   overlay
	env       []string
	warnings  []string

	experiments string // GOEXPERIMENT that the overlay needs
}

// binary is a built test binary.
type binary struct {
	pkg, dir, path string
	goroot         string // where it has the standard library from
}

func newBuilder(ctx context.Context, c Config, tmp string) (*builder, error) {
	b := &builder{Config: c, tmp: tmp, goTool: "go"}
	// Asked in the module: a toolchain line there may switch to another Go.
	out, err := b.goCommand(ctx, "env", "-json", "GOROOT", "GOVERSION", "GOEXPERIMENT", "GOOS", "GOMODCACHE")
	if err != nil {
		return nil, fmt.Errorf("schedule: asking for the toolchain: %w", err)
	}
	var env struct{ GOROOT, GOVERSION, GOEXPERIMENT, GOOS, GOMODCACHE string }
	if err := json.Unmarshal(out, &env); err != nil {
		return nil, fmt.Errorf("schedule: asking for the toolchain: %w", err)
	}
	if env.GOOS == "windows" || env.GOOS == "plan9" || env.GOOS == "js" || env.GOOS == "wasip1" {
		return nil, fmt.Errorf("schedule: patching for %s: %w", env.GOOS, errors.ErrUnsupported)
	}
	b.goVersion, b.goroot = env.GOVERSION, env.GOROOT
	if c.Rewrite {
		err = b.rewriteSource("-rewrite")
	} else {
		err = b.patchRuntime(env.GOROOT, env.GOMODCACHE)
	}
	if err != nil {
		return nil, err
	}
	if env.GOEXPERIMENT != "" && b.experiments != "" {
		b.experiments = env.GOEXPERIMENT + "," + b.experiments
	}
	if b.experiments != "" {
		b.env = append(b.env, "GOEXPERIMENT="+b.experiments)
	}
	return b, nil
}

// patchRuntime prepares an overlay for the runtime. A toolchain that it does not fit is left as it is, and the
// project's own source rewritten.
func (b *builder) patchRuntime(goroot, modCache string) error {
	goroot, err := b.outsideModCache(goroot, modCache, b.goVersion)
	if err != nil {
		return err
	}
	b.goroot = goroot
	o, err := patch.Write(goroot, b.goVersion, b.Cache)
	if errors.Is(err, patch.ErrMismatch) {
		return b.rewriteSource(err.Error())
	}
	if err != nil {
		return err
	}
	b.overlay, b.experiments = overlay{o.File, patch.Hook}, o.Experiments
	if !o.Tried {
		b.warnings = append(b.warnings, fmt.Sprintf("the patches fit %s, but nobody has tried them on it: they were on %s",
			b.goVersion, strings.Join(patch.Tried, ", ")))
	}
	return nil
}

// outsideModCache returns another name for a GOROOT that a toolchain line has fetched into the module cache: an overlay
// must not replace files below that. From then on the go command of that name is used.
func (b *builder) outsideModCache(goroot, modCache, version string) (string, error) {
	if !strings.HasPrefix(goroot, modCache+string(filepath.Separator)) {
		return goroot, nil
	}
	link := filepath.Join(b.Cache, "toolchain-"+version)
	if err := os.MkdirAll(b.Cache, 0o700); err != nil {
		return "", fmt.Errorf("schedule: linking the toolchain: %w", err)
	}
	if at, err := os.Readlink(link); err != nil || at != goroot {
		if err := errors.Join(removeIfThere(link), os.Symlink(goroot, link)); err != nil {
			return "", fmt.Errorf("schedule: linking the toolchain: %w", err)
		}
	}
	b.goTool = filepath.Join(link, "bin", "go")
	b.env = append(b.env, "GOROOT="+link, "GOTOOLCHAIN=local")
	return link, nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// goCommand runs the go command in Dir and returns its standard output; an error carries what it printed.
func (b *builder) goCommand(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, b.goTool, args...)
	cmd.Dir = b.Dir
	cmd.Env = append(append(os.Environ(), b.env...), b.Config.env)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}

// build builds the test binary of each package that has tests. One that does not build does not keep the others from
// being tested: the error is returned together with what was built.
func (b *builder) build(ctx context.Context) ([]binary, error) {
	if err := b.writeRewritten(ctx); err != nil {
		return nil, err
	}
	args := append([]string{"list", "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles"}, b.listFlags()...)
	out, err := b.goCommand(ctx, append(args, b.Packages...)...)
	if err != nil {
		return nil, fmt.Errorf("schedule: listing the packages: %w", err)
	}
	var binaries []binary
	var failed []error
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Dir           string
			TestGoFiles, XTestGoFiles []string
		}
		if err := dec.Decode(&p); err == io.EOF {
			return binaries, errors.Join(failed...)
		} else if err != nil {
			return nil, fmt.Errorf("schedule: listing the packages: %w", err)
		}
		if len(p.TestGoFiles)+len(p.XTestGoFiles) == 0 {
			continue
		}
		b.Log.Info("building", "package", p.ImportPath)
		bin := binary{p.ImportPath, p.Dir, filepath.Join(b.tmp, fmt.Sprintf("%d.test", len(binaries))), b.goroot}
		if err := b.buildOne(ctx, bin); err != nil {
			failed = append(failed, err)
			continue
		}
		binaries = append(binaries, bin)
	}
}

func (b *builder) buildOne(ctx context.Context, bin binary) error {
	args := []string{"test", "-c", "-vet=off", "-overlay", b.overlay.file, "-o", bin.path}
	if b.Race {
		args = append(args, "-race")
	}
	args = append(append(args, b.BuildFlags...), bin.pkg)
	if _, err := b.goCommand(ctx, args...); err != nil {
		return fmt.Errorf("schedule: building: %w", err)
	}
	text, err := os.ReadFile(bin.path)
	if err != nil {
		return fmt.Errorf("schedule: building %s: %w", bin.pkg, err)
	}
	if !bytes.Contains(text, []byte(b.overlay.hook)) {
		return fmt.Errorf("schedule: building %s: %w", bin.pkg, ErrNotPatched)
	}
	return nil
}

// listFlags are those of the build flags which change what packages there are.
func (b *builder) listFlags() (flags []string) {
	for _, f := range b.BuildFlags {
		for _, name := range []string{"-tags", "-mod", "-modfile"} {
			if strings.HasPrefix(strings.Replace(f, "--", "-", 1), name+"=") {
				flags = append(flags, f)
			}
		}
	}
	return flags
}
