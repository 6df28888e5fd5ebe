package console

import (
	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/plot"
	"github.com/falsifiable/stability/internal/sparkline"
)

// course is the latest judgments of a check, for the page and for a terminal.
type course struct {
	plot.Plot
	Line string `json:"line"` // the same in a line of text
	// Last and Limit are the last value and threshold with their unit, "" if there are none.
	Last  string `json:"last"`
	Limit string `json:"limit"`
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
	c.Plot = plot.New(points, plot.Options{Width: courseWidth, Height: courseHeight, Unit: k.Unit, PerSecond: k.PerSecond, Relative: true})
	c.Line = sparkline.Draw(values, lineLength)
	return c
}

func label(k *stability.CheckStatus, v *float64) string {
	if v == nil {
		return ""
	}
	return plot.Label(*v, k.Unit, k.PerSecond)
}
