package hotconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

type format uint8

const (
	formatYAML format = iota
	formatJSON
	formatTOML
)

func formatOf(path string) (format, error) {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".yaml", ".yml":
		return formatYAML, nil
	case ".json":
		return formatJSON, nil
	case ".toml":
		return formatTOML, nil
	default:
		return 0, fmt.Errorf("hotconfig: watching %s: the name must end in .yaml, .yml, .json or .toml, not %q", path, ext)
	}
}

// decodeFile makes a T of a file, or says what is wrong and where. All formats become a tree of YAML nodes, so that one set of rules
// holds for all.
func decodeFile[T any](o Options[T], path string, f format, content []byte) (*T, error) {
	if err := text(path, content); err != nil {
		return nil, err
	}
	if o.Sealed {
		var err error
		if content, err = unseal(path, content); err != nil {
			return nil, err
		}
		if err := text(path, content); err != nil {
			return nil, err
		}
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	var root *yaml.Node
	var err error
	switch f {
	case formatTOML:
		root, err = parseTOML(content)
	case formatJSON:
		if err = checkJSON(content); err == nil {
			root, err = parseYAML(content) // which reads JSON too, and keeps the positions
		}
	default:
		root, err = parseYAML(content)
	}
	if err == nil && root == nil {
		err = &place{0, 0, errors.New("it is empty: there are only comments in it")}
	}
	value := new(T)
	if o.Default != nil {
		*value = o.Default()
	}
	if err == nil {
		err = fill(root, value, f != formatYAML)
	}
	if err == nil {
		err = override(value, o.EnvPrefix, os.LookupEnv)
	}
	if err == nil {
		err = within(root, value)
	}
	return value, at(path, err)
}

// place is an error somewhere in a file.
type place struct {
	line, column int
	err          error
}

func (p *place) Error() string { return p.err.Error() }
func (p *place) Unwrap() error { return p.err }

// at names the file.
func at(path string, err error) error {
	if err == nil {
		return nil
	}
	e := &FileError{Path: path, Problem: err.Error(), Err: err}
	var p *place
	if errors.As(err, &p) {
		e.Line, e.Column = p.line, p.column
	}
	return e
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

// parseYAML returns the root of the one document, nil for none.
func parseYAML(content []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		p := &place{err: err}
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			p.line, _ = strconv.Atoi(m[1])
			p.err = errors.New(m[2])
			p.column = firstColumn(content, p.line)
		}
		return nil, p
	}
	var more yaml.Node
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		line, column := max(more.Line, document.Line), max(more.Column, 1)
		return nil, &place{line, column, errors.New("there is a second document; only one is read")}
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) == 0 || document.Content[0].Tag == "!!null" && document.Content[0].Value == "" {
		return nil, nil
	}
	return document.Content[0], nil
}

// firstColumn is where the text of a line begins: the parser tells lines only.
func firstColumn(content []byte, line int) int {
	lines := bytes.Split(content, []byte("\n"))
	if line < 1 || line > len(lines) {
		return 0
	}
	text := lines[line-1]
	return 1 + len(text) - len(bytes.TrimLeft(text, " \t"))
}

// checkJSON checks what a YAML parser would let pass.
func checkJSON(content []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(content))
	var whole json.RawMessage
	err := decoder.Decode(&whole)
	offset := decoder.InputOffset()
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset - 1
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		offset, err = int64(len(bytes.TrimRight(content, " \r\n\t"))), errors.New("it ends in the middle")
	case err == nil:
		rest := bytes.TrimLeft(content[offset:], " \r\n\t")
		if len(rest) == 0 {
			return nil
		}
		offset, err = int64(len(content)-len(rest)), errors.New("there is something behind the end")
	}
	line, column := position(content, int(offset))
	return &place{line, column, err}
}
