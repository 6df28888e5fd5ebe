package redact

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func parseError(s string) string {
	_, err := url.Parse(s)
	if err == nil {
		panic("parsed: " + s)
	}
	return err.Error()
}

// TestSecrets: s3cret, in whatever form it comes, is not in the result; what an operator needs is.
func TestSecrets(t *testing.T) {
	for _, test := range []struct{ text, keeps string }{
		{"dial postgres://user:s3cret@db:5432/app: connection refused", "postgres://user:***@db:5432/app: connection refused"},
		{"redis://:s3cret@cache:6379/0", "redis://:***@cache:6379/0"},
		{"mongodb+srv://u:s3cret@h1,h2/x?retryWrites=true", "@h1,h2/x?retryWrites=true"},
		{`parse "postgres://user:pa/s3cret@db/app": x`, "@db/app"},
		{parseError("postgres://user:s3cret/x@db/app"), "postgres://user:***@db/app"},
		{parseError("postgres://user:s3cret#x@db/app"), "after host"},
		{parseError("postgres://user:s3cret%zz@db/app"), "invalid URL escape"},
		{parseError("postgres://user:my s3cret x@db/app"), "@db/app"},
		{parseError(`postgres://user:my"s3cret"x@db/app`), "@db/app"},
		{`cannot parse ` + "`postgres://user:s3cret@db/app`" + `: failed`, "@db/app`: failed"},
		{"amqp://guest:s3@cret@mq/", "amqp://guest:***@mq/"},
		{"root:s3cret@tcp(db:3306)/app: no route", "root:***@tcp(db:3306)/app: no route"},
		{"invalid DSN \"root:s3cret@/app\"", "root:***@/app"},
		{"scott/s3cret@//db:1521/x", "@//db:1521/x"},
		{"clone https://s3cret@github.com/x/y: 404", "https://***@github.com/x/y: 404"},
		{"https://s3cretPublicKeyOfThirty123456@o1.ingest.sentry.io/1", "ingest.sentry.io/1"},
		{"host=db user=app password=s3cret sslmode=disable: timeout", "host=db user=app password=*** sslmode=disable: timeout"},
		{"host=db password='my s3cret' sslmode=disable", "password='***' sslmode=disable"},
		{`host=db password='it\'s s3cret' port=1`, "port=1"},
		{"password = s3cret host=db", "host=db"},
		{"Server=db;User Id=sa;Password=my s3cret;Timeout=30", "Server=db;User Id=sa;Password=***;Timeout=30"},
		{"Driver={X};UID=sa;PWD={my;s3cret};Timeout=30", "PWD={***};Timeout=30"},
		{"DefaultEndpointsProtocol=https;AccountName=x;AccountKey=s3cret==;EndpointSuffix=core", "EndpointSuffix=core"},
		{`{"user":"app","password":"s3cret","host":"db"}`, `"host":"db"`},
		{`bad config: "{\"token\":\"s3cret\",\"host\":\"db\"}"`, "db"},
		{fmt.Sprintf("%+v", struct{ User, Password, Host string }{"app", "s3cret", "db"}), "User:app"},
		{fmt.Sprintf("%#v", struct{ User, Password string }{"app", "s3cret"}), `User:"app"`},
		{fmt.Sprint(map[string]string{"api_key": "s3cret"}), "map["},
		{fmt.Sprint(http.Header{"Authorization": {"Bearer s3cret"}, "X-Api-Key": {"s3cret"}, "Accept": {"text"}}), "Accept:[text]"},
		{"Authorization: Basic czNjcmV0s3cret==\nHost: db", "Host: db"},
		{"401 for Bearer s3cret.tok-en_1: denied", "denied"},
		{"bearer S3CRETs3cret", "bearer ***"},
		{"Cookie: session=s3cret; theme=dark", "Cookie: ***"},
		{"token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzM2NyZXQifQ.s3cret expired", "expired"},
		{`Get "https://api/x?access_token=s3cret&page=2": EOF`, `&page=2": EOF`},
		{`Get "https://api/x?page=2&key=s3cret": EOF`, `?page=2&key=***": EOF`},
		{`Get "https://s3.test/o?X-Amz-Signature=s3cret&X-Amz-Date=1": EOF`, `X-Amz-Date=1": EOF`},
		{`Post "https://hooks.slack.com/services/T0/B0/s3cretXXXXXXXXXXXXXXXXXX": dial tcp: timeout`, "https://hooks.slack.com/services/T0/B0/***"},
		{`Post "https://api.telegram.org/bot123456789:AAs3cretXXXXXXXXXXXXXXXX/send": EOF`, "/send"},
		{"exec: mysqldump --password s3cret -h db: exit 1", "-h db: exit 1"},
		{"exec: mysqldump --password=s3cret -h db: exit 1", "-h db: exit 1"},
		{"wrong password: s3cret", "wrong password: ***"},
		{"client_secret: s3cret1 is wrong", "is wrong"},
		{"-----BEGIN RSA PRIVATE KEY-----\ns3cret\n-----END RSA PRIVATE KEY----- is bad", "is bad"},
		{"PGPASSWORD=s3cret psql: failed", "psql: failed"},
		{errors.Join(errors.New("postgres://a:s3cret@h/d"), errors.New("mysql a:s3cret@tcp(h)/d")).Error(), "@tcp(h)/d"},
		{`dial "redis://:s3cret@h": wrong password "s3cret"`, "wrong password"},
	} {
		got := String(test.text)
		if strings.Contains(strings.ToLower(got), "s3cret") || strings.Contains(got, `"s3`) {
			t.Errorf("%s\n\tshows the secret: %s", test.text, got)
		}
		if !strings.Contains(got, test.keeps) || !strings.Contains(got, Mark) {
			t.Errorf("%s\n\tlost %q: %s", test.text, test.keeps, got)
		}
		if again := String(got); again != got {
			t.Errorf("a second time: %s\n\t%s", got, again)
		}
	}
}

