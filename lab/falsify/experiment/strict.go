package experiment

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/falsifiable/stability/internal/suggest"
)

// unknownFields returns a complaint about every key of a mapping that its Go type does not have. The decoder's own
// strictness knows the line but not the column, and not what was meant.
func unknownFields(path string, node *yaml.Node, sample any) []error {
	errs := walk(path, node, reflect.TypeOf(sample))
	slices.SortFunc(errs, byPosition)
	return errs
}

func walk(path string, node *yaml.Node, t reflect.Type) (errs []error) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch {
	case t.Kind() == reflect.Slice && node.Kind == yaml.SequenceNode:
		for _, item := range node.Content {
			errs = append(errs, walk(path, item, t.Elem())...)
		}
	case t.Kind() == reflect.Map && node.Kind == yaml.MappingNode:
		for i := 1; i < len(node.Content); i += 2 {
			errs = append(errs, walk(path, node.Content[i], t.Elem())...)
		}
	case t.Kind() == reflect.Struct && node.Kind == yaml.MappingNode:
		fields := fieldsOf(t)
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i]
			field, ok := fields[key.Value]
			if !ok {
				errs = append(errs, &PositionError{path, key.Line, key.Column, Unknown("field", key.Value, keys(fields))})
				continue
			}
			errs = append(errs, walk(path, node.Content[i+1], field)...)
		}
	default:
		if complaint := mismatch(node, t); complaint != "" {
			errs = append(errs, &PositionError{path, node.Line, node.Column, complaint})
		}
	}
	return errs
}

// mismatch says why a node cannot be of a type, "" if it can. Types that read themselves say so themselves.
func mismatch(node *yaml.Node, t reflect.Type) string {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[yaml.Unmarshaler]()) || node.Tag == "!!null" {
		return ""
	}
	if node.Decode(reflect.New(t).Interface()) == nil {
		return ""
	}
	wanted := map[reflect.Kind]string{reflect.Float64: "a number", reflect.Bool: "true or false", reflect.String: "a text",
		reflect.Slice: "a list, as [a, b]", reflect.Map: "names with a value each, as {a: b}", reflect.Struct: "fields, as {field: value}"}[t.Kind()]
	got := fmt.Sprintf("%q", node.Value)
	switch node.Kind {
	case yaml.SequenceNode:
		got = "a list"
	case yaml.MappingNode:
		got = "a mapping"
	}
	return fmt.Sprintf("%s stands where %s should be", got, wanted)
}

func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := make(map[string]reflect.Type)
	for field := range t.Fields() {
		if name := field.Tag.Get("yaml"); name != "" && name != "-" {
			fields[name] = field.Type
		}
	}
	return fields
}

// child returns the node of a path of keys, or the nearest there is: a place to complain about.
func child(node *yaml.Node, path ...string) *yaml.Node {
	for _, name := range path {
		next := node
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Kind == yaml.MappingNode && node.Content[i].Value == name {
				next = node.Content[i+1]
			}
		}
		node = next
	}
	return node
}

// Unknown words the complaint about a name that is not among those known.
func Unknown(what, name string, known []string) string {
	if len(known) == 0 {
		return fmt.Sprintf("there is no %s %q; there is none at all", what, name)
	}
	hint := ""
	if best := suggest.Nearest(name, known); best != "" {
		hint = fmt.Sprintf("; did you mean %q?", best)
	}
	return fmt.Sprintf("there is no %s %q%s Known: %s", what, name, cmp.Or(hint, "."), strings.Join(known, ", "))
}

func byPosition(a, b error) int {
	pa, pb := a.(*PositionError), b.(*PositionError)
	return cmp.Or(cmp.Compare(pa.Line, pb.Line), cmp.Compare(pa.Column, pb.Column))
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
