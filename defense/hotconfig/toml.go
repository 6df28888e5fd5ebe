package hotconfig

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
	"go.yaml.in/yaml/v3"
)

// parseTOML returns a TOML document as a tree of YAML nodes with positions. The library decodes and finds what is wrong with the
// syntax; its parser is asked once more for where each key stands, which the decoded values do not tell.
func parseTOML(content []byte) (*yaml.Node, error) {
	values := make(map[string]any)
	if err := toml.Unmarshal(content, &values); err != nil {
		var wrong *toml.DecodeError
		if errors.As(err, &wrong) {
			line, column := wrong.Position()
			return nil, &place{line, column, errors.New(strings.TrimPrefix(err.Error(), "toml: "))}
		}
		_, twice := tomlPlaces(content) // of which the library does not tell the place
		return nil, &place{twice.line, twice.column, errors.New(strings.TrimPrefix(err.Error(), "toml: "))}
	}
	if len(values) == 0 {
		return nil, nil
	}
	places, _ := tomlPlaces(content)
	b := tomlTree{places}
	return b.node("", values), nil
}

type tomlPlace struct{ line, column int }

// tomlPlaces finds where each key stands, by its path, and where the first stands that is set twice.
func tomlPlaces(content []byte) (places map[string]tomlPlace, twice tomlPlace) {
	places = make(map[string]tomlPlace)
	var p unstable.Parser
	p.Reset(content)
	table := ""
	arrays := make(map[string]int)
	for p.NextExpression() {
		e := p.Expression()
		path := ""
		if e.Kind == unstable.KeyValue {
			path = table
		}
		keys := e.Key()
		for keys.Next() {
			k := keys.Node()
			path = join(path, escape(string(k.Data)))
			if n, ok := arrays[path]; ok && (e.Kind != unstable.ArrayTable || !keys.IsLast()) {
				path = join(path, strconv.Itoa(n))
			}
			line, column := position(content, int(k.Raw.Offset))
			if _, known := places[path]; !known {
				places[path] = tomlPlace{line, column}
			} else if e.Kind == unstable.KeyValue && keys.IsLast() && twice.line == 0 {
				twice = tomlPlace{line, column}
			}
		}
		switch e.Kind {
		case unstable.ArrayTable:
			n, again := arrays[path]
			if again {
				n++
			}
			arrays[path] = n
			table = join(path, strconv.Itoa(n))
		case unstable.Table:
			table = path
		}
	}
	return places, twice
}

// escape keeps a dot in a key from looking like two keys.
func escape(key string) string { return strings.ReplaceAll(key, ".", "\x00") }

type tomlTree struct{ places map[string]tomlPlace }

func (b tomlTree) node(path string, value any) *yaml.Node {
	at := b.places[path]
	for p := path; at.line == 0 && p != ""; at = b.places[p] { // in an inline table or an array: where that stands
		p = p[:max(strings.LastIndexByte(p, '.'), 0)]
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: at.line, Column: at.column}
	switch v := value.(type) {
	case map[string]any:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			child := b.node(join(path, escape(k)), v[k])
			key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: k, Line: child.Line, Column: child.Column}
			n.Content = append(n.Content, key, child)
		}
	case []any:
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		for i, item := range v {
			n.Content = append(n.Content, b.node(join(path, strconv.Itoa(i)), item))
		}
	case string:
		n.Tag, n.Value = "!!str", v
	case bool:
		n.Tag, n.Value = "!!bool", strconv.FormatBool(v)
	case int64:
		n.Tag, n.Value = "!!int", strconv.FormatInt(v, 10)
	case float64:
		n.Tag, n.Value = "!!float", strconv.FormatFloat(v, 'g', -1, 64)
	case time.Time:
		n.Tag, n.Value = "!!timestamp", v.Format(time.RFC3339Nano)
	default: // local dates and times
		n.Tag, n.Value = "!!str", fmt.Sprint(v)
	}
	return n
}