// TestHarmless: errors without secrets stay as they are.
func TestHarmless(t *testing.T) {
	for _, s := range []string{
		"", "EOF", "connection refused",
		"dial tcp 10.0.0.1:5432: connect: connection refused",
		"dial tcp [::1]:6379: i/o timeout",
		"lookup db.internal on 10.0.0.10:53: no such host",
		`Get "http://risk:8080/score?order=17": context deadline exceeded`,
		"postgres://app@db:5432/orders?sslmode=disable: timeout",
		`pq: password authentication failed for user "app"`,
		"Error 1045 (28000): Access denied for user 'root'@'10.0.0.1' (using password: YES)",
		"invalid token: signature expired",
		"the bearer token is missing",
		"basic authentication failed",
		"x509: certificate signed by unknown authority",
		"github.com/falsifiable/stability@v1.2.3: not found",
		"mail to ops@example.com bounced",
		"rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial tcp 127.0.0.1:1: connect: connection refused\"",
		"open /var/lib/app/data-2026-11-30.db: permission denied",
		"expected ';', found 'EOF' at main.go:17:3",
		"the path http://h/static/a-page-with-a-long-name/x is gone",
	} {
		if got := String(s); got != s {
			t.Errorf("%s\n\tbecame %s", s, got)
		}
	}
}

func FuzzString(f *testing.F) {
	f.Add("postgres://user:s3cret@db:5432/app: connection refused")
	f.Add(`{"password":"x\"y"}`)
	f.Fuzz(func(t *testing.T, s string) {
		if got := String(s); len(got) > 4*len(s)+16 {
			t.Errorf("%d bytes became %d", len(s), len(got))
		}
		const secret = "Zx9qZx9q"
		if strings.ContainsAny(s, "@\"`'\\ \t\r\n") || s == "" {
			return
		}
		if got := String("postgres://app:" + secret + "@" + s); strings.Contains(got, secret) {
			t.Errorf("%q shows the secret: %s", s, got)
		}
	})
}
