package start

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/falsifiable/stability/lab/falsify/process"
	"github.com/falsifiable/stability/lab/gate"
)

// drift is a message with which programs are known to die when a module or the toolchain is not the version that they
// need.
type drift struct {
	rule  string
	words *regexp.Regexp
	mend  string
}

// drifts are in order: the first that matches is reported.
var drifts = []drift{
	{"codec", regexp.MustCompile(`codecgen version mismatch`), "generate the codecs anew with the version of the library that go.mod resolves to"},
	{"schema", regexp.MustCompile(`conflicting Schema URL`), "import the semconv package of the version that the OpenTelemetry SDK itself uses, or merge resources without a schema URL"},
	{"protobuf", regexp.MustCompile(`protobuf\.dev/reference/go/faq#namespace-conflict|proto:.(?:file|enum|message|extension) "[^"]*" (?:is already registered|has a name conflict)|namespace conflict`), "two modules hold the same .proto: raise both to versions that share one, go mod graph tells who requires which"},
	{"metric", regexp.MustCompile(`duplicate metrics collector registration attempted|a previously registered descriptor with the same fully-qualified name`), "two modules or two versions of one register the same metric: keep one"},
	{"flag", regexp.MustCompile(`flag redefined: `), "two modules or two versions of one define the same flag: keep one"},
	{"expvar", regexp.MustCompile(`Reuse of exported var name`), "two modules publish the same variable: keep one"},
	{"route", regexp.MustCompile(`pattern .* conflicts with pattern|http: multiple registrations for|handlers are already registered for path`), "two modules serve the same path: take one of them off http.DefaultServeMux"},
	{"driver", regexp.MustCompile(`sql: Register called twice for driver`), "two modules register the same database driver: import one"},
	{"gob", regexp.MustCompile(`gob: registering duplicate (?:types|names)`), "two versions of a type are registered under one name: keep one"},
	{"pattern", regexp.MustCompile(`regexp: Compile\(`), "the pattern is not one of Go's: compile it in a test"},
	{"template", regexp.MustCompile(`template: .*(?:unexpected|not defined|matches no files)`), "parse templates in a test"},
	{"config", regexp.MustCompile(`unknown field|unknown key|has invalid keys|cannot unmarshal`), "the configuration does not fit the program: a key was renamed or has another type"},
	{"library", regexp.MustCompile("version `GLIBC_|error while loading shared libraries|symbol lookup error"), "the program was linked against other C libraries than the image has: build it in that image, or with CGO_ENABLED=0"},
}

// deaths match the line that says why a program died, in the words of the Go runtime and of log.Fatal.
var (
	panicLine = regexp.MustCompile(`(?m)^(?:\S+ )*?((?:panic|fatal error): .+)$`)
	initFrame = regexp.MustCompile(`(?m)^(\S+?\.init(?:\.\d+)?)(?:\(\.\.\.\)|\(\)|\(.*\))$`)
)

// finding words a start that failed.
func finding(name string, err error) gate.Finding {
	f := gate.Finding{Rule: "start", Level: gate.Error, File: name, Message: err.Error()}
	output := ""
	if exit, ok := errors.AsType[*process.ExitError](err); ok {
		output = exit.Output
		f.Message = fmt.Sprintf("it ended while it started (%s): %s", exit.Status, lastWords(output))
		if frame := initFrame.FindStringSubmatch(output); frame != nil && strings.Contains(output, "panic: ") {
			f.Message += ", in " + frame[1]
		}
		f.Mend = "start it here and see: nothing was injected"
	} else if late, ok := errors.AsType[*process.NotReadyError](err); ok {
		output = late.Output
		f.Rule, f.Message = "ready", "it did not become ready: "+late.Reason
		if output != "" {
			f.Message += "; its last words: " + lastWords(output)
		}
		f.Mend = "say in falsify.yaml how it takes its address, what it depends on and where it answers (ready)"
	}
	for _, d := range drifts {
		if match := d.words.FindString(output); match != "" {
			f.Rule, f.Mend = d.rule, d.mend
			break
		}
	}
	return f
}

// lastWords quotes the panic, or else the last line that says something.
func lastWords(output string) string {
	if match := panicLine.FindStringSubmatch(output); match != nil {
		return match[1]
	}
	lines := strings.Split(strings.TrimSpace(output), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return "it said nothing"
}
