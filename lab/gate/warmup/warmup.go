// Package warmup is the gate between watching and acting: it asks a Prometheus whether the checks of a service were quiet while
// they only watched, in production, for a week.
//
// A violation that nobody can explain is a false alarm. The history may hold incidents; a file or the annotations of a
// Grafana say when, and a violation within one is none. A check that was not there all the time has not passed: while
// it was not running, its silence is no evidence.
package warmup

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/falsifiable/stability/lab/gate"
)

// Config says what to judge.
type Config struct {
	// Prometheus is the base URL of a Prometheus or of what speaks its API.
	Prometheus string
	// Service restricts the question to series with this label service, or job if there is none. Defaults to all.
	Service string
	// Days is how long the checks must have watched. Defaults to 7.
	Days int
	// Allowed is how many false alarms a check may have had. Defaults to none.
	Allowed int
	// Coverage is the share of the time for which a check must have been there. Defaults to 0.95.
	Coverage float64
	// Incidents are files with a line "START END what happened" each, times as RFC 3339. Annotations is a URL of Grafana's
	// annotations API, such as http://grafana/api/annotations?tags=incident.
	Incidents   []string
	Annotations string
	// Now is the end of the time that is judged. Defaults to the clock's.
	Now time.Time
	// Client defaults to one with a timeout of 30 s.
	Client *http.Client
}

// Incident is a time in which violations were right.
type Incident struct {
	From, To time.Time
	What     string
}

// margin is how much longer than an incident its violations may be seen: a check has a For, and recovers late.
const margin = 10 * time.Minute

// Run judges the checks that the Prometheus knows.
func Run(ctx context.Context, cfg Config) (*gate.Report, error) {
	cfg.Days = cmp.Or(cfg.Days, 7)
	cfg.Coverage = cmp.Or(cfg.Coverage, 0.95)
	if cfg.Now.IsZero() {
		cfg.Now = time.Now()
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{Timeout: 30 * time.Second}
	}
	u, err := url.Parse(cfg.Prometheus)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("gate warmup: %q is not the URL of a Prometheus, such as http://prometheus:9090", cfg.Prometheus)
	}
	incidents, err := readIncidents(ctx, cfg)
	if err != nil {
		return nil, err
	}
	g := &gate.Report{Gate: "warmup"}
	all, err := query(ctx, cfg)
	if err != nil {
		g.Gap(true, cfg.Prometheus, "%v", err)
		return g, ctx.Err()
	}
	if len(all) == 0 {
		g.Gap(true, cfg.Prometheus, "it has no stability_contract_violation_total%s in the last %d days: is the service scraped?", cfg.selector(), cfg.Days)
	}
	checks := map[string][]series{}
	for _, s := range all {
		checks[s.contract+"/"+s.check] = append(checks[s.contract+"/"+s.check], s)
	}
	for _, id := range slices.Sorted(maps.Keys(checks)) {
		judge(g, cfg, id, checks[id], incidents)
	}
	return g, nil
}

func (c Config) selector() string {
	if c.Service == "" {
		return ""
	}
	return fmt.Sprintf(`{service=%q}`, c.Service)
}

// judge judges one check over all of its instances.
func judge(g *gate.Report, cfg Config, id string, all []series, incidents []Incident) {
	g.Count("check", 1)
	hours := map[int64]bool{} // in which any instance was there
	alarms, explained, last := 0, 0, time.Time{}
	for _, s := range all {
		g.Count("series", 1)
		for i, p := range s.points {
			hours[p.at.Unix()/3600] = true
			grew := p.value
			if i > 0 && p.value >= s.points[i-1].value {
				grew = p.value - s.points[i-1].value // else the process began anew, and its counter at 0
			}
			if i == 0 { // what was before the time that is judged, or before the first look
				grew = 0
			}
			if grew <= 0 {
				continue
			}
			if within(incidents, p.at) {
				explained += int(grew)
				continue
			}
			alarms, last = alarms+int(grew), p.at
		}
	}
	want := float64(cfg.Days * 24)
	if share := float64(len(hours)) / want; share < cfg.Coverage {
		g.Add(gate.Finding{Rule: "coverage", Level: gate.Error, Message: fmt.Sprintf("%s was watched for %d of %.0f hours: what was not asked has not passed", id, len(hours), want),
			Mend: "let it watch longer, in Observe; or look at why it was not scraped"})
	}
	if alarms > cfg.Allowed {
		g.Add(gate.Finding{Rule: "alarm", Level: gate.Error,
			Message: fmt.Sprintf("%s was violated %d times in %d days without an incident, last at %s; %d are allowed", id, alarms, cfg.Days, last.UTC().Format(time.RFC3339), cfg.Allowed),
			Mend:    "look at the evidence of that time. Was it right, name the incident (-incidents); was it not, the check is refuted: correct it and prove it anew"})
	} else if explained > 0 {
		g.Add(gate.Finding{Rule: "incident", Level: gate.Note, Message: fmt.Sprintf("%s was violated %d times, all within incidents", id, explained)})
	}
}

