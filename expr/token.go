package expr

import "strings"

// kind is what a token is.
type kind uint8

const (
	end kind = iota
	path
	number
	text
	parenOpen
	parenClose
	bracketOpen
	bracketClose
	braceOpen
	braceClose
	comma
	colon
	assign
	matches
	matchesNot
	not
	and
	or
	plus
	minus
	times
	divided
	equal
	unequal
	less
	lessEqual
	greater
	greaterEqual
)

var kindText = [...]string{
	end: "the end", path: "a name", number: "a number", text: "a quoted text", parenOpen: "(", parenClose: ")",
	bracketOpen: "[", bracketClose: "]", braceOpen: "{", braceClose: "}", comma: ",", colon: ":", assign: "=",
	matches: "=~", matchesNot: "!~", not: "!", and: "&&", or: "||", plus: "+", minus: "-", times: "*", divided: "/",
	equal: "==", unequal: "!=", less: "<", lessEqual: "<=", greater: ">", greaterEqual: ">=",
}

func (k kind) String() string { return kindText[k] }

// precedence is Go's: 0 for what is no binary operator, 5 binds tightest.
func (k kind) precedence() int {
	switch k {
	case or:
		return 1
	case and:
		return 2
	case equal, unequal, less, lessEqual, greater, greaterEqual:
		return 3
	case plus, minus:
		return 4
	case times, divided:
		return 5
	}
	return 0
}

// compares reports whether k is a comparison.
func (k kind) compares() bool { return k.precedence() == 3 }

// span is a stretch of the source, in bytes.
type span struct{ pos, end int }

func (s *span) where() span   { return *s }
func (s *span) widen(to span) { *s = to }

// token is one word of the source.
type token struct {
	span
	kind  kind
	text  string  // of a path, without call parentheses; of a quoted text, what it stands for
	value float64 // of a number, in its dimension's basic unit
	dim   dim     // of a number
}

// operators are matched longest first.
var operators = []struct {
	text string
	kind kind
}{
	{"&&", and}, {"||", or}, {"==", equal}, {"!=", unequal}, {"<=", lessEqual}, {">=", greaterEqual},
	{"=~", matches}, {"!~", matchesNot},
	{"(", parenOpen}, {")", parenClose}, {"[", bracketOpen}, {"]", bracketClose}, {"{", braceOpen}, {"}", braceClose},
	{",", comma}, {":", colon}, {"=", assign}, {"!", not},
	{"+", plus}, {"-", minus}, {"*", times}, {"/", divided}, {"<", less}, {">", greater},
}

// foreign are the spellings of other languages and of typesetters, and what to write instead.
var foreign = []struct{ text, mend string }{
	{"×", "*"}, {"·", "*"}, {"÷", "/"}, {"≥", ">="}, {"≤", "<="}, {"≠", "!="}, {"−", "-"}, {"–", "-"},
	{"“", `"`}, {"”", `"`}, {"&", "&&"}, {"|", "||"}, {"'", `"`},
}

// foreignWords are operators which other languages spell as words.
var foreignWords = map[string]string{"and": "&&", "or": "||", "not": "!", "unless": "&& !"}

func operatorAt(s string) (kind, int) {
	for _, o := range operators {
		if strings.HasPrefix(s, o.text) {
			return o.kind, len(o.text)
		}
	}
	return end, 0
}
