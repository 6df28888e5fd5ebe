package doctor

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// place is where a setting stands.
type place struct {
	line, column int
	edit         *edit // that would set the value; its text is filled in
}

// setting is a variable of the environment.
type setting struct {
	value   string
	remove  *edit  // takes the variable away, where that can be done
	dynamic string // what gives it at run time, such as resourceFieldRef limits.memory; "" for a literal
	place
}

// container is all that the rules on the runtime look at.
type container struct {
	file, subject string
	env           map[string]setting
	memory        float64 // limit in bytes; NaN for none
	cpus          float64 // limit; NaN for none
	goVersion     int     // minor version; 0 if not known
	modules       []string
	at            place // of the container
	insert        func(name, value string) *edit
	tuned         bool // a library sets the memory limit
}

func (c *container) find(rule string, level Level, p place, what, why, mend string, args ...any) Finding {
	f := Finding{Rule: rule, Level: level, File: c.file, Line: p.line, Column: p.column, Subject: c.subject, What: what, Why: why, Mend: fmt.Sprintf(mend, args...)}
	if f.Line == 0 {
		f.Line, f.Column = c.at.line, c.at.column
	}
	return f
}

// set returns f with the edit that sets a variable, where that can be done.
func (c *container) set(f Finding, name, value string) Finding {
	if s, ok := c.env[name]; ok {
		if s.edit != nil {
			e := *s.edit
			e.text = strconv.Quote(value)
			if e.lines > 0 { // in place of what gave it
				e.text, e.heading = e.heading+e.text, ""
			}
			f.edit = &e
		}
	} else if c.insert != nil {
		f.edit = c.insert(name, value)
	}
	return f
}

// runtime judges the settings of the Go runtime.
func (c *container) runtime() []Finding {
	return slices.Concat(c.gomaxprocs(), c.gomemlimit(), c.gogc(), c.godebug(), c.gotraceback())
}

func (c *container) gomaxprocs() (found []Finding) {
	limit := math.Ceil(c.cpus)
	s, set := c.env["GOMAXPROCS"]
	n, err := strconv.Atoi(s.value)
	switch {
	case set && s.dynamic != "":
		if c.goVersion == 0 || c.goVersion >= 25 {
			found = append(found, c.find("gomaxprocs", Note, s.place, "GOMAXPROCS comes from "+s.dynamic,
				"Go 1.25 and later follow the CPU limit by themselves, also when it is changed in place; a variable switches that off", "remove GOMAXPROCS"))
		}
	case set && (err != nil || n < 1):
		f := c.find("gomaxprocs", Error, s.place, fmt.Sprintf("GOMAXPROCS=%s is no number", s.value),
			"nobody expands $(…) in the environment of a container; the runtime ignores what is no positive number", "remove GOMAXPROCS")
		f.edit = s.remove
		found = append(found, f)
	case set && !math.IsNaN(c.cpus) && float64(n) > max(limit, 1):
		found = append(found, c.set(c.find("gomaxprocs", Warning, s.place, fmt.Sprintf("GOMAXPROCS=%d with a limit of %g CPUs", n, c.cpus),
			"more threads run at once than the quota pays for; the kernel stops all of them for the rest of each period, which shows as latency",
			"GOMAXPROCS=%g, or none with Go 1.25 and later", max(limit, 1)), "GOMAXPROCS", fmt.Sprint(max(limit, 1))))
	case !set && c.goVersion > 0 && c.goVersion < 25 && !math.IsNaN(c.cpus) && !c.has("go.uber.org/automaxprocs"):
		found = append(found, c.set(c.find("gomaxprocs", Warning, c.at, fmt.Sprintf("Go 1.%d takes all CPUs of the node, with a limit of %g", c.goVersion, c.cpus),
			"before Go 1.25 the runtime does not look at the CPU limit; an upgrade lowers GOMAXPROCS to the limit, which is right, and may surprise who tuned for the node",
			"GOMAXPROCS=%g, or Go 1.25", max(limit, 1)), "GOMAXPROCS", fmt.Sprint(max(limit, 1))))
	}
	if c.goVersion >= 25 && c.has("go.uber.org/automaxprocs") {
		found = append(found, c.find("automaxprocs", Warning, c.at, fmt.Sprintf("go.uber.org/automaxprocs with Go 1.%d", c.goVersion),
			"it sets GOMAXPROCS once, rounds down, and switches off the runtime's own rule, which follows a change of the limit", "remove the import of go.uber.org/automaxprocs"))
	}
	return found
}

