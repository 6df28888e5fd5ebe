package review

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/falsifiable/stability/internal/suggest"
	"github.com/falsifiable/stability/lab/recovery"
)

// document is a parsed stability.md.
type document struct {
	entries    []entry
	links      []link
	experiment *experiment
	// absent are the sections that are not there.
	absent []section
}

// entry is a line of the section on dimensions.
type entry struct {
	dimension string // canonical, "none" for none
	text      string
	line      int
}

// link leads to a check.
type link struct {
	text, target string
	line, column int
}

// experiment is the design of the experiment that would prove the change wrong.
type experiment struct {
	Fault  string            `yaml:"fault"`
	Params map[string]string `yaml:"params"`
	// Dependency is the one whose network fails, if the fault is one of the network.
	Dependency string `yaml:"dependency"`
	Check      string `yaml:"check"`
	Within     string `yaml:"within"`
	Recovery   struct {
		Signal string `yaml:"signal"`
		Margin string `yaml:"margin"`
		Within string `yaml:"within"`
	} `yaml:"recovery"`
	None string `yaml:"none"` // why there is no experiment
	line int
}

// section is one of the three parts.
type section uint8

const (
	noSection section = iota
	dimensionSection
	contractSection
	experimentSection
)

func (s section) String() string {
	return [...]string{"", "Dimensions (证伪维度)", "Contracts (契约)", "Experiment (实验)"}[s]
}

// headings are the words that begin a section, in either language.
var headings = []struct {
	word    string
	section section
}{
	{"dimension", dimensionSection}, {"维度", dimensionSection},
	{"contract", contractSection}, {"契约", contractSection}, {"合约", contractSection}, {"断言", contractSection},
	{"experiment", experimentSection}, {"实验", experimentSection},
}

// dimensions are what a change can touch, with the other words for each.
var dimensions = []struct {
	name  string
	words []string
}{
	{"goroutine-lifetime", []string{"goroutine", "goroutines", "goroutine 生命周期", "goroutine生命周期", "goroutine 生命周期策略", "协程生命周期", "协程"}},
	{"deadline", []string{"timeout", "deadlines", "timeouts", "超时", "截止时间", "超时传递"}},
	{"pool", []string{"connection-pool", "pools", "connections", "连接池", "连接", "池"}},
	{"lock", []string{"locks", "mutex", "锁", "互斥锁", "共享内存"}},
	{"channel", []string{"channels", "queue", "通道", "队列", "管道"}},
	{"memory", []string{"heap", "allocation", "内存", "堆"}},
	{"gc", []string{"garbage-collection", "垃圾回收"}},
	{"retry", []string{"retries", "重试"}},
	{"config", []string{"configuration", "hot-config", "配置", "热更新"}},
	{"readiness", []string{"health", "probe", "就绪", "健康检查", "探针"}},
	{"modules", []string{"dependencies", "versions", "模块", "依赖", "版本"}},
	{"timer", []string{"timers", "ticker", "定时器"}},
	{"none", []string{"无", "没有"}},
}

// dimension returns the canonical name of a dimension, or one that is near.
func dimension(word string) (name, near string) {
	word = strings.ToLower(strings.Trim(strings.TrimSpace(word), "*_`"))
	plain := strings.ReplaceAll(word, " ", "-")
	var all []string
	for _, d := range dimensions {
		if d.name == plain || slices.Contains(d.words, word) || slices.Contains(d.words, plain) {
			return d.name, ""
		}
		all = append(all, d.name)
	}
	return "", suggest.Nearest(plain, all)
}

// complaint is what is wrong with a document.
type complaint struct {
	rule         string
	line, column int
	message      string
	mend         string
}

var (
	links  = regexp.MustCompile(`\[([^\]]*)\]\(([^)\s]+)\)`)
	bullet = regexp.MustCompile(`^\s*(?:[-*+]|\d+[.)、])\s*(.*)$`)
)

// parseDocument reads a stability.md. Text outside of its three sections is for people and is not judged.
func parseDocument(text string) (*document, []complaint) {
	d := &document{}
	var wrong []complaint
	add := func(rule string, line int, message, mend string) {
		wrong = append(wrong, complaint{rule, line, 0, message, mend})
	}
	at, met := noSection, map[section]bool{}
	var block []string // of the experiment
	inBlock, blockLine := false, 0
	for i, line := range strings.Split(strings.TrimPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "\ufeff"), "\n") {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && !inBlock:
			inBlock, blockLine = true, i+1
			if at == experimentSection {
				block = nil
			}
		case fence:
			inBlock = false
			if at == experimentSection && d.experiment == nil {
				d.experiment = parseExperiment(block, blockLine, add)
			}
		case inBlock:
			block = append(block, line)
		case strings.HasPrefix(line, "#"):
			at = sectionOf(line)
			met[at] = true
		case at == dimensionSection:
			d.addEntry(line, i+1, add)
		case at == contractSection:
			for _, match := range links.FindAllStringSubmatchIndex(line, -1) {
				d.links = append(d.links, link{line[match[2]:match[3]], line[match[4]:match[5]], i + 1, match[4] + 1})
			}
		}
	}
	if inBlock {
		add("schema", blockLine, "the code block that begins here does not end", "close it with ```")
	}
	for _, s := range []section{dimensionSection, contractSection, experimentSection} {
		if !met[s] {
			d.absent = append(d.absent, s)
			add("schema", 0, "there is no section "+s.String(), "add the heading ## "+s.String())
		}
	}
	d.checkFilled(met, add)
	return d, wrong
}

