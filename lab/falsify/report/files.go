package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// The files of a report directory.
const (
	JSONName  = "report.json"
	HTMLName  = "report.html"
	JUnitName = "junit.xml"
	SARIFName = "report.sarif"
)

// WriteFiles writes the report in every form into a directory, which it makes.
func (r *Report) WriteFiles(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	for name, write := range map[string]func(io.Writer) error{
		JSONName: r.WriteJSON, HTMLName: r.WriteHTML, JUnitName: r.WriteJUnit, SARIFName: r.WriteSARIF,
	} {
		if err := writeFile(filepath.Join(dir, name), write); err != nil {
			return fmt.Errorf("report: writing %s: %w", name, err)
		}
	}
	return nil
}

// writeFile makes the file whole or not at all: a reader in CI never sees half of one.
func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".tmp-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // of no effect once it is renamed
	if err := write(file); err != nil {
		file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := os.Chmod(file.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// WriteJSON writes the report as docs/reference/falsify-report.md describes it.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	return encoder.Encode(r)
}