func within(incidents []Incident, at time.Time) bool {
	return slices.ContainsFunc(incidents, func(i Incident) bool { return !at.Before(i.From) && !at.After(i.To.Add(margin)) })
}

// series is one instance of a check's counter.
type series struct {
	contract, check string
	points          []point
}

type point struct {
	at    time.Time
	value float64
}

// query asks for the raw samples, a day at a time: a Prometheus refuses to load more than so many at once.
func query(ctx context.Context, cfg Config) ([]series, error) {
	known := map[string]*series{}
	var order []string
	for day := range cfg.Days {
		end := cfg.Now.Add(-time.Duration(cfg.Days-1-day) * 24 * time.Hour)
		v := url.Values{"query": {"stability_contract_violation_total" + cfg.selector() + "[1d]"}, "time": {strconv.FormatFloat(float64(end.UnixMilli())/1000, 'f', 3, 64)}}
		var answer struct {
			Status, Error string
			Data          struct {
				Result []struct {
					Metric map[string]string
					Values [][2]any
				}
			}
		}
		if err := get(ctx, cfg.Client, strings.TrimSuffix(cfg.Prometheus, "/")+"/api/v1/query?"+v.Encode(), &answer); err != nil {
			return nil, err
		}
		if answer.Status != "success" {
			return nil, fmt.Errorf("it answers: %s", answer.Error)
		}
		for _, r := range answer.Data.Result {
			labels, err := json.Marshal(r.Metric) // sorted by key
			if err != nil {
				return nil, err
			}
			s := known[string(labels)]
			if s == nil {
				s = &series{contract: r.Metric["contract"], check: r.Metric["check"]}
				known[string(labels)] = s
				order = append(order, string(labels))
			}
			for _, pair := range r.Values {
				p, err := parsePoint(pair)
				if err != nil {
					return nil, err
				}
				if n := len(s.points); n == 0 || p.at.After(s.points[n-1].at) {
					s.points = append(s.points, p)
				}
			}
		}
	}
	var all []series
	for _, k := range order {
		all = append(all, *known[k])
	}
	return all, nil
}

func parsePoint(pair [2]any) (point, error) {
	at, ok := pair[0].(float64)
	text, isText := pair[1].(string)
	value, err := strconv.ParseFloat(text, 64)
	if !ok || !isText || err != nil {
		return point{}, fmt.Errorf("it answers with a sample that is none: %v", pair)
	}
	return point{time.UnixMilli(int64(at * 1000)), value}, nil
}

// largest is how much of an answer is read.
const largest = 256 << 20

func get(ctx context.Context, client *http.Client, target string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, largest))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s answers %s and no JSON", target, response.Status)
	}
	return nil
}

// readIncidents reads all incidents.
func readIncidents(ctx context.Context, cfg Config) ([]Incident, error) {
	var all []Incident
	for _, name := range cfg.Incidents {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("gate warmup: %w", err)
		}
		list, err := parseIncidents(name, file)
		file.Close()
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	if cfg.Annotations == "" {
		return all, nil
	}
	var annotations []struct {
		Time, TimeEnd int64
		Text          string
	}
	target := cfg.Annotations + map[bool]string{true: "&", false: "?"}[strings.Contains(cfg.Annotations, "?")] +
		url.Values{"from": {strconv.FormatInt(cfg.Now.AddDate(0, 0, -cfg.Days).UnixMilli(), 10)}, "to": {strconv.FormatInt(cfg.Now.UnixMilli(), 10)}}.Encode()
	if err := get(ctx, cfg.Client, target, &annotations); err != nil {
		return nil, fmt.Errorf("gate warmup: reading annotations: %w", err)
	}
	for _, a := range annotations {
		all = append(all, Incident{time.UnixMilli(a.Time), time.UnixMilli(max(a.Time, a.TimeEnd)), a.Text})
	}
	return all, nil
}

// parseIncidents reads a file of incidents. Empty lines and those that begin with # do not count.
func parseIncidents(name string, r io.Reader) ([]Incident, error) {
	var all []Incident
	number := 0
	for lines := bufio.NewScanner(r); lines.Scan(); {
		number++
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.SplitN(line, " ", 3)
		if len(fields) < 3 || strings.TrimSpace(fields[2]) == "" {
			return nil, fmt.Errorf("gate warmup: %s:%d: want START END and what happened", name, number)
		}
		from, err1 := time.Parse(time.RFC3339, fields[0])
		to, err2 := time.Parse(time.RFC3339, fields[1])
		if err1 != nil || err2 != nil || to.Before(from) {
			return nil, fmt.Errorf("gate warmup: %s:%d: want two times such as 2026-11-30T12:00:00Z, the end not before the start", name, number)
		}
		all = append(all, Incident{from, to, fields[2]})
	}
	return all, nil
}
