package pool

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteText writes the report as tables.
func (r *Report) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%.0f requests a second, each with a connection for %v in the mean and a patience of %v; seed %d\n",
		r.Config.Rate, r.Config.Hold, r.Config.Patience, r.Config.Seed)
	fmt.Fprint(w, "a setting is most open/most idle/lifetime; leak rate: requests that never gave their connection back\n\n")
	const header = "setting\tmean\tp50\tp99\tserved/s\tnot served\treuse\tleak rate\twhitepaper\t"
	fmt.Fprintln(t, header)
	for _, s := range r.Table {
		fmt.Fprintf(t, "%s%.1f %%\t%v, %.0f/s, %.1f %%\t\n", row(s), 100*s.LeakRate, s.Claim.Latency, s.Claim.QPS, 100*s.Claim.LeakRate)
	}
	for _, s := range r.Sweep {
		mark := ""
		if s.Setting == r.Best.Setting {
			mark = "the best"
		}
		fmt.Fprintf(t, "%s\t%s\t\n", row(s), mark)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\npoolsize, a step each %v, for %v:\n", r.Config.Interval, r.Config.Control)
	fmt.Fprintln(t, "start\tmean at the start\tin the end\topen then\tby the best\twithin 5 % after\tworst 3 s by the start\t")
	for _, s := range r.Steered {
		reached := "never"
		if s.Reached > 0 {
			reached = s.Reached.String()
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%d\t%+.1f %%\t%s\t%+.1f %%\t\n", s.Start, ms(s.Before.Mean), ms(s.Final.Mean), s.Open,
			100*(s.ByBest-1), reached, 100*(s.Worst-1))
	}
	return t.Flush()
}

func row(s Static) string {
	l := s.Load
	return fmt.Sprintf("%v\t%s\t%s\t%s\t%.0f\t%.1f %%\t%.1f %%\t", s.Setting, ms(l.Mean), ms(l.P50), ms(l.P99), l.QPS,
		100*float64(l.Sent-l.Served)/float64(max(l.Sent, 1)), 100*s.Reuse)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", 1e3*d.Seconds()) }

//go:embed report.tmpl
var page string

var pageTemplate = template.Must(template.New("report").Parse(page))

// WriteHTML writes the report as a page with a plot of each poolsize run; it needs nothing but itself.
func (r *Report) WriteHTML(w io.Writer) error {
	var text strings.Builder
	if err := r.WriteText(&text); err != nil {
		return err
	}
	var plots []plot
	for _, s := range r.Steered {
		plots = append(plots, newPlot(s, r.Best.Load.Mean, r.Config.Control))
	}
	return pageTemplate.Execute(w, struct {
		Text  string
		Plots []plot
	}{text.String(), plots})
}

// The plot area, in the units of its SVG.
const (
	width  = 640.0
	height = 180.0
)

// plot is one poolsize run as SVG polylines: latency, and the number of connections on a scale of its own.
type plot struct {
	Title          string
	Latency, Open  string  // points
	Best           float64 // height of the best static setting's latency
	Most, MostOpen string  // the tops of the scales
	End            string
}

func newPlot(s Steered, best, length time.Duration) plot {
	most, open := best, s.Start
	for _, p := range s.Trace {
		most, open = max(most, p.Latency), max(open, p.Open)
	}
	var latency, size strings.Builder
	for _, p := range s.Trace {
		x := width * p.At.Seconds() / length.Seconds()
		fmt.Fprintf(&latency, "%.1f,%.1f ", x, height*(1-p.Latency.Seconds()/most.Seconds()))
		fmt.Fprintf(&size, "%.1f,%.1f ", x, height*(1-float64(p.Open)/float64(open)))
	}
	return plot{
		Title:   fmt.Sprintf("poolsize from %d: %d connections in the end", s.Start, s.Open),
		Latency: strings.TrimSpace(latency.String()), Open: strings.TrimSpace(size.String()),
		Best: height * (1 - best.Seconds()/most.Seconds()), Most: ms(most), MostOpen: fmt.Sprint(open), End: length.String(),
	}
}