func (c *container) has(module string) bool { return slices.Contains(c.modules, module) }

var memorySize = regexp.MustCompile(`^([0-9]+)(B|KiB|MiB|GiB|TiB)?$`)

// parseMemory returns a GOMEMLIMIT in bytes, +Inf for off.
func parseMemory(s string) (float64, bool) {
	if s == "off" {
		return math.Inf(1), true
	}
	m := memorySize.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(m[1], 64)
	shift := slices.Index([]string{"B", "KiB", "MiB", "GiB", "TiB"}, m[2])
	return n * math.Exp2(10*float64(max(shift, 0))), err == nil && n < math.MaxInt64
}

// wanted is the memory limit that fits: nine tenths of the container's, in whole MiB.
func (c *container) wanted() string {
	if math.IsNaN(c.memory) {
		return "900MiB for a limit of 1000Mi"
	}
	return fmt.Sprintf("%dMiB", int(0.9*c.memory/(1<<20)))
}

func (c *container) gomemlimit() []Finding {
	s, set := c.env["GOMEMLIMIT"]
	if !set || s.value == "" && s.dynamic == "" {
		if math.IsNaN(c.memory) || c.tuned {
			return nil
		}
		return []Finding{c.set(c.find("gomemlimit", Warning, c.at, fmt.Sprintf("no GOMEMLIMIT with a memory limit of %s", size(c.memory)),
			"the runtime does not look at the container's limit: the heap may double past it, and the kernel kills a process that is mostly garbage",
			"GOMEMLIMIT=%s, or import defense/memlimit/set", c.wanted()), "GOMEMLIMIT", c.wanted())}
	}
	if s.dynamic != "" {
		if !strings.Contains(s.dynamic, "limits.memory") {
			return nil
		}
		return []Finding{c.set(c.find("gomemlimit", Warning, s.place, "GOMEMLIMIT is all of the memory limit (downward API)",
			"stacks of threads, cgo, and what the kernel charges need room too: at 100 % the kernel kills before the collector hurries",
			"GOMEMLIMIT=%s, or import defense/memlimit/set", c.wanted()), "GOMEMLIMIT", c.wanted())}
	}
	limit, ok := parseMemory(s.value)
	switch {
	case !ok:
		return []Finding{c.set(c.find("gomemlimit", Error, s.place, fmt.Sprintf("GOMEMLIMIT=%s does not parse", s.value),
			"the runtime ends the process at start: \"malformed GOMEMLIMIT\"; units are B, KiB, MiB, GiB, TiB",
			"GOMEMLIMIT=%s", mendMemory(s.value, c)), "GOMEMLIMIT", mendMemory(s.value, c))}
	case math.IsNaN(c.memory):
		return nil
	case math.IsInf(limit, 1):
		return []Finding{c.find("gomemlimit", Note, s.place, fmt.Sprintf("GOMEMLIMIT=off with a memory limit of %s", size(c.memory)),
			"somebody may want it so: then the live heap must stay below half of the limit with GOGC=100", "GOMEMLIMIT=%s", c.wanted())}
	case limit > c.memory:
		return []Finding{c.set(c.find("gomemlimit", Error, s.place, fmt.Sprintf("GOMEMLIMIT=%s is above the memory limit of %s", s.value, size(c.memory)),
			"the kernel kills before the collector hurries, and libraries that size themselves by either go wrong", "GOMEMLIMIT=%s", c.wanted()), "GOMEMLIMIT", c.wanted())}
	case limit > 0.95*c.memory:
		return []Finding{c.set(c.find("gomemlimit", Warning, s.place, fmt.Sprintf("GOMEMLIMIT=%s is %.0f %% of the memory limit of %s", s.value, 100*limit/c.memory, size(c.memory)),
			"stacks of threads, cgo, and what the kernel charges need room too", "GOMEMLIMIT=%s", c.wanted()), "GOMEMLIMIT", c.wanted())}
	case limit < 0.5*c.memory:
		return []Finding{c.find("gomemlimit", Note, s.place, fmt.Sprintf("GOMEMLIMIT=%s is %.0f %% of the memory limit of %s", s.value, 100*limit/c.memory, size(c.memory)),
			"unless much is held outside of the Go heap, this collects more often than it must", "GOMEMLIMIT=%s", c.wanted())}
	}
	return nil
}

