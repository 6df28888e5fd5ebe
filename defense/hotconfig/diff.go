package hotconfig

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/falsifiable/stability/internal/redact"
)

// Change is one difference between two configurations. Values of fields with the tag secret are not shown.
type Change struct {
	Path string `json:"path"` // as in the file, such as db.addr
	Old  string `json:"old"`
	New  string `json:"new"`
}

func (c Change) String() string { return c.Path + ": " + c.Old + " → " + c.New }

const maxChanges = 50 // in a diff: a log record is no place for a whole configuration

// Diff returns how two configurations differ, by the paths in the file, at most 50 of them.
func Diff(old, new any) []Change {
	var d differ
	d.walk("", indirect(reflect.ValueOf(old)), indirect(reflect.ValueOf(new)), false)
	slices.SortFunc(d.list, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return d.list
}

type differ struct{ list []Change }

func (d *differ) walk(path string, a, b reflect.Value, secret bool) {
	if len(d.list) >= maxChanges {
		return
	}
	a, b = indirect(a), indirect(b)
	if !a.IsValid() || !b.IsValid() || a.Type() != b.Type() {
		if a.IsValid() || b.IsValid() {
			d.add(path, a, b, secret)
		}
		return
	}
	switch {
	case a.Kind() == reflect.Struct && !isScalar(a.Type()):
		for _, f := range fieldsOf(a.Type()) {
			d.walk(join(path, f.name), a.FieldByIndex(f.index), b.FieldByIndex(f.index), secret || f.secret)
		}
	case a.Kind() == reflect.Map && a.Type().Key().Kind() == reflect.String:
		keys := append(a.MapKeys(), b.MapKeys()...)
		seen := make(map[string]bool)
		for _, k := range keys {
			if !seen[k.String()] {
				seen[k.String()] = true
				d.walk(join(path, k.String()), a.MapIndex(k), b.MapIndex(k), secret)
			}
		}
	default:
		if !a.CanInterface() || !reflect.DeepEqual(a.Interface(), b.Interface()) {
			d.add(path, a, b, secret)
		}
	}
}

func (d *differ) add(path string, a, b reflect.Value, secret bool) {
	d.list = append(d.list, Change{path, show(a, secret), show(b, secret)})
}

func show(v reflect.Value, secret bool) string {
	switch {
	case !v.IsValid():
		return "none"
	case secret:
		return "***"
	case !v.CanInterface():
		return "?"
	}
	return redact.String(cut(fmt.Sprintf("%v", v.Interface()), 100))
}

func indirect(v reflect.Value) reflect.Value {
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
		v = v.Elem()
	}
	return v
}

func join(path, name string) string {
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}
