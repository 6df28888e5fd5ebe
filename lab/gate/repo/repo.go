// Package repo is what the gates need to know of a repository: its modules, its files, what a change touches, and what
// the go command says of it. It works without git too; it then says what it cannot know.
package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNoGit is the answer to a question that only git can answer.
var ErrNoGit = errors.New("repo: this is no git repository")

// Repo is a repository, or a directory tree without git.
type Repo struct {
	// Root is the absolute path of its top directory.
	Root string
	// Git tells whether it is under git.
	Git bool
	// Submodules are directories, relative to Root, that are repositories of their own: they are judged there.
	Submodules []string
}

// Open returns the repository that dir is in. Without git it is the tree at the outermost go.mod or go.work at or above dir,
// or else dir itself.
func Open(ctx context.Context, dir string) (*Repo, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("repo: %w", err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, fmt.Errorf("repo: %w", err)
	}
	r := &Repo{Root: dir}
	if top, err := r.git(ctx, "rev-parse", "--show-toplevel"); err == nil {
		r.Root, r.Git = strings.TrimSpace(top), true
		return r, nil
	}
	for at := dir; ; at = filepath.Dir(at) {
		for _, name := range []string{"go.mod", "go.work"} {
			if _, err := os.Stat(filepath.Join(at, name)); err == nil {
				r.Root = at
			}
		}
		if at == filepath.Dir(at) {
			return r, nil
		}
	}
}

// Rel returns a path relative to the root, with slashes.
func (r *Repo) Rel(path string) string {
	if relative, err := filepath.Rel(r.Root, path); err == nil {
		return filepath.ToSlash(relative)
	}
	return path
}

// ModuleDirs returns the absolute directories of all modules, outermost first. Vendored code, testdata, directories that the
// go command does not look into and git submodules are left out; the latter are named in Submodules.
func (r *Repo) ModuleDirs() ([]string, error) {
	var dirs []string
	r.Submodules = nil
	err := filepath.WalkDir(r.Root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return r.enter(path, entry.Name())
		}
		if entry.Name() == "go.mod" && entry.Type().IsRegular() {
			dirs = append(dirs, filepath.Dir(path))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("repo: looking for modules: %w", err)
	}
	slices.SortFunc(dirs, func(a, b string) int {
		if d := strings.Count(a, "/") - strings.Count(b, "/"); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return dirs, nil
}

func (r *Repo) enter(path, name string) error {
	if path == r.Root {
		return nil
	}
	if name == "vendor" || name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return filepath.SkipDir
	}
	if info, err := os.Lstat(filepath.Join(path, ".git")); err == nil && r.Git {
		if info.Mode().IsRegular() { // a submodule or a worktree; a clone inside has a directory
			r.Submodules = append(r.Submodules, r.Rel(path))
		}
		return filepath.SkipDir
	}
	return nil
}

// Base resolves what a change is compared with. An empty name asks for the usual ones: where the branch left the
// remote's default branch, main or master; on that branch itself with everything committed, the commit before. No base is
// no error: the commit is empty and reason says why.
func (r *Repo) Base(ctx context.Context, name string) (commit, reason string, err error) {
	if !r.Git {
		if name != "" {
			return "", "", fmt.Errorf("%w, so there is no base %q to compare with", ErrNoGit, name)
		}
		return "", "this is no git repository", nil
	}
	candidates := []string{name}
	if name == "" {
		candidates = []string{"origin/HEAD", "origin/main", "origin/master", "main", "master"}
	}
	for _, c := range candidates {
		if _, err := r.git(ctx, "rev-parse", "--verify", "--quiet", c+"^{commit}"); err != nil {
			continue
		}
		fork, err := r.git(ctx, "merge-base", c, "HEAD")
		if err == nil && name == "" {
			return r.before(ctx, strings.TrimSpace(fork))
		}
		if err == nil {
			return strings.TrimSpace(fork), "", nil
		}
		if shallow, _ := r.git(ctx, "rev-parse", "--is-shallow-repository"); strings.TrimSpace(shallow) == "true" {
			err := fmt.Errorf("repo: this clone is shallow and does not reach to where the change left %s: fetch more (git fetch --unshallow, or fetch-depth: 0 in the workflow)", c)
			if name == "" {
				return "", err.Error(), nil
			}
			return "", "", err
		}
		if name != "" {
			return "", "", fmt.Errorf("repo: HEAD and %s have no commit in common", c)
		}
	}
	if name != "" {
		hint := "is it fetched?"
		if shallow, _ := r.git(ctx, "rev-parse", "--is-shallow-repository"); strings.TrimSpace(shallow) == "true" {
			hint = "this clone is shallow: fetch more (git fetch --unshallow, or fetch-depth: 0 in the workflow)"
		}
		return "", "", fmt.Errorf("repo: there is no commit %q; %s", name, hint)
	}
	return "", "there is no branch main or master, here or at origin; name a base with -base", nil
}

// before returns the fork point, or the commit before HEAD when HEAD itself is the fork point and nothing has changed
// since.
func (r *Repo) before(ctx context.Context, fork string) (commit, reason string, err error) {
	head, err := r.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return "", "", err
	}
	changed, err := r.git(ctx, "status", "--porcelain", "--ignore-submodules")
	if err != nil {
		return "", "", err
	}
	if strings.TrimSpace(head) != fork || changed != "" {
		return fork, "", nil
	}
	parent, err := r.git(ctx, "rev-parse", "--verify", "--quiet", "HEAD^1")
	if err == nil {
		return strings.TrimSpace(parent), "", nil
	}
	if shallow, _ := r.git(ctx, "rev-parse", "--is-shallow-repository"); strings.TrimSpace(shallow) == "true" {
		return "", "this clone is shallow: fetch more (git fetch --unshallow, or fetch-depth: 0 in the workflow)", nil
	}
	return "", "there is one commit only", nil
}

// Show returns a file as it was at a commit; the error wraps fs.ErrNotExist when it was not there.
func (r *Repo) Show(ctx context.Context, commit, file string) ([]byte, error) {
	if _, err := r.git(ctx, "cat-file", "-e", commit+":"+file); err != nil {
		return nil, fmt.Errorf("repo: %s at %s: %w", file, commit, fs.ErrNotExist)
	}
	text, err := r.git(ctx, "show", commit+":"+file)
	return []byte(text), err
}

// git runs git in the root and returns what it says.
func (r *Repo) git(ctx context.Context, args ...string) (string, error) {
	// quotePath would turn names in other scripts than Latin into escapes.
	command := exec.CommandContext(ctx, "git", append([]string{"-c", "core.quotePath=false", "-C", r.Root}, args...)...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	command.Env = append(os.Environ(), "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0")
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("repo: git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// GoError is a go command that failed, in its own words.
type GoError struct {
	Args   []string
	Output string
}

func (e *GoError) Error() string {
	return fmt.Sprintf("go %s: %s", strings.Join(e.Args, " "), e.Output)
}

// Go runs the go command in dir with additional environment, and returns what it prints.
func Go(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = dir
	command.Env = append(append(os.Environ(), "PWD="+dir), env...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		words := strings.TrimSpace(stderr.String())
		if words == "" {
			words = err.Error()
		}
		return stdout.Bytes(), &GoError{args, words}
	}
	return stdout.Bytes(), nil
}