var loose = regexp.MustCompile(`^([0-9]+)\s*([KMGTkmgt])i?[bB]?$`)

// mendMemory guesses what a malformed limit was meant to be.
func mendMemory(s string, c *container) string {
	if m := loose.FindStringSubmatch(s); m != nil {
		if meant := m[1] + strings.ToUpper(m[2]) + "iB"; math.IsNaN(c.memory) {
			return meant
		} else if n, ok := parseMemory(meant); ok && n <= 0.95*c.memory {
			return meant
		}
	}
	return c.wanted()
}

func size(bytes float64) string {
	for _, u := range []struct {
		unit string
		size float64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if bytes >= u.size {
			return strconv.FormatFloat(math.Round(100*bytes/u.size)/100, 'f', -1, 64) + " " + u.unit
		}
	}
	return fmt.Sprintf("%g bytes", bytes)
}

func (c *container) gogc() []Finding {
	s, set := c.env["GOGC"]
	if !set || s.dynamic != "" || s.value == "" {
		return nil
	}
	if s.value == "off" {
		if _, limited := c.env["GOMEMLIMIT"]; limited || c.tuned {
			return nil
		}
		return []Finding{c.find("gogc", Error, s.place, "GOGC=off without GOMEMLIMIT", "nothing is ever collected: the process grows until the kernel kills it", "GOGC=100, or set GOMEMLIMIT too")}
	}
	if n, err := strconv.Atoi(s.value); err != nil || n < 1 {
		return []Finding{c.set(c.find("gogc", Error, s.place, fmt.Sprintf("GOGC=%s is no positive number", s.value), "the runtime takes it for 100", "GOGC=100"), "GOGC", "100")}
	}
	return nil
}

func (c *container) godebug() (found []Finding) {
	s, set := c.env["GODEBUG"]
	if !set || s.dynamic != "" {
		return nil
	}
	for part := range strings.SplitSeq(s.value, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, _, assigned := strings.Cut(part, "=")
		switch {
		case !assigned:
			found = append(found, c.find("godebug", Warning, s.place, fmt.Sprintf("GODEBUG=%s has no value", part), "the runtime ignores it", "GODEBUG=%s=1", part))
		case !knownGodebug(name):
			mend := "remove " + name
			if like := similarGodebug(name); like != "" {
				mend = "did you mean " + like + "?"
			}
			f := c.find("godebug", Warning, s.place, fmt.Sprintf("GODEBUG setting %s does not exist", name), "the runtime ignores it without a word; whoever set it believes otherwise", "%s", mend)
			if !strings.Contains(s.value, ",") && similarGodebug(name) == "" {
				f.edit = s.remove
			}
			found = append(found, f)
		}
	}
	return found
}

func (c *container) gotraceback() []Finding {
	s, set := c.env["GOTRACEBACK"]
	if !set || s.dynamic != "" {
		return nil
	}
	switch s.value {
	case "all", "system", "2":
		return nil
	case "none", "0", "single", "1", "":
		return []Finding{c.set(c.find("gotraceback", Note, s.place, "GOTRACEBACK="+s.value+" keeps quiet about other goroutines", "a deadlock or a fatal error is told by the others' stacks", "GOTRACEBACK=all"), "GOTRACEBACK", "all")}
	case "crash", "wer":
		return []Finding{c.find("gotraceback", Note, s.place, "GOTRACEBACK="+s.value+" aborts with a core dump",
			"an unrecovered panic ends the process in any case; a core of the size of its memory goes where kernel.core_pattern of the node says, which may be its disk",
			"GOTRACEBACK=all with debug.SetCrashOutput, unless the cores are wanted")}
	default:
		if n, err := strconv.Atoi(s.value); err == nil && n > 0 {
			return nil
		}
		return []Finding{c.set(c.find("gotraceback", Warning, s.place, "GOTRACEBACK="+s.value+" is no level", "the runtime ignores it", "GOTRACEBACK=all"), "GOTRACEBACK", "all")}
	}
}
