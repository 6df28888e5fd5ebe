// Package mutate weakens checks, to see whether anything notices. If a check would pass its trial with twice the
// threshold as well, the trial says little about the threshold.
//
// [Mutants] makes the weakened checks of one. [Judge] replays what was recorded of a fault run through the engine, for the check and
// for each mutant, and then variations of that recording: the fault at the dose at which the check only just fires and only just
// does not, for just long enough and not quite, without one of its effects, with other signals moved too. A mutant that
// answers as the check does in all of them has survived. The package is pure: no clock, no process, no file.
package mutate

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/signals"
)

// Mutant is a check that differs in one thing.
type Mutant struct {
	// How says in words what is different.
	How string
	stability.Check
}

// Mutants returns what can be made of a check by one change that compiles: each threshold doubled and halved, each comparison turned,
// each conjunct and alternative removed, each window shrunk, each reduction over a window dropped, For doubled and dropped.
func Mutants(check stability.Check, schema *signals.Schema) []Mutant {
	var all []Mutant
	known := map[string]bool{canonical(check, schema): true}
	add := func(how string, k stability.Check) {
		if c := canonical(k, schema); c != "" && !known[c] { // a change that does not change the meaning makes no mutant
			known[c] = true
			all = append(all, Mutant{how, k})
		}
	}
	with := func(how, text string) {
		k := check
		k.Expr = text
		add(how, k)
	}
	parts := split(check.Expr)
	for _, c := range parts.comparisons {
		right := strings.TrimSpace(check.Expr[c.end:c.stop])
		put := func(s string) string { return check.Expr[:c.end] + " " + s + check.Expr[c.stop:] }
		if right == "0" {
			with("the threshold 0 becomes 1 of whatever is compared", put("1"))
		} else {
			with(fmt.Sprintf("the threshold %s is doubled", right), put("2 * ("+right+")"))
			with(fmt.Sprintf("the threshold %s is halved", right), put("0.5 * ("+right+")"))
		}
		operator := check.Expr[c.start:c.end]
		with(fmt.Sprintf("%s %s is turned into %s", operator, right, turned[operator]), check.Expr[:c.start]+turned[operator]+check.Expr[c.end:])
	}
	for _, operator := range []string{"&&", "||"} {
		for i, without := range parts.without(check.Expr, operator) {
			with(fmt.Sprintf("part %d of %s is removed", i+1, operator), without)
		}
	}
	for _, w := range window.FindAllStringSubmatchIndex(check.Expr, -1) {
		text := check.Expr[w[2]:w[3]]
		if d, err := time.ParseDuration(text); err == nil {
			with(fmt.Sprintf("the window [%s] becomes a tenth", text), check.Expr[:w[2]]+(d/10).String()+check.Expr[w[3]:])
			with(fmt.Sprintf("the window [%s] becomes ten times as long", text), check.Expr[:w[2]]+(d*10).String()+check.Expr[w[3]:])
		}
	}
	for _, m := range reduction.FindAllStringSubmatchIndex(check.Expr, -1) {
		with(fmt.Sprintf("%s is dropped", check.Expr[m[0]:m[1]]), check.Expr[:m[0]]+check.Expr[m[4]:m[5]]+check.Expr[m[1]:])
	}
	if check.For > 0 {
		k := check
		k.For = 2 * check.For
		add("For is doubled", k)
		k.For = 0
		add("For is dropped", k)
	}
	return all
}

// canonical is what a check means, "" if it does not compile.
func canonical(k stability.Check, schema *signals.Schema) string {
	program, err := expr.Compile(schema, k.Expr, expr.Options{})
	if err != nil {
		return ""
	}
	return program.Canonical() + " for " + k.For.String()
}

var (
	turned    = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "!=", "!=": "=="}
	window    = regexp.MustCompile(`\[(\d[0-9a-z.]*)(?::[^\]]*)?\]`)
	reduction = regexp.MustCompile(`((?:avg|min|max)_over_time)\(([\w.]+(?:\{[^}]*\})?)\[[^\]]*\]\)`)
)

// parts is where an expression can be cut.
type parts struct {
	comparisons []span
	joints      []joint
}

// span is a comparison's operator, and where its right side ends.
type span struct{ start, end, stop int }

// joint is an && or || with the depth of parentheses it stands in.
type joint struct {
	at, depth int
	operator  string
	from, to  int // what it joins reaches from here to there
}

// split looks over an expression. It need not understand it: what it cuts wrongly does not compile.
func split(text string) parts {
	var p parts
	depth, quoted, opened := 0, false, []int{0}
	closeAll := func(at, below int) {
		for i := range p.comparisons {
			if p.comparisons[i].stop < 0 && depthAt(text, p.comparisons[i].start) >= below {
				p.comparisons[i].stop = at
			}
		}
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(' || c == '[' || c == '{':
			depth++
			opened = append(opened, i+1)
		case c == ')' || c == ']' || c == '}':
			closeAll(i, depth)
			depth--
			opened = opened[:len(opened)-1]
		case c == '&' || c == '|':
			if i+1 < len(text) && text[i+1] == c {
				closeAll(i, depth)
				p.joints = append(p.joints, joint{at: i, depth: depth, operator: text[i : i+2], from: opened[len(opened)-1]})
				i++
			}
		case strings.IndexByte("<>=!", c) >= 0 && insideBraces(text, i) == false:
			end := i + 1
			if end < len(text) && text[end] == '=' {
				end++
			}
			if turned[text[i:end]] != "" {
				p.comparisons = append(p.comparisons, span{i, end, -1})
			}
			i = end - 1
		}
	}
	for i := range p.comparisons {
		if p.comparisons[i].stop < 0 {
			p.comparisons[i].stop = len(text)
		}
	}
	for i := range p.joints {
		p.joints[i].to = closing(text, p.joints[i].at)
	}
	return p
}

// depthAt is how many brackets are open at a place.
func depthAt(text string, at int) (depth int) {
	quoted := false
	for _, c := range text[:at] {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			depth--
		}
	}
	return depth
}

func insideBraces(text string, at int) bool {
	return strings.LastIndexByte(text[:at], '{') > strings.LastIndexByte(text[:at], '}')
}

// closing is where the brackets around a place close.
func closing(text string, at int) int {
	depth := 0
	for i := at; i < len(text); i++ {
		switch text[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth < 0 {
				return i
			}
		}
	}
	return len(text)
}

// without returns the expression without each of the parts that an operator joins.
func (p parts) without(text, operator string) []string {
	var all []string
	for i, j := range p.joints {
		if j.operator != operator {
			continue
		}
		left, right := j.from, j.to
		for k, other := range p.joints { // the neighbors that bind no tighter end the part
			if k == i || other.depth != j.depth || other.from != j.from || operator == "||" && other.operator == "&&" {
				continue
			}
			if other.at < j.at {
				left = max(left, other.at+2)
			} else {
				right = min(right, other.at)
			}
		}
		all = append(all, text[:left]+" "+text[j.at+2:], text[:j.at]+text[right:])
	}
	return all
}
