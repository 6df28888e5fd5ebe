package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	"github.com/falsifiable/stability"
)

//go:embed report.tmpl
var page string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"claims":  func(r *Report, c *Check) []string { return r.Claims(c) },
	"whatnow": func(r *Report, c *Check) []string { return r.WhatNow(c) },
	"others":  others,
	"percent": func(share float64) string { return fmt.Sprintf("%.3g %%", 100*share) },
	"inverse": func(f float64) string { return fmt.Sprintf("%.4g", 1/f) },
	"seconds": func(s float64) string { return fmt.Sprintf("%.2f s", s) },
	"minute":  func(scale float64) string { return fmt.Sprintf("%.3g s", 60*scale) },
	"time":    contractTime,
	"silence": func(c *Check) string { return silenceText(c).text },
	"summary": func(c *Cell) string { return summaryText(c).text },
	"tone":    tone,
	"silent":  func(c *Check) bool { return c.Controls.Events+c.Shams.Events == 0 },
	"plots":   plots,
	"count":   func(r *Report, kind string) int { return r.count(Kind(kind)) },
	"upper":   func(v any) string { return strings.ToUpper(fmt.Sprint(v)) },
	"replay": func(r *Report, c *Check) string {
		return fmt.Sprintf("stability falsify -%s -seed %d -only %s %s", r.Tier, r.Seed, c.ID(), r.Dir)
	},
}).Parse(page))

// WriteHTML writes one page that needs nothing else: no script, no font, no picture from anywhere.
func (r *Report) WriteHTML(w io.Writer) error { return pageTemplate.Execute(w, r) }

// others are the cells of other checks' faults under which the check did not stay silent.
func others(c *Check) (cells []*Cell) {
	for _, cell := range c.Cells {
		if !cell.Target && cell.Summary() != Silent {
			cells = append(cells, cell)
		}
	}
	return cells
}

// tone is the CSS class of a cell.
func tone(c *Cell) string {
	switch summaryText(c).style {
	case green:
		return "good"
	case red:
		return "bad"
	case yellow:
		return "warn"
	}
	return "quiet"
}

// plot is one recorded run of one check, ready to be drawn in a box of plotWidth by plotHeight.
type plot struct {
	Title, Note      string
	Value, Threshold string // points of polylines
	Bad              []band // while violated
	Fault            *band  // while injected
	High, Low        string // labels of the axis
	End              string
	ThresholdLabel   string
	Empty            bool
}

// band is a span of time.
type band struct{ X, Width float64 }

const (
	plotWidth  = 560.0
	plotHeight = 150.0
)

// plots returns the pictures of a check: the runs of its fault and one control run.
func plots(r *Report, c *Check) []plot {
	var all []plot
	for _, run := range r.Runs {
		if run.Kind == PilotRun || run.Kind == FaultRun && run.Fault != c.Fault || run.Kind == ShamRun && run.Outcomes[c.ID()] != FalseAlarm {
			continue
		}
		for _, line := range run.Lines {
			if line.Check == c.ID() && len(line.Points) > 1 {
				all = append(all, draw(run, line))
			}
		}
	}
	// Faults first: they are what one opens the page for. The order is that of the runs otherwise.
	var sorted []plot
	for _, fault := range []bool{true, false} {
		for _, p := range all {
			if (p.Fault != nil) == fault {
				sorted = append(sorted, p)
			}
		}
	}
	return sorted
}

func draw(run *Run, line *Line) plot {
	p := plot{Title: string(run.Kind) + " run", Note: fmt.Sprintf("run %d, %s load, seed %d", run.ID, run.Shape, run.Seed)}
	if run.Fault != "" {
		p.Title = run.Fault
	}
	outcome := run.Outcomes[line.Check]
	p.Title += ": " + string(outcome)
	if took, ok := run.Detected[line.Check]; ok {
		p.Title += " after " + contractTime(took)
	}
	if line.Instance != "" {
		p.Note += ", " + line.Instance
	}
	end := line.Points[len(line.Points)-1].At
	low, high := bounds(line)
	x := func(at float64) float64 { return plotWidth * at / end }
	y := func(v float64) float64 { return plotHeight - 8 - (plotHeight-16)*(v-low)/(high-low) }
	var value, threshold strings.Builder
	for i, point := range line.Points {
		if point.Value != nil && finite(*point.Value) {
			fmt.Fprintf(&value, "%.1f,%.1f ", x(point.At), y(*point.Value))
		}
		if point.Threshold != nil && finite(*point.Threshold) {
			fmt.Fprintf(&threshold, "%.1f,%.1f ", x(point.At), y(*point.Threshold))
			p.ThresholdLabel = short(*point.Threshold)
		}
		if point.State == stability.Violated {
			until := end
			if i+1 < len(line.Points) {
				until = line.Points[i+1].At
			}
			p.Bad = appendBand(p.Bad, x(point.At), x(until))
		}
	}
	p.Value, p.Threshold = value.String(), threshold.String()
	p.Empty = p.Value == ""
	p.High, p.Low, p.End = short(high), short(low), fmt.Sprintf("%.1f s", end)
	if run.Injected > 0 {
		removed := run.Removed
		if removed == 0 {
			removed = end
		}
		p.Fault = &band{x(run.Injected), x(removed) - x(run.Injected)}
	}
	return p
}

func appendBand(bands []band, from, to float64) []band {
	if n := len(bands); n > 0 && bands[n-1].X+bands[n-1].Width >= from-0.01 {
		bands[n-1].Width = to - bands[n-1].X
		return bands
	}
	return append(bands, band{from, to - from})
}

// bounds is the range of the axis: zero is always on it, because a plot that starts at the least value makes small
// changes look large.
func bounds(line *Line) (low, high float64) {
	for _, point := range line.Points {
		for _, v := range []*float64{point.Value, point.Threshold} {
			if v != nil && finite(*v) {
				low, high = min(low, *v), max(high, *v)
			}
		}
	}
	if low == high {
		high = low + 1
	}
	return low, high
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// short writes a number for the axis: 1.2k, 838.9M.
func short(v float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= unit.size {
			return fmt.Sprintf("%.4g%s", v/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%.3g", v)
}
