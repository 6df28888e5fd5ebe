package plan

import (
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/signals"
)

// bases are the orders from which a search begins.
func bases(o Option) []fault.Settings {
	all := make([]fault.Settings, 0, len(o.Fault.Presets)+2)
	if o.Settings != nil {
		all = append(all, o.Settings)
	}
	all = append(all, fault.Settings{})
	return append(all, o.Fault.Presets...)
}

// variations are the settings that are tried from a base, nearest first: all amounts that matter twice as large, four
// times, and so on; half as large, and so on; then each by itself.
func variations(f fault.Fault, base fault.Settings, l *laboratory) []fault.Settings {
	knobs := knobs(f, l)
	all := []fault.Settings{base}
	add := func(names []string, factor float64) {
		made, changed := multiplied(f, base, names, factor)
		if changed && !slices.ContainsFunc(all, func(have fault.Settings) bool { return maps.Equal(have, made) }) {
			all = append(all, made)
		}
	}
	for k := 1; k <= 14; k++ {
		add(knobs, math.Pow(2, float64(k)))
	}
	for k := 1; k <= 8; k++ {
		add(knobs, math.Pow(2, -float64(k)))
	}
	if len(knobs) > 1 {
		for _, name := range knobs {
			for k := 1; k <= 10; k++ {
				add([]string{name}, math.Pow(2, float64(k)))
			}
			for k := 1; k <= 6; k++ {
				add([]string{name}, math.Pow(2, -float64(k)))
			}
		}
	}
	return all
}

// multiplied is a base with these parameters multiplied, each within its bounds; false if that changes none of them.
func multiplied(f fault.Fault, base fault.Settings, names []string, factor float64) (made fault.Settings, changed bool) {
	made = make(fault.Settings)
	maps.Copy(made, base)
	for _, p := range f.Params {
		if slices.Contains(names, p.Name) {
			changed = turn(p, made, factor) || changed
		}
	}
	return made, changed
}

// turn multiplies a parameter, within its bounds, and reports whether that changed it.
func turn(p fault.Param, settings fault.Settings, factor float64) bool {
	value := p.Default
	if text, set := settings[p.Name]; set {
		parsed, err := fault.ParseQuantity(text, p.Unit)
		if err != nil {
			return false
		}
		value = parsed
	}
	turned := min(max(value*factor, p.Min), p.Max)
	if turned == value {
		return false
	}
	switch {
	case p.Unit == fault.Count:
		turned = math.Round(turned)
	case p.Unit == fault.Bytes && turned >= 16<<20:
		turned = min(math.Ceil(turned/(1<<20))*(1<<20), p.Max)
	}
	settings[p.Name] = quantity(turned, p.Unit)
	return true
}

// quantity writes a parameter so that it reads back within its bounds: to three digits where that is exact enough.
func quantity(v float64, u fault.Unit) string {
	text := fault.FormatQuantity(v, u)
	if back, err := fault.ParseQuantity(text, u); err != nil || back != v {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return text
}

// knobs are the numeric parameters that the effects on the check's signals go by.
func knobs(f fault.Fault, l *laboratory) (names []string) {
	for _, e := range f.Effects {
		if e.Signal != "" && !l.reads(e.Signal) {
			continue
		}
		for _, a := range []fault.Amount{e.By, e.Most} {
			for _, name := range a.Params {
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// words are what a stand-in may say: what the check compares with, then what is nearest to the present readings, then what is far.
func words(d signals.Desc, l *laboratory) (all []fault.Settings) {
	size := 1.0
	for _, line := range l.model.lines {
		if l.schema.Desc(line.id).Name == d.Name {
			size = max(math.Abs(line.value), math.Abs(line.growth))
		}
	}
	if size < 1e-3 {
		size = 1e-3
	}
	add := func(move string, v float64) {
		all = append(all, fault.Settings{"signal": d.Name, "move": move, "value": strconv.FormatFloat(v, 'g', 4, 64)})
	}
	for _, n := range l.logic.Numbers { // a flag is compared with 1: no other number will do
		for _, v := range []float64{n, 2 * n, n / 2} {
			if d.Kind == signals.Counter {
				add("grow", v)
			} else {
				add("set", v)
			}
		}
	}
	for k := 1; k <= 24; k++ {
		up, down := size*math.Pow(2, float64(k)), size*math.Pow(2, -float64(k))
		if d.Kind == signals.Counter {
			add("grow", up)
			continue
		}
		add("set", up)
		add("set", down)
	}
	if d.Kind == signals.Counter {
		add("freeze", 1)
		return all
	}
	add("set", 0)
	add("set", -size)
	for k := 2; k <= 24; k += 2 {
		add("grow", size*math.Pow(2, float64(k)))
		add("grow", -size*math.Pow(2, float64(k)))
	}
	return all
}

// busily is what a stand-in says of a signal that only has to move: ten a second, or ten.
func busily(d signals.Desc) fault.Settings {
	move := "set"
	if d.Kind == signals.Counter {
		move = "grow"
	}
	return fault.Settings{"signal": d.Name, "move": move, "value": "10"}
}
