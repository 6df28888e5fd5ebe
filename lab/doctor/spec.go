package doctor

import (
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// oci judges the config.json of an OCI bundle.
func (f *file) oci(n *yaml.Node) {
	c := f.specContainer("container "+scalar(get(n, "hostname")), n, get(n, "process", "env"))
	c.memory = positive(get(n, "linux", "resources", "memory", "limit"))
	if quota, period := positive(get(n, "linux", "resources", "cpu", "quota")), positive(get(n, "linux", "resources", "cpu", "period")); quota > 0 && period > 0 {
		c.cpus = quota / period
	}
	f.judgeSpec(c)
}

// docker judges an element of what docker inspect prints.
func (f *file) docker(n *yaml.Node) {
	c := f.specContainer("container "+strings.TrimPrefix(scalar(get(n, "Name")), "/"), n, get(n, "Config", "Env"))
	c.memory = positive(get(n, "HostConfig", "Memory"))
	if nano := positive(get(n, "HostConfig", "NanoCpus")); nano > 0 {
		c.cpus = nano / 1e9
	} else if quota, period := positive(get(n, "HostConfig", "CpuQuota")), positive(get(n, "HostConfig", "CpuPeriod")); quota > 0 && period > 0 {
		c.cpus = quota / period
	}
	f.judgeSpec(c)
}

func positive(n *yaml.Node) float64 {
	if v, err := strconv.ParseFloat(scalar(n), 64); err == nil && v > 0 {
		return v
	}
	return math.NaN()
}

func (f *file) specContainer(subject string, n, env *yaml.Node) *container {
	c := &container{file: f.name, subject: strings.TrimSpace(subject), env: map[string]setting{}, memory: math.NaN(), cpus: math.NaN(), at: f.at(n)}
	for _, e := range items(env) {
		name, value, _ := strings.Cut(scalar(e), "=")
		c.env[name] = setting{value: value, place: f.at(e)}
	}
	return c
}

func (f *file) judgeSpec(c *container) {
	f.report.Judged = append(f.report.Judged, c.subject)
	if math.IsNaN(c.memory) {
		f.report.Findings = append(f.report.Findings, c.find("resources", Warning, c.at, "no limit of memory", "a leak takes the node, and its neighbors, with it; GOMEMLIMIT has nothing to go by", "docker run -m 512m, or linux.resources.memory.limit"))
	}
	f.report.Findings = append(f.report.Findings, c.runtime()...)
}
