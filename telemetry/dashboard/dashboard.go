package main

import (
	"fmt"

	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/telemetry"
)

// The parts of Grafana's dashboard model, schema version 39, that are used.
type (
	dashboard struct {
		Title         string         `json:"title"`
		UID           string         `json:"uid"`
		Tags          []string       `json:"tags"`
		SchemaVersion int            `json:"schemaVersion"`
		Editable      bool           `json:"editable"`
		Refresh       string         `json:"refresh"`
		Time          map[string]any `json:"time"`
		Templating    templating     `json:"templating"`
		Panels        []*panel       `json:"panels"`
	}
	templating struct {
		List []variable `json:"list"`
	}
	variable struct {
		Name       string `json:"name"`
		Type       string `json:"type"`
		Query      string `json:"query"`
		Datasource *ref   `json:"datasource,omitempty"`
		Multi      bool   `json:"multi,omitempty"`
		IncludeAll bool   `json:"includeAll,omitempty"`
		AllValue   string `json:"allValue,omitempty"`
		Refresh    int    `json:"refresh"` // 2: when the time range changes
	}
	ref struct {
		Type string `json:"type"`
		UID  string `json:"uid"`
	}
	panel struct {
		ID          int            `json:"id"`
		Type        string         `json:"type"`
		Title       string         `json:"title"`
		Description string         `json:"description,omitempty"`
		Datasource  *ref           `json:"datasource,omitempty"`
		Grid        grid           `json:"gridPos"`
		Collapsed   bool           `json:"collapsed,omitempty"`
		Field       *field         `json:"fieldConfig,omitempty"`
		Options     map[string]any `json:"options,omitempty"`
		Targets     []target       `json:"targets,omitempty"`
		Panels      []*panel       `json:"panels,omitempty"`
	}
	grid struct {
		H int `json:"h"`
		W int `json:"w"`
		X int `json:"x"`
		Y int `json:"y"`
	}
	field struct {
		Defaults  map[string]any `json:"defaults"`
		Overrides []any          `json:"overrides"`
	}
	target struct {
		RefID    string `json:"refId"`
		Expr     string `json:"expr"`
		Legend   string `json:"legendFormat"`
		Exemplar bool   `json:"exemplar,omitempty"`
		Instant  bool   `json:"instant,omitempty"`
	}
)

// chosen picks what the variables at the top say.
const chosen = `job=~"$job",instance=~"$instance"`

var prometheus = &ref{"prometheus", "${datasource}"}

// builder lays panels out, three in a line of 24 columns.
type builder struct {
	id, x, y int
}

const (
	width  = 8
	height = 7
)

func (b *builder) place(p *panel) *panel {
	b.id++
	p.ID, p.Datasource = b.id, prometheus
	if b.x+width > 24 {
		b.x, b.y = 0, b.y+height
	}
	p.Grid = grid{height, width, b.x, b.y}
	b.x += width
	return p
}

// row begins a new one below what there is.
func (b *builder) row(title string, collapsed bool) *panel {
	b.id++
	if b.x > 0 {
		b.x, b.y = 0, b.y+height
	}
	r := &panel{ID: b.id, Type: "row", Title: title, Collapsed: collapsed, Grid: grid{1, 24, 0, b.y}}
	b.y++
	return r
}

func newDashboard(standard, own []signals.Desc) *dashboard {
	d := &dashboard{
		Title: "stability", UID: "stability-contracts", Tags: []string{"stability"}, SchemaVersion: 39, Editable: true, Refresh: "30s",
		Time: map[string]any{"from": "now-3h", "to": "now"},
		Templating: templating{[]variable{
			{Name: "datasource", Type: "datasource", Query: "prometheus", Refresh: 1},
			{Name: "job", Type: "query", Query: "label_values(stability_monitor_stale, job)", Datasource: prometheus, Multi: true, IncludeAll: true, AllValue: ".+", Refresh: 2},
			{Name: "instance", Type: "query", Query: `label_values(stability_monitor_stale{job=~"$job"}, instance)`, Datasource: prometheus, Multi: true, IncludeAll: true, AllValue: ".+", Refresh: 2},
		}},
	}
	var b builder
	d.Panels = append(d.Panels, b.row("Contracts", false))
	d.Panels = append(d.Panels, b.contracts()...)
	d.Panels = append(d.Panels, b.signalRow("The monitor itself", own))
	for start := 0; start < len(standard); {
		end := start
		for end < len(standard) && standard[end].Source == standard[start].Source {
			end++
		}
		d.Panels = append(d.Panels, b.signalRow("Signals: "+standard[start].Source, standard[start:end]))
		start = end
	}
	return d
}

