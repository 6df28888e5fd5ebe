package hotconfig

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/falsifiable/stability/internal/guarded"
	"github.com/falsifiable/stability/internal/suggest"
)

// field is one field of a struct, as it is called in a file.
type field struct {
	name     string
	index    []int
	typ      reflect.Type
	secret   bool
	required bool
	min, max string
}

var fieldCache sync.Map // reflect.Type → []field

// fieldsOf returns the fields of a struct, those of inlined ones among them.
func fieldsOf(t reflect.Type) []field {
	if list, ok := fieldCache.Load(t); ok {
		return list.([]field)
	}
	var list []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if strings.Contains(options, "inline") && f.Type.Kind() == reflect.Struct {
			for _, inner := range fieldsOf(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				list = append(list, inner)
			}
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		list = append(list, field{name, []int{i}, f.Type, f.Tag.Get("secret") == "true", f.Tag.Get("required") == "true", f.Tag.Get("min"), f.Tag.Get("max")})
	}
	fieldCache.Store(t, list)
	return list
}

var (
	timeType        = reflect.TypeFor[time.Time]()
	unmarshalerType = reflect.TypeFor[yaml.Unmarshaler]()
	textType        = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// isScalar tells whether a type that looks composed is read from one scalar, or reads itself.
func isScalar(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t == timeType || p.Implements(unmarshalerType) || p.Implements(textType)
}

const maxNodes = 200_000 // that are looked at: aliases can make a small file a large one

// checker compares a tree with a type, before the tree is decoded: the decoder tells lines at most, and not of everything.
type checker struct {
	quoted bool // the format tells a string from a number, as YAML for people does not
	nodes  int
	errs   []error
}

// fill decodes a tree into a value, strictly.
func fill(root *yaml.Node, value any, quoted bool) error {
	c := &checker{quoted: quoted}
	c.check(root, reflect.TypeOf(value).Elem(), "", false)
	if len(c.errs) > 0 {
		return c.join()
	}
	if err := root.Decode(value); err != nil {
		return &place{root.Line, root.Column, err}
	}
	return nil
}

// join makes one error of all, the first of which gives the place.
func (c *checker) join() error {
	if len(c.errs) == 1 {
		return c.errs[0]
	}
	var first *place
	errors.As(c.errs[0], &first)
	text := first.Error()
	for _, err := range c.errs[1:] {
		var p *place
		errors.As(err, &p)
		text += fmt.Sprintf("; %d:%d: %v", p.line, p.column, err)
	}
	return &place{first.line, first.column, errors.New(text)}
}

func (c *checker) wrong(n *yaml.Node, format string, args ...any) {
	if len(c.errs) < 10 {
		c.errs = append(c.errs, &place{n.Line, n.Column, fmt.Errorf(format, args...)})
	}
}

func (c *checker) check(n *yaml.Node, t reflect.Type, path string, secret bool) {
	if c.nodes++; c.nodes > maxNodes {
		if c.nodes == maxNodes+1 {
			c.wrong(n, "there are more than %d values, counting what aliases stand for", maxNodes)
		}
		return
	}
	if n.Kind == yaml.AliasNode {
		c.check(n.Alias, t, path, secret)
		return
	}
	for t.Kind() == reflect.Pointer {
		if n.Tag == "!!null" {
			return
		}
		t = t.Elem()
	}
	switch {
	case t.Kind() == reflect.Interface:
	case n.Tag == "!!null":
		c.wrong(n, "%s has no value; want %s", name(path), typeName(t))
	case isScalar(t):
		c.scalar(n, t, path, secret)
	case t.Kind() == reflect.Struct:
		c.object(n, t, path, secret)
	case t.Kind() == reflect.Map:
		if !c.is(n, yaml.MappingNode, t, path) {
			return
		}
		c.keys(n, path, func(key, value *yaml.Node) {
			c.check(key, t.Key(), join(path, key.Value), secret)
			c.check(value, t.Elem(), join(path, key.Value), secret)
		})
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8, t.Kind() == reflect.Array:
		if !c.is(n, yaml.SequenceNode, t, path) {
			return
		}
		for i, item := range n.Content {
			c.check(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i), secret)
		}
	default:
		c.scalar(n, t, path, secret)
	}
}