func sectionOf(heading string) section {
	heading = strings.ToLower(heading)
	for _, h := range headings {
		if strings.Contains(heading, h.word) {
			return h.section
		}
	}
	return noSection
}

func (d *document) addEntry(line string, number int, add func(string, int, string, string)) {
	match := bullet.FindStringSubmatch(line)
	if match == nil {
		return
	}
	word, text, ok := strings.Cut(strings.ReplaceAll(match[1], ":", ":"), ":")
	text = strings.TrimSpace(strings.Trim(strings.TrimSpace(text), "*_"))
	if !ok || text == "" {
		add("dimension", number, fmt.Sprintf("%q says nothing about its dimension", strings.TrimSpace(match[1])), "write it as: - goroutine-lifetime: the worker ends with the context of main")
		return
	}
	name, near := dimension(word)
	if name == "" {
		mend := "the dimensions are " + dimensionNames()
		if near != "" {
			mend = "did you mean " + near + "? " + mend
		}
		add("dimension", number, fmt.Sprintf("%q is no dimension", strings.TrimSpace(word)), mend)
		return
	}
	d.entries = append(d.entries, entry{name, text, number})
}

func dimensionNames() string {
	var names []string
	for _, d := range dimensions {
		names = append(names, d.name)
	}
	return strings.Join(names, ", ")
}

// checkFilled looks for sections that are there and empty.
func (d *document) checkFilled(met map[section]bool, add func(string, int, string, string)) {
	if met[dimensionSection] && len(d.entries) == 0 {
		add("schema", 0, "section "+dimensionSection.String()+" names no dimension", "name what the change touches, or none and why: - none: comments only")
	}
	if d.touchesNothing() {
		return // then there is nothing to link and nothing to try
	}
	if met[contractSection] && len(d.links) == 0 {
		add("schema", 0, "section "+contractSection.String()+" links no check", "link the checks that watch this: [heap_inuse](internal/sla.go#L41)")
	}
	if met[experimentSection] && d.experiment == nil {
		add("schema", 0, "section "+experimentSection.String()+" has no design", "add a block:\n```yaml\nfault: goroutineleak\ncheck: goroutines\nwithin: 2m\nrecovery: {signal: go.goroutine.count, margin: 5%, within: 2m}\n```")
	}
}

// touchesNothing reports whether the document says that no dimension is touched.
func (d *document) touchesNothing() bool {
	return len(d.entries) > 0 && !slices.ContainsFunc(d.entries, func(e entry) bool { return e.dimension != "none" })
}

// yamlLine matches where a YAML error happened.
var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

func parseExperiment(block []string, line int, add func(string, int, string, string)) *experiment {
	e := &experiment{line: line}
	decoder := yaml.NewDecoder(strings.NewReader(strings.Join(block, "\n")))
	decoder.KnownFields(true)
	if err := decoder.Decode(e); err != nil {
		at, message := line, err.Error()
		if match := yamlLine.FindStringSubmatch(message); match != nil {
			n, _ := strconv.Atoi(match[1])
			at, message = line+n, match[2]
		}
		add("experiment", at, "the design does not parse: "+message, "its fields are fault, params, dependency, check, within, recovery {signal, margin, within}, or none with a reason")
		return e
	}
	if e.None != "" {
		return e
	}
	if d, err := time.ParseDuration(e.Within); err != nil || d <= 0 {
		add("experiment", line, fmt.Sprintf("within: %q is not a duration such as 90s or 5m", e.Within), "say how soon the check must fire")
	}
	if _, err := recovery.Parse(e.Recovery.Signal, e.Recovery.Margin, e.Recovery.Within); err != nil {
		add("experiment", line, strings.Replace(err.Error(), "recovery: ", "recovery.", 1), "say how near to the baseline, and how soon, counts as recovered")
	}
	if e.Check == "" {
		add("experiment", line, "check is missing: which check is to fire?", "check: NAME")
	}
	if e.Fault == "" {
		add("experiment", line, "fault is missing: what is to be injected?", "fault: NAME; docs/reference/faults.md lists them")
	}
	return e
}
