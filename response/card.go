package response

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/sparkline"
)

// Language is the language of a card.
type Language uint8

const (
	// English is the zero Language.
	English Language = iota
	// Chinese is simplified Chinese.
	Chinese
)

// CardOptions say what a card tells besides the violation. The zero value is useful.
type CardOptions struct {
	// Service and Instance say who is violated: the name of the service and of the host or Pod.
	Service, Instance string
	Language          Language
	// Explain returns what a root cause is and how to mend it, in a sentence; "" for nothing. Defaults to the cause's name.
	Explain func(cause string) string
	// History returns the latest judgments of a check, oldest first, for a line that shows where its value comes from. Defaults to none;
	// [stability.Monitor.History] is one.
	History func(contract, check string) []stability.Point
	// Link returns the address of a violation's evidence, such as that of the debug pages; "" for none. Defaults to none: the
	// path on the instance's disk is shown.
	Link func(v stability.Violation) string
}

// Card is an incident as people are told of it.
type Card struct {
	Title    string
	Fields   []Field
	Link     string // "" for none
	Resolved bool
}

// Field is a line of a card.
type Field struct{ Name, Value string }

var words = [...]map[string]string{
	English: {
		"violated": "%s: contract violated", "resolved": "%s: contract holds again", "check": "check", "value": "value", "threshold": "threshold",
		"expr": "violated when", "since": "since", "strike": "strike", "who": "instance", "cause": "likely cause", "evidence": "evidence",
		"mode": "mode", "proof": "proof", "proven": "proven by falsification", "unproven": "nobody has tried this check", "lasted": "lasted", "history": "until now", "open": "open the evidence",
	},
	Chinese: {
		"violated": "%s：契约被违反", "resolved": "%s：契约已恢复", "check": "检查项", "value": "当前值", "threshold": "阈值",
		"expr": "违反条件", "since": "开始于", "strike": "连续次数", "who": "实例", "cause": "可能的根因", "evidence": "证据",
		"mode": "模式", "proof": "证伪", "proven": "已通过证伪实验", "unproven": "该检查尚未经过证伪", "lasted": "持续时间", "history": "走势", "open": "查看证据",
	},
}

// Word returns a word of the language, such as "open" for what stands on a button.
func (l Language) Word(key string) string { return words[min(int(l), len(words)-1)][key] }

// NewCard says a violation.
func NewCard(v stability.Violation, o CardOptions) Card {
	w := o.Language.Word
	proof := w("unproven")
	if v.Proven {
		proof = w("proven")
		if trial := v.Trial(); trial != "" {
			proof += " (" + trial + ")"
		}
	}
	c := Card{Title: fmt.Sprintf(w("violated"), o.name()), Fields: []Field{
		{w("check"), checkName(v)}, {w("value"), number(v.Value)}, {w("threshold"), number(v.Threshold)}, {w("expr"), v.Expr},
		{w("since"), v.Since.Format(time.DateTime)}, {w("strike"), fmt.Sprint(v.Strike)}, {w("mode"), v.Mode.String()}, {w("proof"), proof},
	}}
	c.add(w("history"), o.history(v.Contract, v.Name))
	c.add(w("who"), o.Instance)
	c.add(w("cause"), o.cause(v.Cause))
	if o.Link != nil {
		c.Link = o.Link(v)
	}
	if c.Link == "" {
		c.add(w("evidence"), v.Evidence)
	}
	return c
}

// NewEndCard says that a violation has ended.
func NewEndCard(v stability.Violation, t stability.Transition, o CardOptions) Card {
	w := o.Language.Word
	c := Card{Title: fmt.Sprintf(w("resolved"), o.name()), Resolved: true, Fields: []Field{
		{w("check"), checkName(v)}, {w("value"), number(t.Value)}, {w("threshold"), number(t.Threshold)},
		{w("lasted"), t.At.Sub(v.Since).Round(time.Second).String()},
	}}
	c.add(w("who"), o.Instance)
	return c
}

func (c *Card) add(name, value string) {
	if value != "" {
		c.Fields = append(c.Fields, Field{name, value})
	}
}

func (o CardOptions) name() string {
	if o.Service == "" {
		return "stability"
	}
	return o.Service
}

// sparkWidth is how many bars a card has room for on a phone.
const sparkWidth = 24

// history draws the value of a check, with where it was at first and at last, and how long that took.
func (o CardOptions) history(contract, check string) string {
	if o.History == nil {
		return ""
	}
	var values []float64
	var first, last stability.Point
	for _, p := range o.History(contract, check) {
		if p.Value == nil {
			continue
		}
		if len(values) == 0 {
			first = p
		}
		values, last = append(values, *p.Value), p
	}
	if len(values) < 2 {
		return ""
	}
	return fmt.Sprintf("%s  %s → %s, %v", sparkline.Draw(values, sparkWidth), number(*first.Value), number(*last.Value), (last.Age - first.Age).Round(time.Second))
}

func (o CardOptions) cause(id string) string {
	if o.Explain != nil && id != "" {
		if text := o.Explain(id); text != "" {
			return id + ": " + text
		}
	}
	return id
}

func checkName(v stability.Violation) string { return v.Contract + "/" + v.Name + v.Labels.String() }

// number writes a value for people: no more digits than tell something.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e6 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}

// Text returns the card as lines of plain text, each field's name marked by the two strings around it.
func (c Card) Text(before, after string) string {
	lines := make([]string, len(c.Fields))
	for i, f := range c.Fields {
		lines[i] = before + f.Name + after + " " + f.Value
	}
	return strings.Join(lines, "\n")
}
