package signals

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// ID is the number under which a [Schema] knows a signal. IDs are dense and start at 0.
type ID int32

// Schema knows the declared signals by name and alias. Safe for concurrent use; signals are only ever added.
type Schema struct {
	mu     sync.RWMutex
	descs  []Desc
	byName map[string]ID // names and aliases, normalized
}

// NewSchema returns a schema that knows the given signals, usually [Standard].
// It panics on a conflict, for its arguments are program text.
func NewSchema(descs ...Desc) *Schema {
	s := &Schema{byName: make(map[string]ID)}
	for _, d := range descs {
		if _, err := s.Add(d); err != nil {
			panic(err)
		}
	}
	return s
}

// Add declares a signal and returns its ID. A name is never taken from another signal, an alias yields to whoever
// declares the spelling later as something else. Declaring a known name again is no error when unit and kind are the
// same, so that a source can be attached to a schema which already knows its signals.
func (s *Schema) Add(d Desc) (ID, error) {
	if d.Name == "" {
		return 0, fmt.Errorf("signals: declaring a signal: it has no name")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if id, ok := s.byName[normalize(d.Name)]; ok {
		known := s.descs[id]
		same := known.Unit == d.Unit && known.Kind == d.Kind && slices.Equal(known.Labels, d.Labels)
		if same || s.isName(id, d.Name) {
			return s.again(id, d, same)
		}
	}
	for _, a := range d.Aliases {
		if id, ok := s.byName[normalize(a)]; ok && s.isName(id, a) {
			return 0, fmt.Errorf("signals: declaring %s: its alias %s already means %s", d.Name, a, s.descs[id].Name)
		}
	}
	id := ID(len(s.descs))
	d.Labels = slices.Clone(d.Labels)
	d.Aliases = slices.Clone(d.Aliases)
	s.descs = append(s.descs, d)
	s.name(d.Name, id)
	for _, a := range d.Aliases {
		s.name(a, id)
	}
	return id, nil
}

// again answers the declaration of a name that is known.
func (s *Schema) again(id ID, d Desc, same bool) (ID, error) {
	if same {
		return id, nil
	}
	known := s.descs[id]
	return 0, fmt.Errorf("signals: declaring %s as a %s in %s%s: it is already declared as a %s in %s%s",
		d.Name, d.Kind, d.Unit, labelNote(d.Labels), known.Kind, known.Unit, labelNote(known.Labels))
}

// isName reports whether a spelling is the signal's name and not an alias of it.
func (s *Schema) isName(id ID, spelling string) bool {
	return normalize(s.descs[id].Name) == normalize(spelling)
}

// name makes a spelling mean a signal. An alias that meant another yields: the library calls a pool's connections
// pool.Active too, and a service that declares a pool.Active of its own means its own.
func (s *Schema) name(spelling string, id ID) {
	if old, ok := s.byName[normalize(spelling)]; ok && old != id {
		s.descs[old].Aliases = slices.DeleteFunc(slices.Clone(s.descs[old].Aliases), func(a string) bool {
			return normalize(a) == normalize(spelling)
		})
	}
	s.byName[normalize(spelling)] = id
}

func labelNote(labels []string) string {
	if len(labels) == 0 {
		return " without labels"
	}
	return " by " + strings.Join(labels, ", ")
}

// Lookup finds a signal by name or alias. Empty call parentheses do not matter: pool.Active() is pool.Active,
// and runtime.ReadMemStats().HeapSys is runtime.ReadMemStats.HeapSys.
func (s *Schema) Lookup(name string) (ID, Desc, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	id, ok := s.byName[normalize(name)]
	if !ok {
		return 0, Desc{}, false
	}
	return id, s.descs[id], true
}

// Desc returns the declaration of a signal.
func (s *Schema) Desc(id ID) Desc {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.descs[id]
}

// Len returns the number of signals; every ID is below it.
func (s *Schema) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.descs)
}

// All returns a copy of all declarations, in order of their IDs.
func (s *Schema) All() []Desc {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.descs)
}

// Names returns every name and alias, sorted: what "did you mean" chooses from.
func (s *Schema) Names() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var names []string
	for _, d := range s.descs {
		names = append(names, d.Name)
		names = append(names, d.Aliases...)
	}
	slices.Sort(names)
	return names
}

func normalize(name string) string {
	return strings.ReplaceAll(name, "()", "")
}
