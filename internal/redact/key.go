package redact

import (
	"regexp"
	"strings"
)

// key is the name of a secret, up to where its value begins. Its last group is what stands between the two.
var key = regexp.MustCompile(`(?i)[\w.-]*(?:passw(?:or)?d|pwd|passphrase|secret|token|credential|signature|` +
	`(?:api|access|account|private|shared|auth|encryption|license)[_-]?key|\b_?sig|\b_?auth|(?:\b|_)pass)(?:s|[_-]?[\w-]*)?` +
	`(\\?["']?\]?\s*(?:=>|:=|[=:])\s*)`)

// secrets are those found so far. They may stand in the text once more, or a piece of them in quotes.
type secrets []string

// keyValues hides the values of keys that name a secret.
func (f *secrets) keyValues(s string) string {
	var out strings.Builder
	for {
		at := key.FindStringSubmatchIndex(s)
		if at == nil {
			out.WriteString(s)
			return out.String()
		}
		before, name, between, rest := s[:at[0]], s[at[0]:at[2]], s[at[2]:at[3]], s[at[3]:]
		out.WriteString(s[:at[3]])
		opening, value, closing := cutQuoted(rest)
		if opening == "" {
			value = rest[:plainEnd(before, name, between, rest)]
		}
		out.WriteString(opening)
		if value != "" {
			out.WriteString(Mark)
			*f = append(*f, value)
		}
		out.WriteString(closing)
		s = rest[len(opening)+len(value)+len(closing):]
	}
}

// cutQuoted cuts a value that is in quotes or brackets of any kind; opening is "" if it is in none.
func cutQuoted(s string) (opening, value, closing string) {
	for _, pair := range [...][2]string{{`\"`, `\"`}, {`"`, `"`}, {`'`, `'`}, {"`", "`"}, {"{", "}"}, {"[", "]"}} {
		if !strings.HasPrefix(s, pair[0]) {
			continue
		}
		rest := s[len(pair[0]):]
		for i := 0; i < len(rest); i++ {
			switch {
			case strings.HasPrefix(rest[i:], pair[1]):
				return pair[0], rest[:i], pair[1]
			case rest[i] == '\\':
				i++
			}
		}
		return pair[0], rest, "" // it never ends: all of it
	}
	return "", "", ""
}

// plainEnd is the length of a value without quotes at the start of rest.
func plainEnd(before, name, between, rest string) int {
	before = strings.TrimRight(before, " ")
	stops := " \t\r\n"
	switch {
	case strings.HasSuffix(before, ";"): // of an ADO or ODBC string, where values hold spaces
		stops = ";\r\n"
	case strings.HasSuffix(before, "?"), strings.HasSuffix(before, "&"):
		stops += "&"
	}
	for _, quote := range []string{`"`, "`"} {
		if strings.Count(before, quote)%2 == 1 { // the whole is in quotes
			stops += quote
		}
	}
	end := strings.IndexAny(rest, stops)
	if end < 0 {
		end = len(rest)
	}
	word := strings.TrimRight(rest[:end], ".,;:)")
	switch {
	case word == "", word == Mark, isAnswer(word):
		return 0
	case strings.HasSuffix(between, ": ") && isWord(word) && strings.TrimSpace(rest[end:]) != "":
		return 0 // "invalid token: signature expired" is a sentence
	case strings.HasSuffix(name, "://"):
		return 0
	}
	return end
}

func isAnswer(word string) bool {
	switch strings.ToLower(word) {
	case "yes", "no", "true", "false", "nil", "<nil>", "eof", "none", "null":
		return true
	}
	return false
}

var inQuotes = regexp.MustCompile(`"[^"\s]+"`)

// hide takes out what has been found where it stands again, and pieces of it in quotes: net/url says `invalid port ":pass"`.
func (f secrets) hide(s string) string {
	for _, secret := range f {
		if len(secret) >= 4 && secret != Mark {
			s = strings.ReplaceAll(s, secret, Mark)
		}
	}
	return inQuotes.ReplaceAllStringFunc(s, func(quoted string) string {
		piece := strings.TrimPrefix(strings.Trim(quoted, `"`), ":")
		for _, secret := range f {
			if piece != "" && strings.Contains(secret, piece) {
				return `"` + Mark + `"`
			}
		}
		return quoted
	})
}