func (c *checker) is(n *yaml.Node, kind yaml.Kind, t reflect.Type, path string) bool {
	if n.Kind != kind {
		c.wrong(n, "%s is %s; want %s", name(path), kindName(n), typeName(t))
		return false
	}
	return true
}

// keys visits the pairs of a mapping, once each.
func (c *checker) keys(n *yaml.Node, path string, visit func(key, value *yaml.Node)) {
	seen := make(map[string]*yaml.Node)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if first := seen[key.Value]; first != nil && key.Kind == yaml.ScalarNode {
			c.wrong(key, "%s is there twice, first in line %d", name(join(path, key.Value)), first.Line)
			continue
		}
		seen[key.Value] = key
		visit(key, value)
	}
}

func (c *checker) object(n *yaml.Node, t reflect.Type, path string, secret bool) {
	if !c.is(n, yaml.MappingNode, t, path) {
		return
	}
	fields := fieldsOf(t)
	c.keys(n, path, func(key, value *yaml.Node) {
		if key.Tag == "!!merge" {
			if value.Kind == yaml.SequenceNode {
				for _, one := range value.Content {
					c.check(one, t, path, secret)
				}
				return
			}
			c.check(value, t, path, secret)
			return
		}
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == key.Value })
		if i < 0 {
			names := make([]string, len(fields))
			for i, f := range fields {
				names[i] = f.name
			}
			hint := ""
			if near := suggest.Nearest(key.Value, names); near != "" {
				hint = fmt.Sprintf("; did you mean %q?", near)
			}
			c.wrong(key, "there is no key %q here%s Known: %s", join(path, key.Value), hint, strings.Join(names, ", "))
			return
		}
		c.check(value, fields[i].typ, join(path, key.Value), secret || fields[i].secret)
	})
}

// scalar tries to decode one value.
func (c *checker) scalar(n *yaml.Node, t reflect.Type, path string, secret bool) {
	if n.Kind != yaml.ScalarNode && !reflect.PointerTo(t).Implements(unmarshalerType) {
		c.wrong(n, "%s is %s; want %s", name(path), kindName(n), typeName(t))
		return
	}
	err := tryDecode(n, t)
	switch tag := n.ShortTag(); { // what the decoder would bend
	case isScalar(t):
	case tag == "!!float" && isInt(t), c.quoted && t.Kind() == reflect.String && tag != "!!str":
		err = errors.New("wrong kind")
	}
	if err != nil {
		shown := fmt.Sprintf("%q", cut(n.Value, 60))
		if secret {
			shown = "of the wrong kind (and secret)"
		}
		why := ""
		if isScalar(t) && !secret {
			why = ": " + err.Error()
		}
		c.wrong(n, "%s is %s; want %s%s", name(path), shown, typeName(t), why)
	}
}

func isInt(t reflect.Type) bool { return reflect.Zero(t).CanInt() || reflect.Zero(t).CanUint() }

// tryDecode decodes with a type's own methods, which may panic.
func tryDecode(n *yaml.Node, t reflect.Type) (err error) {
	guarded.Call(func() error { return n.Decode(reflect.New(t).Interface()) }, func(failed error) { err = failed })
	return err
}

func name(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a group of keys"
	case yaml.SequenceNode:
		return "a list"
	default:
		return "a single value"
	}
}

func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a duration, such as 250ms"
	case t == timeType:
		return "a time, such as 2026-01-02T15:04:05Z"
	case isScalar(t):
		return "a " + t.String()
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "a group of keys"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return fmt.Sprintf("a whole number (%v)", t.Kind())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("a whole number, not negative (%v)", t.Kind())
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a " + t.Kind().String()
}
