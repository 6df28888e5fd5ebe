package modules

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/falsifiable/stability/lab/gate"
	"github.com/falsifiable/stability/lab/gate/repo"
)

func vendorName(m *mod) string { return strings.TrimSuffix(m.name, "go.mod") + "vendor/modules.txt" }

// judgeVendor compares vendored code with what go mod vendor would put there. The go command itself compares
// modules.txt only: a line edited in a vendored file compiles, and nobody hears of it.
func (j *judge) judgeVendor(ctx context.Context, m *mod) error {
	vendor := filepath.Join(m.dir, "vendor")
	if _, err := os.Stat(filepath.Join(vendor, "modules.txt")); err != nil {
		return nil
	}
	env, args := j.alone, []string{"mod", "vendor", "-o"}
	if _, err := repo.Go(ctx, m.dir, env, "list", "-mod=vendor", "-e", "./..."); err != nil {
		j.complain(m, err, "listing vendored packages")
	}
	return j.compareVendor(ctx, m.name, m.dir, vendor, env, args)
}

// compareVendor writes the vendor directory anew elsewhere and reports each file that differs.
func (j *judge) compareVendor(ctx context.Context, name, dir, vendor string, env, args []string) error {
	temp, err := os.MkdirTemp("", "stability-vendor-")
	if err != nil {
		return fmt.Errorf("gate modules: %w", err)
	}
	defer os.RemoveAll(temp)
	fresh := filepath.Join(temp, "vendor")
	if _, err := repo.Go(ctx, dir, env, append(args, fresh)...); err != nil {
		if failed, ok := errors.AsType[*repo.GoError](err); ok && !offline.MatchString(failed.Output) {
			j.report.Gap(true, j.repo.Rel(vendor), "go %s vendor: %s", args[0], oneLine(failed.Output))
			return nil
		}
		j.report.Gap(true, j.repo.Rel(vendor), "what should be there is not in the module cache, and the network does not give it")
		return ctx.Err()
	}
	files, differ := 0, func(file, what string) {
		j.report.Add(gate.Finding{Rule: "vendor", Level: gate.Error, File: j.repo.Rel(filepath.Join(vendor, file)), Message: what,
			Mend: "go mod vendor; a patch belongs into a fork with a replace line that says why"})
	}
	err = walkFiles(fresh, func(file string, content []byte) {
		files++
		have, err := os.ReadFile(filepath.Join(vendor, file))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			differ(file, "is missing from vendor")
		case err != nil:
			j.report.Gap(true, file, "%v", err)
		case !bytes.Equal(normal(have), normal(content)):
			differ(file, "is not what the module at the required version holds")
		}
	})
	if err != nil {
		return fmt.Errorf("gate modules: %w", err)
	}
	j.report.Count("vendored file", files)
	err = walkFiles(vendor, func(file string, _ []byte) {
		if _, err := os.Stat(filepath.Join(fresh, file)); errors.Is(err, fs.ErrNotExist) && strings.HasSuffix(file, ".go") {
			differ(file, "is in vendor, but no module holds it")
		}
	})
	if err != nil {
		return fmt.Errorf("gate modules: %w", err)
	}
	return nil
}

// normal evens out line ends: git may have been told to turn them.
func normal(content []byte) []byte { return bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")) }

func walkFiles(root string, each func(file string, content []byte)) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		each(relative, content)
		return err
	})
}
