// Package redact takes credentials out of texts that others wrote and that we show: errors of drivers and clients quote the
// address they were given, password included.
//
// It looks for shapes, so it is a net and no proof. It would rather hide a word too much than show a secret.
package redact

import (
	"regexp"
	"strings"
)

// Mark stands where something was taken out.
const Mark = "***"

// String returns s without what looks like a credential: passwords of URLs and other data source names, values of
// keys such as password, token and api_key, Authorization and Cookie headers, bearer tokens, JSON web tokens, private keys
// and long random segments of URL paths, as in the addresses of webhooks. Safe for concurrent use.
func String(s string) string {
	var found secrets
	s = privateKey.ReplaceAllString(s, Mark)
	s = header.ReplaceAllString(s, "${1}"+Mark)
	for _, name := range dataSourceNames {
		s = name.ReplaceAllStringFunc(s, func(match string) string {
			part := name.FindStringSubmatch(match)
			found = append(found, part[2])
			return part[1] + Mark + "@"
		})
	}
	s = noPort.ReplaceAllStringFunc(s, func(match string) string {
		part := noPort.FindStringSubmatch(match)
		if strings.HasPrefix(part[2], Mark) {
			return match
		}
		found = append(found, part[2])
		return part[1] + Mark
	})
	s = urlUser.ReplaceAllStringFunc(s, hideUser)
	s = found.keyValues(s)
	s = queryKey.ReplaceAllString(s, "${1}"+Mark)
	s = flagValue.ReplaceAllString(s, "${1}"+Mark)
	s = scheme.ReplaceAllStringFunc(s, hideToken)
	s = knownToken.ReplaceAllString(s, Mark)
	s = urlPath.ReplaceAllStringFunc(s, hideSegments)
	return found.hide(s)
}

var (
	privateKey = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`)
	// header is a line of HTTP, or an entry of a printed http.Header.
	header = regexp.MustCompile(`(?i)(\b(?:(?:proxy-)?authorization|(?:set-)?cookie)\\?["']?\s*[:=]\s*\[?\\?["']?)[^"'\]\r\n\\]+`)

	// dataSourceNames: what stands before the password, and the password. They reach to the last @ of the word, because people
	// write @ and / into passwords as they are, which is why parsing failed and the address stands in an error at all.
	dataSourceNames = []*regexp.Regexp{
		regexp.MustCompile(`("[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@"]*:)((?:[^"\\\r\n]|\\.)*)@`),                              // in quotes, spaces too
		regexp.MustCompile("([A-Za-z][A-Za-z0-9+.-]*://[^\\s/:@\"`]*:)([^\\s\"`]*)@"),                                     // scheme://user:password@
		regexp.MustCompile("((?:^|[\\s\"'`(\\[{=,])[^\\s/:@\"'`(\\[{=,]*:)([^\\s\"`/][^\\s\"`]*|/[^\\s\"`/][^\\s\"`]*)@"), // user:password@, as for MySQL
		regexp.MustCompile(`((?:^|[\s"'(=])\w+/)([^\s/@"']+)@`),                                                           // user/password@, as for Oracle
	}
	// noPort is a password where net/url saw a port, because of a # or ? within; it quotes the address up to there.
	noPort     = regexp.MustCompile("([A-Za-z][A-Za-z0-9+.-]*://[^\\s/:@\"`\\[]*:)([^\\s\"`/@?#,:;.)\\]']*[A-Za-z_%!$^&*+~][^\\s\"`/?]*)")
	urlUser    = regexp.MustCompile("[A-Za-z][A-Za-z0-9+.-]*://[^\\s/:@\"'`]+@")
	queryKey   = regexp.MustCompile("(?i)([?&](?:key|code|sig|auth|hmac|sas)=)[^\\s&\"`]+")
	flagValue  = regexp.MustCompile(`(?i)(--?(?:[a-z]+-)*(?:password|passwd|pass|token|secret|api-?key)\s+)[^\s-]\S*`)
	scheme     = regexp.MustCompile(`(?i)\b(?:bearer|basic|digest|apikey|negotiate|token)\s+[A-Za-z0-9._~+/=:-]+`)
	knownToken = regexp.MustCompile(`\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?|\bgh[a-z]_\w{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{12,}` +
		`|\bxox[a-z]-[\w-]{8,}|\b[sr]k[-_](?:live|test|proj|ant)[-_][\w-]{8,}|\bAIza[\w-]{30,}|\bAKIA[A-Z0-9]{12,}`)
	urlPath = regexp.MustCompile("[A-Za-z][A-Za-z0-9+.-]*://[^\\s\"'`]+")
)

// hideUser hides a user without a password where it is one's token: in an HTTP address, or when no name is so long.
func hideUser(match string) string {
	scheme, user, _ := strings.Cut(match, "://")
	if http := strings.HasPrefix(strings.ToLower(scheme), "http"); http || len(user) > 20 {
		return scheme + "://" + Mark + "@"
	}
	return match
}

// hideToken hides what follows the name of an authentication scheme, unless it is a word of a sentence.
func hideToken(match string) string {
	name, token, _ := strings.Cut(match, " ")
	token = strings.TrimSpace(token)
	if isWord(strings.TrimRight(token, ".:")) {
		return match
	}
	return name + " " + Mark
}

// isWord tells a word of a sentence from a secret: letters only, none of them a capital after the first.
func isWord(s string) bool {
	for i, r := range s {
		if (r < 'a' || r > 'z') && (i > 0 || r < 'A' || r > 'Z') {
			return false
		}
	}
	return len(s) < 20
}

// hideSegments hides the segments of a URL's path that nobody would write by hand.
func hideSegments(match string) string {
	scheme, rest, _ := strings.Cut(match, "://")
	rest, query, isQuery := strings.Cut(rest, "?")
	segments := strings.Split(rest, "/")
	for i, segment := range segments {
		if i > 0 && len(segment) >= 20 && strings.ContainsAny(segment, "0123456789") {
			segments[i] = Mark
		}
	}
	match = scheme + "://" + strings.Join(segments, "/")
	if isQuery {
		match += "?" + query
	}
	return match
}
