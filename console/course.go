package console

import (
	"cmp"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/plot"
	"github.com/falsifiable/stability/internal/sparkline"
)

// course is the latest judgments of a check, for the page and for a terminal.
type course struct {
	SVG  string `json:"svg"`
	Line string `json:"line"` // the same in a line of text
	// Last and Limit are the last value and threshold with their unit, "" if there are none.
	Last  string `json:"last"`
	Limit string `json:"limit"`
	// Instances are value and threshold of each instance in the check's status.
	Instances []string `json:"instances,omitempty"`
}

// change is a transition, with value and threshold in words.
type change struct {
	stability.Transition
	Text string `json:"text"`
}

// changes tells the values of transitions in the units of their checks; those of checks that have been removed without.
func changes(list []stability.Transition, status *stability.Status) []change {
	known := make(map[string]*stability.CheckStatus)
	for i := range status.Contracts {
		for j := range status.Contracts[i].Checks {
			known[status.Contracts[i].Name+"/"+status.Contracts[i].Checks[j].Name] = &status.Contracts[i].Checks[j]
		}
	}
	all := make([]change, len(list))
	for i, t := range list {
		k := known[t.Contract+"/"+t.Check]
		if k == nil {
			k = new(stability.CheckStatus)
		}
		all[i] = change{t, compared(k, &t.Value, &t.Threshold)}
	}
	return all
}

// The box in which the page draws a course, in pixels, and the length of a line of text.
const (
	courseWidth  = 300
	courseHeight = 84
	lineLength   = 20
)

func courseOf(k *stability.CheckStatus, history []stability.Point) course {
	points, values := make([]plot.Point, len(history)), make([]float64, 0, len(history))
	var c course
	for i, h := range history {
		points[i] = plot.Point{At: h.Age.Seconds(), Value: h.Value, Threshold: h.Threshold, Violated: h.State == stability.Violated}
		c.Last, c.Limit = label(k, h.Value), label(k, h.Threshold)
		if h.Value != nil {
			values = append(values, *h.Value)
		}
	}
	drawn := plot.New(points, plot.Options{Width: courseWidth, Height: courseHeight, Unit: k.Unit, PerSecond: k.PerSecond, Relative: true})
	c.SVG = drawn.SVG(plot.Captions{})
	for i := range k.Instances {
		c.Instances = append(c.Instances, compared(k, k.Instances[i].Value, k.Instances[i].Threshold))
	}
	c.Line = sparkline.Draw(values, lineLength)
	return c
}

// compared tells a value beside its threshold, "–" for what could not be judged.
func compared(k *stability.CheckStatus, value, threshold *float64) string {
	return cmp.Or(label(k, value), "–") + " / " + cmp.Or(label(k, threshold), "–")
}

func label(k *stability.CheckStatus, v *float64) string {
	if v == nil {
		return ""
	}
	return plot.Label(*v, k.Unit, k.PerSecond)
}
