package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/falsifiable/stability/internal/units"
)

// Unit is the unit of a parameter, a witness or a residue.
type Unit string

// The units that faults are measured in. The zero Unit is a plain number of things.
const (
	Count          Unit = ""
	Bytes          Unit = "bytes"
	Seconds        Unit = "seconds"
	Ratio          Unit = "ratio"
	Cores          Unit = "cores"
	PerSecond      Unit = "per second"
	BytesPerSecond Unit = "bytes per second"
)

// Param declares one parameter of a fault: a number within bounds, or one of a few words.
type Param struct {
	Name string `json:"name"`
	Help string `json:"help"`
	Unit Unit   `json:"unit,omitempty"`
	// Default holds when an order does not set the parameter; Min and Max are the inclusive bounds.
	Default float64 `json:"default"`
	Min     float64 `json:"min"`
	Max     float64 `json:"max"`
	// Choices, if there are any, make the parameter a word, the first being its default; the numbers are void.
	Choices []string `json:"choices,omitempty"`
	// Text makes the parameter free text that an order must set; the numbers are void.
	Text bool `json:"text,omitempty"`
}

// Settings are an order's parameters as text, by name: "2000", "800MiB", "250ms", "20%", "select".
type Settings map[string]string

// UnmarshalJSON accepts JSON numbers beside strings.
func (s *Settings) UnmarshalJSON(data []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	*s = make(Settings, len(raw))
	for name, value := range raw {
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			var number json.Number
			if json.Unmarshal(value, &number) != nil {
				return fmt.Errorf("fault: parsing settings: %q: %s is neither a number nor a string", name, value)
			}
			text = number.String()
		}
		(*s)[name] = text
	}
	return nil
}

// Args are the checked arguments of one order: every parameter has a value within its bounds.
type Args struct {
	// Seed decides all that is random in the injection.
	Seed    uint64
	numbers map[string]float64
	words   map[string]string
}

// Args checks an order's settings against the fault's parameters and fills in the defaults. It reports everything
// that is wrong, with the nearest parameter or the bounds.
func (f Fault) Args(settings Settings, seed uint64) (Args, error) {
	args := Args{Seed: seed, numbers: make(map[string]float64), words: make(map[string]string)}
	var errs []error
	names := make([]string, len(f.Params))
	for i, p := range f.Params {
		names[i] = p.Name
		text, set := settings[p.Name]
		if err := args.take(p, text, set); err != nil {
			errs = append(errs, fmt.Errorf("fault: ordering %s: parameter %q: %w", f.Name, p.Name, err))
		}
	}
	for name := range settings {
		if !slices.Contains(names, name) {
			complaint := unknown("parameter", name, names)
			errs = append(errs, fmt.Errorf("fault: ordering %s: parameter %q: %s", f.Name, name, complaint))
		}
	}
	// Settings are a map: without sorting the same mistake would read differently each time.
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return args, errors.Join(errs...)
}

func (a *Args) take(p Param, text string, set bool) error {
	if p.Text {
		if text == "" {
			return errors.New("it must be set")
		}
		a.words[p.Name] = text
		return nil
	}
	if len(p.Choices) > 0 {
		if !set {
			text = p.Choices[0]
		}
		if !slices.Contains(p.Choices, text) {
			return fmt.Errorf("%q is not one of %s", text, strings.Join(p.Choices, ", "))
		}
		a.words[p.Name] = text
		return nil
	}
	value := p.Default
	if set {
		var err error
		if value, err = ParseQuantity(text, p.Unit); err != nil {
			return err
		}
	}
	if !(value >= p.Min && value <= p.Max) {
		return fmt.Errorf("%s is not between %s and %s",
			FormatQuantity(value, p.Unit), FormatQuantity(p.Min, p.Unit), FormatQuantity(p.Max, p.Unit))
	}
	a.numbers[p.Name] = value
	return nil
}

func (p Param) validate() error {
	switch {
	case p.Name == "" || p.Help == "":
		return errors.New("it has no name or no help")
	case len(p.Choices) > 0, p.Text:
		return nil
	case !(p.Min <= p.Default && p.Default <= p.Max) || p.Min == p.Max:
		return errors.New("its default is not within its bounds")
	}
	return nil
}

// Number returns a numeric argument. Asking for a parameter that the fault did not declare gives 0.
func (a Args) Number(name string) float64 { return a.numbers[name] }

// Int returns a numeric argument, rounded down.
func (a Args) Int(name string) int { return int(a.numbers[name]) }

// Duration returns an argument in Seconds.
func (a Args) Duration(name string) time.Duration {
	return time.Duration(a.numbers[name] * float64(time.Second))
}

// Choice returns an argument that is a word.
func (a Args) Choice(name string) string { return a.words[name] }

// dimensions are those whose suffixes a parameter's number may have.
var dimensions = map[Unit]units.Dimension{Bytes: units.Bytes, BytesPerSecond: units.Bytes, Ratio: units.Ratio}

// ParseQuantity reads a number with the spellings that its unit allows: "800MiB" or "1.2GB" for bytes, "250ms" for
// seconds, "20%" for ratios, "500/s" for rates; a bare number is in the unit itself.
func ParseQuantity(text string, unit Unit) (float64, error) {
	number := strings.TrimSpace(text)
	if unit == Seconds { // 1m30s too, which a suffix cannot say
		if d, err := time.ParseDuration(number); err == nil {
			return d.Seconds(), nil
		}
	}
	if unit == PerSecond || unit == BytesPerSecond || unit == Bytes {
		number = strings.TrimSuffix(number, "/s")
	}
	suffix := units.Suffix{Times: 1, Per: 1}
	if dimension, ok := dimensions[unit]; ok {
		number, suffix = cutSuffix(number, dimension)
	}
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		return 0, fmt.Errorf("%q is not a number%s", text, map[Unit]string{
			Bytes: " of bytes, such as 800MiB", BytesPerSecond: " of bytes per second, such as 50MiB/s",
			Seconds: " of seconds, such as 250ms", Ratio: ", such as 0.2 or 20%", PerSecond: " per second, such as 500/s",
		}[unit])
	}
	return suffix.Value(value), nil
}

// cutSuffix takes the suffix of a dimension off a number.
func cutSuffix(number string, dimension units.Dimension) (string, units.Suffix) {
	for _, s := range units.Suffixes() {
		if rest, ok := strings.CutSuffix(number, s.Text); ok && s.Dimension == dimension {
			return rest, s
		}
	}
	return number, units.Suffix{Times: 1, Per: 1}
}

// FormatQuantity writes a number so that [ParseQuantity] reads it back, to about six digits.
func FormatQuantity(value float64, unit Unit) string {
	plain := func(v float64) string {
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return strconv.FormatFloat(v, 'f', 0, 64)
		}
		return strconv.FormatFloat(v, 'g', 6, 64)
	}
	switch unit {
	case Seconds:
		return time.Duration(value * float64(time.Second)).String()
	case Ratio:
		return plain(100*value) + "%"
	case PerSecond:
		return plain(value) + "/s"
	case BytesPerSecond:
		return FormatQuantity(value, Bytes) + "/s"
	case Cores:
		return plain(value) + " cores"
	case Bytes:
		for _, suffix := range []string{"GiB", "MiB", "KiB"} {
			factor := map[string]float64{"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10}[suffix]
			if math.Abs(value) >= factor {
				return plain(value/factor) + suffix
			}
		}
		return plain(value) + "B"
	}
	return plain(value)
}
