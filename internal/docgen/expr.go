package main

import (
	"strconv"

	"github.com/falsifiable/stability/expr"
)

// exprPage is the reference of the contract language, from the tables of package expr.
func exprPage() string {
	m := newPage("The contract language")
	m.text(exprIntro)
	m.line("\n## Functions")
	m.head("function", "gives", "what it is")
	for _, f := range expr.Functions() {
		m.row(code(f.Signature), f.Result, f.Help+" Example: "+code(f.Example))
	}
	m.text(exprLiterals)
	m.head("suffix", "unit", "times")
	for _, s := range expr.Suffixes() {
		times := strconv.FormatFloat(s.Times, 'f', -1, 64)
		if s.Per != 1 {
			times += "/" + strconv.FormatFloat(s.Per, 'f', -1, 64)
		}
		m.row(code(s.Text), s.Unit.String(), times)
	}
	m.text(exprDimensions)
	for _, op := range []string{"*", "/"} {
		arithmetic(m, op)
	}
	m.text(exprUnknown)
	return m.String()
}

// arithmetic writes one operator's table: left operands down, right ones across.
func arithmetic(m *markdown, op string) {
	head := []string{"left " + op + " right"}
	var rows [][]string
	for _, r := range expr.Arithmetic() {
		if r.Op != op {
			continue
		}
		if len(rows) == 0 || rows[len(rows)-1][0] != r.Left {
			rows = append(rows, []string{r.Left})
		}
		if len(rows) == 1 {
			head = append(head, r.Right)
		}
		result := r.Result
		if result == "" {
			result = "-"
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], result)
	}
	m.head(head...)
	for _, row := range rows {
		m.row(row...)
	}
}

const exprIntro = "\n" + `A check's expression is its **violation condition**: true means that the promise is broken.

` + "```" + `
runtime.NumGoroutine() > 2000
len(streamMap) > 1000 && time.Since(lastClose) > 5m
theil_sen(go.goroutine.count[5m]) > 500/1m && rate(http.server.request.count[5m]) <= 1.2 * baseline(rate(http.server.request.count[5m]))
db.client.connection.count{state="used"} >= 0.9 * db.client.connection.max
` + "```" + `

## Operands

- A signal, by its name or an alias. Empty call parentheses do not matter: ` + "`pool.Active()` is `pool.Active`" + `.
- ` + "`len(x)`" + ` of a registered collection, ` + "`time.Since(x)`" + ` of a registered time.
- A number, with or without a unit.
- ` + "`x[5m]`" + ` is the history of a signal over the last five minutes, ` + "`f(x)[1h:30s]`" + ` that of any number, computed every 30 s. Without a step,
  ` + "`[1h:]`" + ` has 60 points, at least a second apart. Histories are what functions work on. Points lie on multiples of the step.

## Operators

As in Go, binding from loosest to tightest: ` + "`||`, `&&`, `== != < <= > >=`, `+ -`, `* /`, prefix `! -`" + `. Comparisons do not chain.

## Instances

A signal may have instances that differ by labels. ` + "`{pool=\"orders\"}`" + ` picks by label; ` + "`= != =~ !~`" + ` compare, the last two by a regular expression
which must match the whole value. The check is judged once for each instance that is left. Several operands are joined on equal labels, leaving out labels pinned
by ` + "`=`" + `; what has no labels, or has all of them pinned, goes with every instance. An instance that one of the operands lacks is Unknown.
Operands which differ by other labels than each other cannot be joined and are refused.`

const exprLiterals = `
## Units

` + "`1.2GB`, `512MiB`, `5m`, `1h30m`, `80%`, `500/1m`" + ` (500 per minute), ` + "`10MB/1s`, `1_000`, `1e6`" + `. Case matters.`

const exprDimensions = `
## Dimensions

A number is bytes, seconds, a count or a ratio, each as such or per second; seconds per second are a ratio. Sums, comparisons and the arguments of
min and max take equal dimensions. A bare number takes that of the other side: ` + "`queue.bytes > 1024`" + ` compares bytes. Products and quotients
(a dash is refused):`

const exprUnknown = `
## What is Unknown

A condition is true, false or unknown; ` + "`false && unknown`" + ` is false and ` + "`true || unknown`" + ` is true, else unknown spreads. Unknown neither fires nor clears a check,
and /healthz says so with its reason:

| reason | when |
| --- | --- |
| never read | the signal's source is not attached or failed, or a registered time was never set |
| stale | the last reading is older than 5 sampling intervals; of a window, older than half of it as well |
| filling | history does not yet reach back over the window, give or take one sampling interval |
| sparse | the window holds fewer readings than the function needs: 2 for rate, increase, delta and stddev_over_time, 3 for theil_sen, 8 for mann_kendall |
| learning | baseline is not yet learnt |
| division by zero, not a number | as they say |

## What is refused, what is warned of

Refused: unknown names (with the nearest known one), mixed dimensions, rate and increase of a gauge, delta of a counter, a comparison of two constants, a
division by the constant zero, an expression that reads no signal, text beyond 4096 bytes, nesting beyond 64, windows beyond 7 days, sub-queries
of more than 1000 steps. A contract's Lenient turns mixed dimensions into a warning.

Warned of: a comparison that can be true only when a declared bound is broken (` + "`pool.Active() > pool.Max()`" + `), the level of a counter, statistics of a running
total, levels that hardly ever fall again.`
