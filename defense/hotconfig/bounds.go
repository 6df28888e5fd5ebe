package hotconfig

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// FieldError may be returned by Validate, alone or joined with others, to say which key is wrong: then the error has its place.
type FieldError struct {
	Field string // the path in the file, such as db.addr
	Err   error
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }
func (e *FieldError) Unwrap() error { return e.Err }

// within checks the tags required, min and max.
func within(root *yaml.Node, value any) error {
	b := bounds{root: root}
	b.walk("", reflect.ValueOf(value).Elem(), false)
	if len(b.errs) == 0 {
		return nil
	}
	return (&checker{errs: b.errs}).join()
}

type bounds struct {
	root *yaml.Node
	errs []error
}

func (b *bounds) walk(path string, v reflect.Value, secret bool) {
	v = indirect(v)
	switch {
	case !v.IsValid() || len(b.errs) >= 10:
	case v.Kind() == reflect.Struct && !isScalar(v.Type()):
		for _, f := range fieldsOf(v.Type()) {
			inner, where := v.FieldByIndex(f.index), join(path, f.name)
			if err := f.judge(inner, secret || f.secret); err != nil {
				line, column := find(b.root, where)
				b.errs = append(b.errs, &place{line, column, fmt.Errorf("%s %w", where, err)})
			}
			b.walk(where, inner, secret || f.secret)
		}
	case v.Kind() == reflect.Slice || v.Kind() == reflect.Array:
		for i := range v.Len() {
			b.walk(fmt.Sprintf("%s[%d]", path, i), v.Index(i), secret)
		}
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
		for _, k := range v.MapKeys() {
			b.walk(join(path, k.String()), v.MapIndex(k), secret)
		}
	}
}

// judge compares a value with the tags of its field.
func (f field) judge(v reflect.Value, secret bool) error {
	if f.required && v.IsZero() {
		return errors.New("is required")
	}
	v = indirect(v)
	if !v.IsValid() || f.min == "" && f.max == "" {
		return nil
	}
	got, ok := quantity(v)
	if !ok {
		return fmt.Errorf("has bounds in its tag and is no number, duration, string, list or map (%v)", v.Type())
	}
	for _, bound := range []struct {
		text  string
		wrong func(limit float64) bool
	}{
		{f.min, func(limit float64) bool { return got < limit }},
		{f.max, func(limit float64) bool { return got > limit }},
	} {
		if bound.text == "" {
			continue
		}
		limit, err := parseBound(bound.text)
		if err != nil {
			return err
		}
		if bound.wrong(limit) {
			return fmt.Errorf("is %s; want %s", show(v, secret), f.wanted(v))
		}
	}
	return nil
}

func (f field) wanted(v reflect.Value) string {
	text := "at least " + f.min + " and at most " + f.max
	switch {
	case f.max == "":
		text = "at least " + f.min
	case f.min == "":
		text = "at most " + f.max
	}
	switch v.Kind() {
	case reflect.String:
		return "a length of " + text
	case reflect.Slice, reflect.Map, reflect.Array:
		return text + " of them"
	}
	return text
}

// quantity is what bounds are compared with: a number, seconds, or a length.
func quantity(v reflect.Value) (float64, bool) {
	if d, ok := v.Interface().(time.Duration); ok {
		return d.Seconds(), true
	}
	switch {
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	case v.CanFloat():
		return v.Float(), true
	case v.Kind() == reflect.String, v.Kind() == reflect.Slice, v.Kind() == reflect.Map, v.Kind() == reflect.Array:
		return float64(v.Len()), true
	}
	return 0, false
}

func parseBound(text string) (float64, error) {
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return f, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("has the bound %q in its tag, which is no number and no duration", text)
	}
	return d.Seconds(), nil
}

// find returns where a path stands in the tree, or the nearest group around it.
func find(n *yaml.Node, path string) (line, column int) {
	if n == nil {
		return 0, 0
	}
	line, column = n.Line, n.Column
	for rest := path; rest != ""; {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		step := rest
		if i := strings.IndexAny(rest[1:], ".["); i >= 0 {
			step = rest[:i+1]
		}
		rest = strings.TrimPrefix(rest[len(step):], ".")
		next := child(n, step)
		if next == nil {
			return line, column
		}
		n = next
		line, column = n.Line, n.Column
	}
	return line, column
}

func child(n *yaml.Node, step string) *yaml.Node {
	if strings.HasPrefix(step, "[") {
		i, err := strconv.Atoi(strings.Trim(step, "[]"))
		if err != nil || n.Kind != yaml.SequenceNode || i >= len(n.Content) {
			return nil
		}
		return n.Content[i]
	}
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == step {
			return n.Content[i+1]
		}
	}
	return nil
}

// place gives an error of Validate its place in the file.
func (v *Value[T]) place(contents [][]byte, err error) error {
	e := &FileError{Path: v.paths[0], Problem: err.Error(), Err: err}
	var f *FieldError
	if len(contents) == 1 && errors.As(err, &f) {
		if root := parseAgain(v.paths[0], contents[0]); root != nil {
			e.Line, e.Column = find(root, f.Field)
		}
	}
	return e
}

// parseAgain parses what has been parsed before, for its positions.
func parseAgain(path string, content []byte) *yaml.Node {
	f, err := formatOf(path)
	if err != nil {
		return nil
	}
	var root *yaml.Node
	if f == formatTOML {
		root, err = parseTOML(content)
	} else {
		root, err = parseYAML(content)
	}
	if err != nil {
		return nil
	}
	return root
}
