package signals

import (
	"slices"
	"strconv"
	"strings"
	"unique"
)

// Labels tell one instance of a signal from another: {pool="orders"}. They are an interned handle, comparable
// with == and free to copy. The zero Labels stand for "no labels". Safe for concurrent use.
type Labels struct {
	set unique.Handle[string]
}

// Other is the value under which instances past a signal's cardinality cap are folded together.
const Other = "other"

// NewLabels returns the labels of alternating keys and values, sorted by key. It allocates: make labels once
// per instance, not once per reading. It panics on an odd number of arguments, as strings.NewReplacer does.
func NewLabels(keyValues ...string) Labels {
	if len(keyValues)%2 != 0 {
		panic("signals: NewLabels: odd number of keys and values")
	}
	if len(keyValues) == 0 {
		return Labels{}
	}
	pairs := make([][2]string, 0, len(keyValues)/2)
	for i := 0; i < len(keyValues); i += 2 {
		pairs = append(pairs, [2]string{keyValues[i], keyValues[i+1]})
	}
	slices.SortStableFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(p[0])
		b.WriteByte('=')
		b.WriteString(strconv.Quote(p[1]))
	}
	return Labels{unique.Make(b.String())}
}

// IsZero reports whether l has no labels.
func (l Labels) IsZero() bool { return l == Labels{} }

// String returns the labels as a contract writes them, {pool="orders"}, and "" for no labels.
func (l Labels) String() string {
	if l.IsZero() {
		return ""
	}
	return "{" + l.set.Value() + "}"
}

// Pairs returns the keys and values in order of the keys. It allocates.
func (l Labels) Pairs() [][2]string {
	if l.IsZero() {
		return nil
	}
	pairs, _ := parsePairs(l.set.Value()) // made by NewLabels, so it parses
	return pairs
}

// Get returns the value of a key, and whether it is there. It allocates.
func (l Labels) Get(key string) (string, bool) {
	for _, p := range l.Pairs() {
		if p[0] == key {
			return p[1], true
		}
	}
	return "", false
}

// Related reports whether no key has one value in l and another in other: both may belong to one instance. It allocates.
func (l Labels) Related(other Labels) bool {
	if l == other || l.IsZero() || other.IsZero() {
		return true
	}
	for _, p := range l.Pairs() {
		if value, ok := other.Get(p[0]); ok && value != p[1] {
			return false
		}
	}
	return true
}

// MarshalText returns the labels' String.
func (l Labels) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText parses what MarshalText returned.
func (l *Labels) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "" || s == "{}" {
		*l = Labels{}
		return nil
	}
	pairs, ok := [][2]string(nil), strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}")
	if ok {
		pairs, ok = parsePairs(s[1 : len(s)-1])
	}
	if !ok {
		return &LabelsError{Text: s}
	}
	var kv []string
	for _, p := range pairs {
		kv = append(kv, p[:]...)
	}
	*l = NewLabels(kv...)
	return nil
}

// parsePairs parses key="value",key="value".
func parsePairs(s string) (pairs [][2]string, ok bool) {
	for {
		key, after, _ := strings.Cut(s, "=")
		quoted, err := strconv.QuotedPrefix(after)
		if err != nil || quoted[0] != '"' || key == "" || strings.ContainsAny(key, `"{},`) {
			return nil, false
		}
		value, _ := strconv.Unquote(quoted)
		pairs = append(pairs, [2]string{key, value})
		if s = after[len(quoted):]; s == "" {
			return pairs, true
		}
		if s, ok = strings.CutPrefix(s, ","); !ok {
			return nil, false
		}
	}
}

// LabelsError reports text that is no label set.
type LabelsError struct{ Text string }

func (e *LabelsError) Error() string {
	return "signals: parsing labels: " + strconv.Quote(e.Text) + ` is not of the form {key="value"}`
}
