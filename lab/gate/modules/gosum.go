package modules

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/falsifiable/stability/lab/gate"
)

// sums is a go.sum: by "path version" the hash and the line it stands in. The version of a go.mod alone ends in /go.mod.
type sums map[string]sum

type sum struct {
	hash string
	line int
}

// parseSums reads a go.sum. Each line is "path version h1:hash"; a line that is not, or two that contradict each other,
// become findings: the go command itself drops what it cannot read and asks the network again.
func parseSums(r *gate.Report, name string, content []byte) sums {
	known := make(sums)
	for i, line := range strings.Split(string(content), "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		wrong := func(format string, args ...any) {
			r.Add(gate.Finding{Rule: "sum-syntax", Level: gate.Error, File: name, Line: i + 1, Message: fmt.Sprintf(format, args...),
				Mend: "take go.sum from the base and run go mod tidy; a merge conflict often leaves such a line"})
		}
		if len(fields) != 3 {
			wrong("%d fields instead of module, version and hash", len(fields))
			continue
		}
		encoded, isH1 := strings.CutPrefix(fields[2], "h1:")
		if !isH1 {
			continue // an algorithm of a later Go; the go command skips it too
		}
		if raw, err := base64.StdEncoding.DecodeString(encoded); err != nil || len(raw) != 32 {
			wrong("the hash of %s %s is not one of 32 bytes", fields[0], fields[1])
			continue
		}
		if err := module.CheckPath(fields[0]); err != nil {
			wrong("%v", err)
			continue
		}
		key := fields[0] + " " + fields[1]
		if before, ok := known[key]; ok && before.hash != fields[2] {
			wrong("another hash of %s than in line %d", key, before.line)
			continue
		}
		known[key] = sum{fields[2], i + 1}
	}
	return known
}

// verifySums compares go.sum with the module cache: what go.sum says of a version against what lies there. Of the modules in
// use the archive itself is hashed, not the note that the cache keeps beside it.
func verifySums(r *gate.Report, name string, s sums, cache string, used map[string]bool) (compared int) {
	for key, want := range s {
		path, version, _ := strings.Cut(key, " ")
		version, modOnly := strings.CutSuffix(version, "/go.mod")
		have, err := cachedHash(cache, path, version, modOnly, used[path+" "+version])
		if os.IsNotExist(err) {
			continue
		}
		compared++
		if err != nil {
			have = "what cannot be read (" + err.Error() + ")"
		}
		if have == want.hash {
			continue
		}
		r.Add(gate.Finding{Rule: "sum-mismatch", Level: gate.Error, File: name, Line: want.line,
			Message: fmt.Sprintf("%s: go.sum says %s, the module cache holds %s", key, want.hash, have),
			Mend:    "do not write go.sum anew before you know which of the two is false: compare with the base of the change, and with another machine's cache (go clean -modcache; go mod download)"})
	}
	return compared
}

// cachedHash returns the hash of what the module cache holds, or, if it holds nothing, an error for which os.IsNotExist
// is true.
func cachedHash(cache, path, version string, modOnly, whole bool) (string, error) {
	escaped, err := module.EscapePath(path)
	if err != nil {
		return "", err
	}
	escapedVersion, err := module.EscapeVersion(version)
	if err != nil {
		return "", err
	}
	base := filepath.Join(cache, "cache", "download", filepath.FromSlash(escaped), "@v", escapedVersion)
	if modOnly {
		content, err := os.ReadFile(base + ".mod")
		if err != nil {
			return "", err
		}
		return dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil })
	}
	if whole {
		return dirhash.HashZip(base+".zip", dirhash.Hash1)
	}
	note, err := os.ReadFile(base + ".ziphash")
	return strings.TrimSpace(string(note)), err
}