// contracts are the panels that are open: what is violated, how often, by how many, and whether the judge is alive.
func (b *builder) contracts() []*panel {
	states := map[string]any{"mappings": []any{map[string]any{"type": "value", "options": map[string]any{
		"0": map[string]any{"text": "unknown", "color": "gray"}, "1": map[string]any{"text": "holding", "color": "green"},
		"2": map[string]any{"text": "pending", "color": "orange"}, "3": map[string]any{"text": "violated", "color": "red"},
	}}}, "min": 0, "max": 3}
	return []*panel{
		b.place(&panel{Type: "state-timeline", Title: "State of each check", Description: "That of its worst instance of signals, on the worst of the chosen instances.",
			Field:   &field{states, []any{}},
			Targets: []target{{RefID: "A", Expr: `max by (contract, check) (stability_check_state{` + chosen + `})`, Legend: "{{contract}}/{{check}}"}}}),
		b.place(&panel{Type: "timeseries", Title: "Violations", Description: "How often a check became violated, by the hour. Its exemplars lead to the incident's trace.", Field: fieldOf("short"),
			Targets: []target{{RefID: "A", Expr: `sum by (contract, check) (increase(stability_contract_violation_total{` + chosen + `}[1h])) > 0`, Legend: "{{contract}}/{{check}}", Exemplar: true}}}),
		b.place(&panel{Type: "timeseries", Title: "Share of instances that break it", Description: "A third or more at once: a shared dependency or the contract is the fault, not an instance.", Field: fieldOf("percentunit"),
			Targets: []target{{RefID: "A", Expr: `count by (job, contract, check) (stability_check_state{` + chosen + `} == 3) / count by (job, contract, check) (stability_check_state{` + chosen + `})`, Legend: "{{job}} {{contract}}/{{check}}"}}}),
		b.place(&panel{Type: "table", Title: "Not proven", Description: "Checks that falsification.json does not prove: nobody knows whether they fire when they should.", Field: fieldOf("short"),
			Targets: []target{{RefID: "A", Expr: `max by (job, contract, check) (stability_check_proven{` + chosen + `}) == 0`, Legend: "{{job}} {{contract}}/{{check}}", Instant: true}}}),
		b.place(&panel{Type: "timeseries", Title: "Monitors that have stopped", Description: "1: trust nothing else of that instance.", Field: fieldOf("short"),
			Targets: []target{{RefID: "A", Expr: `stability_monitor_stale{` + chosen + `}`, Legend: "{{job}} {{instance}}"}}}),
		b.place(&panel{Type: "timeseries", Title: "Time since the last tick", Field: fieldOf("s"),
			Targets: []target{{RefID: "A", Expr: `stability_monitor_last_tick_age_seconds{` + chosen + `}`, Legend: "{{job}} {{instance}}"}}}),
	}
}

func (b *builder) signalRow(title string, descs []signals.Desc) *panel {
	row := b.row(title, true)
	inside := *b // panels of a collapsed row take no room until it is opened
	for _, d := range descs {
		row.Panels = append(row.Panels, inside.place(signalPanel(d)))
	}
	b.id = inside.id
	return row
}

func signalPanel(d signals.Desc) *panel {
	expr, unit := telemetry.MetricName(d)+"{"+chosen+"}", gaugeUnits[d.Unit]
	if d.Kind == signals.Counter {
		expr, unit = "rate("+expr+"[$__rate_interval])", rateUnits[d.Unit]
	}
	if d.Kind == signals.Instant {
		unit = "s"
	}
	legend := "{{instance}}"
	for _, l := range d.Labels {
		legend += fmt.Sprintf(" {{%s}}", telemetry.LabelName(l))
	}
	return &panel{Type: "timeseries", Title: d.Name, Description: d.Help, Field: fieldOf(unit), Targets: []target{{RefID: "A", Expr: expr, Legend: legend}}}
}

// Grafana's names of units.
var (
	gaugeUnits = map[signals.Unit]string{signals.Count: "short", signals.Bytes: "bytes", signals.Seconds: "s", signals.Ratio: "percentunit"}
	rateUnits  = map[signals.Unit]string{signals.Count: "ops", signals.Bytes: "Bps", signals.Seconds: "percentunit", signals.Ratio: "percentunit"} // seconds per second are a share
)

func fieldOf(unit string) *field {
	return &field{map[string]any{"unit": unit, "min": 0, "custom": map[string]any{"lineWidth": 1, "fillOpacity": 5, "showPoints": "never"}}, []any{}}
}
