package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/plot"
	"github.com/falsifiable/stability/signals"
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
	"look":    func() template.CSS { return template.CSS(plot.Look) },
	"marks":   marks,
	"drawn":   func(p picture) template.HTML { return template.HTML(p.SVG(p.captions())) },
	"count":   func(r *Report, kind string) int { return r.count(Kind(kind)) },
	"upper":   func(v any) string { return strings.ToUpper(fmt.Sprint(v)) },
	"replay": func(r *Report, c *Check) string {
		return fmt.Sprintf("stability falsify -%s -seed %d -only %s %s", r.Tier, r.Seed, c.ID(), r.Dir)
	},
}).Parse(page))

// WriteHTML writes one page that needs nothing else: no script, no font, no picture from anywhere.
func (r *Report) WriteHTML(w io.Writer) error { return pageTemplate.Execute(w, r) }

// fired reports whether the check fired under a fault that it was not declared for.
func fired(c *Cell) bool { return c.Outcomes[Collateral]+c.Outcomes[Firing] > 0 }

// others are the cells of other checks' faults under which the check did not stay silent. Runs that are no trials say nothing of that.
func others(c *Check) (cells []*Cell) {
	for _, cell := range c.Cells {
		if summary := cell.Summary(); !cell.Target && summary != Silent && !summary.Excluded() {
			cells = append(cells, cell)
		}
	}
	return cells
}

// mark is a cell of the matrix: one letter, and all of it in words.
type mark struct{ Text, Tone, Title string }

// marks returns a check's cells in the order of the faults.
func marks(r *Report, c *Check) []mark {
	all := make([]mark, len(r.Faults))
	for i, f := range r.Faults {
		j := slices.IndexFunc(c.Cells, func(cell *Cell) bool { return cell.Fault == f.ID })
		if j < 0 {
			continue
		}
		all[i] = markOf(c.Cells[j])
		all[i].Title = fmt.Sprintf("%s under %s: %s", c.ID(), f.ID, summaryText(c.Cells[j]).text)
	}
	return all
}

// markOf is a tick or a cross for the check's own fault; for others' a dot where it stayed silent. A question mark is what no trial has
// answered.
func markOf(c *Cell) mark {
	switch tone := tone(c); {
	case c.Target && tone == "good":
		return mark{Text: "✓", Tone: "good own"}
	case c.Target && tone == "bad":
		return mark{Text: "✗", Tone: "bad own"}
	case c.Target:
		return mark{Text: "?", Tone: "warn own"}
	case fired(c) && c.Declared:
		return mark{Text: "○", Tone: "quiet"}
	case fired(c):
		return mark{Text: "!", Tone: "warn"}
	case c.Summary() == Silent:
		return mark{Text: "·", Tone: "quiet"}
	}
	return mark{Text: "?", Tone: "quiet"}
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

// picture is one recorded run of one check.
type picture struct {
	plot.Plot
	Title, Note string
	Later       string // when the deadline is, if that is beyond the end of the run
}

func (p *picture) captions() plot.Captions {
	return plot.Captions{Label: p.Title, Time: "time by the clock", Empty: "never could be judged", Later: p.Later}
}

// The box in which a run is drawn, in pixels.
const (
	plotWidth  = 560.0
	plotHeight = 150.0
)

// plots returns the pictures of a check: the runs of its fault and one control run.
func plots(r *Report, c *Check) []picture {
	var all []picture
	for _, run := range r.Runs {
		if run.Kind == PilotRun || run.Kind == FaultRun && run.Fault != c.Fault || run.Kind == ShamRun && run.Outcomes[c.ID()] != FalseAlarm {
			continue
		}
		for _, line := range run.Lines {
			if line.Check == c.ID() && len(line.Points) > 1 {
				all = append(all, draw(r, c, run, line))
			}
		}
	}
	// Faults first: they are what one opens the page for. The order is that of the runs otherwise.
	slices.SortStableFunc(all, func(a, b picture) int {
		switch {
		case (a.Fault == nil) == (b.Fault == nil):
			return 0
		case a.Fault != nil:
			return -1
		}
		return 1
	})
	return all
}

func draw(r *Report, c *Check, run *Run, line *Line) picture {
	p := picture{Title: string(run.Kind) + " run", Note: fmt.Sprintf("run %d, %s load, seed %d", run.ID, run.Shape, run.Seed)}
	if run.Fault != "" {
		p.Title = run.Fault
	}
	p.Title += ": " + string(run.Outcomes[line.Check])
	if took, ok := run.Detected[line.Check]; ok {
		p.Title += " after " + contractTime(took)
	}
	if line.Instance != "" {
		p.Note += ", " + line.Instance
	}
	points := make([]plot.Point, len(line.Points))
	for i, q := range line.Points {
		points[i] = plot.Point{At: q.At, Value: q.Value, Threshold: q.Threshold, Violated: q.State == stability.Violated}
	}
	end := points[len(points)-1].At
	o := plot.Options{Width: plotWidth, Height: plotHeight, Unit: line.Unit, PerSecond: line.PerSecond}
	if run.Injected > 0 {
		o.Fault = [2]float64{run.Injected, run.Removed}
		if run.Removed == 0 {
			o.Fault[1] = end
		}
		if target := c.Target(); target != nil {
			o.Deadline = run.Injected + target.Deadline*r.Scale
		}
	}
	if o.Deadline > end {
		p.Later, o.Deadline = plot.Label(o.Deadline, signals.Seconds, false), 0
	}
	p.Plot = plot.New(points, o)
	return p
}
