// Package experiment reads falsify.yaml, the file beside a service's main package that says how to load it, what it
// depends on, and which fault is to prove which check. Everything in it has a default, and so has the file itself.
package experiment

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/falsifiable/stability/fault"
)

// FileName is where an experiment is looked for, in the directory of the main package.
const FileName = "falsify.yaml"

// Experiment is a parsed file. The zero Experiment is that of a service without one.
type Experiment struct {
	// Path is the file, empty if there is none.
	Path string `yaml:"-"`
	// Package is the directory of the main package, relative to the file's. Defaults to the file's.
	Package string `yaml:"package"`
	// WorkDir is where the service runs, relative to the file's directory. Defaults to the directory of the main package.
	WorkDir string `yaml:"workdir"`
	// Build is how the service is built.
	Build Build `yaml:"build"`
	// AddressEnv are the environment variables that tell the service where to listen, as host:port. Defaults to
	// ADDR; PORT is set to the bare port in any case.
	AddressEnv []string `yaml:"address_env"`
	// GRPCAddressEnv are the environment variables that tell the service where to listen for gRPC, if that is another port:
	// ${grpc_address} and ${grpc_port} in Args and Env. Defaults to none: the same port.
	GRPCAddressEnv []string `yaml:"grpc_address_env"`
	// Args and Env are given to the service. ${address} and ${port} stand for where it is to listen, ${dir} for a directory
	// that this life of the service has for itself: files there are not shared with the services that run beside it.
	Args []string          `yaml:"args"`
	Env  map[string]string `yaml:"env"`
	// Ready is the URL path that answers 2xx when the service can be used. Defaults to none: a listening port.
	Ready string `yaml:"ready"`
	// Load is what drives the service.
	Load Load `yaml:"load"`
	// Cgroup limits the service: it runs in a real control group of its own. Defaults to none.
	Cgroup Cgroup `yaml:"cgroup"`
	// Dependencies are put behind a proxy each, so that their network can fail.
	Dependencies map[string]Dependency `yaml:"dependencies"`
	// Checks say what proves a check, by its name or by contract/check. Causes say it for all checks of a
	// cause. A check that neither names is proven by the trial of its cause in the catalogue.
	Checks map[string]Proof `yaml:"checks"`
	Causes map[string]Proof `yaml:"causes"`

	root *yaml.Node
}

// Build are arguments of go build.
type Build struct {
	// Tags are build tags, Flags further flags such as -ldflags=-X=main.version=1.
	Tags  []string `yaml:"tags"`
	Flags []string `yaml:"flags"`
}

// Cgroup are the limits of a control group.
type Cgroup struct {
	// Memory is its memory limit, such as 256MiB. Defaults to none.
	Memory Size `yaml:"memory"`
	// CPUs is its quota. Defaults to none.
	CPUs float64 `yaml:"cpus"`
}

// Load is the load of all runs.
type Load struct {
	// Rate is the mean number of requests per second. Defaults to 50.
	Rate float64 `yaml:"rate"`
	// Timeout bounds one request. Defaults to 5 s.
	Timeout Duration `yaml:"timeout"`
	// Targets defaults to GET /, and for a service that speaks gRPC only to the methods that it tells of by reflection.
	Targets []Target `yaml:"targets"`
}

// Target is one kind of request; see load.Target.
type Target struct {
	Method string            `yaml:"method"`
	Path   string            `yaml:"path"`
	Header map[string]string `yaml:"header"`
	Body   string            `yaml:"body"`
	Weight float64           `yaml:"weight"`
	Hold   Duration          `yaml:"hold"`
	// GRPC is a method, as package.Service/Method, in place of Method and Path. Body is its message in JSON; without one
	// it is filled with random values.
	GRPC Name `yaml:"grpc"`
	// WebSocket and Upload make the request to hold one of those.
	WebSocket bool `yaml:"websocket"`
	Upload    bool `yaml:"upload"`
}

// Dependency is something the service talks to over TCP.
type Dependency struct {
	// Env is the environment variable that tells the service where it is, Value what it is set to. ${address} stands for the
	// proxy, host:port. Value defaults to "${address}".
	Env   string `yaml:"env"`
	Value string `yaml:"value"`
	// Upstream is where the dependency runs, host:port. Command starts it instead: ${service} stands for the service's
	// binary, ${address} for where the dependency is to listen.
	Upstream string   `yaml:"upstream"`
	Command  []string `yaml:"command"`
}

// Proof is what is to prove a check.
type Proof struct {
	// Fault is the fault's name: one of the agent's or, with a Dependency, one of its network.
	Fault      Name              `yaml:"fault"`
	Dependency Name              `yaml:"dependency"`
	Params     map[string]string `yaml:"params"`
	// Deadline is how soon after the fault took effect the check must be violated, in the contract's own time.
	// Defaults to the catalogue's, else to 5 min.
	Deadline Duration `yaml:"deadline"`
	// Collateral are other checks which may fire under this fault: they are not reported as collateral.
	Collateral []string `yaml:"collateral"`
	// Alone makes the fault's runs the only ones at their time. Faults that take the whole machine are anyway.
	Alone bool `yaml:"alone"`
	// Load replaces parts of the experiment's load while this fault is tried.
	Load Load `yaml:"load"`
}

// Name is a word of the file which remembers where it stood, so that a later complaint can say so.
type Name struct {
	Text         string
	Line, Column int
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (n *Name) UnmarshalYAML(node *yaml.Node) error {
	n.Line, n.Column = node.Line, node.Column
	return node.Decode(&n.Text)
}

// Size is an amount of bytes written as 256MiB or 1GB.
type Size int64

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *Size) UnmarshalYAML(node *yaml.Node) error {
	if n, err := fault.ParseQuantity(node.Value, fault.Bytes); err == nil && n >= 1<<20 { // less is a slip of the unit
		*s = Size(n)
		return nil
	}
	return &PositionError{Line: node.Line, Column: node.Column, Message: fmt.Sprintf("%q is not a size such as 256MiB", node.Value)}
}

// Duration is a time.Duration written as "90s" or "5m".
type Duration time.Duration

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *Duration) UnmarshalYAML(node *yaml.Node) error {
	parsed, err := time.ParseDuration(node.Value)
	if err != nil || parsed < 0 {
		return &PositionError{Line: node.Line, Column: node.Column, Message: fmt.Sprintf("%q is not a duration such as 90s or 5m", node.Value)}
	}
	*d = Duration(parsed)
	return nil
}

// PositionError is a complaint about one place of an experiment file.
type PositionError struct {
	Path         string
	Line, Column int
	Message      string
}

func (e *PositionError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Path, e.Line, e.Column, e.Message)
}

// Find reads the experiment beside a main package, or path if that is not empty. Without a file it returns the zero
// Experiment.
func Find(dir, path string) (*Experiment, error) {
	missing := path == ""
	if missing {
		path = filepath.Join(dir, FileName)
	}
	content, err := os.ReadFile(path)
	if missing && errors.Is(err, fs.ErrNotExist) {
		return &Experiment{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("experiment: %w", err)
	}
	return Parse(path, content)
}

// Parse reads the content of an experiment file. Its error joins a *PositionError for everything that is wrong.
func Parse(path string, content []byte) (*Experiment, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return nil, fmt.Errorf("experiment: reading %s: %w", path, err)
	}
	e := &Experiment{Path: path, root: &yaml.Node{}}
	if len(document.Content) == 0 {
		return e, nil // an empty file
	}
	if errs := unknownFields(path, document.Content[0], *e); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if err := document.Decode(e); err != nil {
		if position, ok := errors.AsType[*PositionError](err); ok {
			position.Path = path
			return nil, position
		}
		return nil, fmt.Errorf("experiment: reading %s: %w", path, err)
	}
	e.root = document.Content[0]
	return e, e.validate(e.root)
}

// oursToSet are the flags of go build that falsify needs itself.
var oursToSet = []string{"o", "overlay", "tags", "modfile", "C", "n"}

func (e *Experiment) validate(root *yaml.Node) error {
	var errs []error
	complain := func(node *yaml.Node, format string, args ...any) {
		errs = append(errs, &PositionError{e.Path, node.Line, node.Column, fmt.Sprintf(format, args...)})
	}
	if e.Load.Rate < 0 || e.Load.Rate > 100_000 {
		complain(child(root, "load", "rate"), "a rate of %g requests per second is not between 0 and 100000", e.Load.Rate)
	}
	for _, l := range e.Loads() {
		for _, t := range l.Targets {
			if t.GRPC.Text != "" && (t.Path != "" || t.Method != "" || t.WebSocket || t.Upload) {
				errs = append(errs, &PositionError{e.Path, t.GRPC.Line, t.GRPC.Column, "a target with grpc has no method, path, websocket or upload of its own"})
			}
		}
	}
	for _, flag := range e.Build.Flags {
		if name, _, _ := strings.Cut(strings.TrimLeft(flag, "-"), "="); slices.Contains(oursToSet, name) || !strings.HasPrefix(flag, "-") {
			complain(child(root, "build", "flags"), "%q is not a flag of go build that can be set here: write -name=value; %s are set by falsify, tags have a field of their own",
				flag, strings.Join(oursToSet, ", "))
		}
	}
	for name, d := range e.Dependencies {
		node := child(root, "dependencies", name)
		switch {
		case d.Env == "":
			complain(node, "dependency %q: env is missing: the variable that tells the service where it is", name)
		case (d.Upstream == "") == (len(d.Command) == 0):
			complain(node, "dependency %q: give either upstream or command", name)
		}
	}
	for section, proofs := range map[string]map[string]Proof{"checks": e.Checks, "causes": e.Causes} {
		for name, p := range proofs {
			node := child(root, section, name)
			if p.Fault.Text == "" && p.Dependency.Text != "" {
				complain(node, "%s: %q names a dependency but no fault of its network", section, name)
			}
			if _, known := e.Dependencies[p.Dependency.Text]; p.Dependency.Text != "" && !known {
				errs = append(errs, e.Complain(p.Dependency, "dependency", keys(e.Dependencies)))
			}
		}
	}
	slices.SortFunc(errs, byPosition)
	return errors.Join(errs...)
}

// Complain words an error about a name of the file that is not among the known ones.
func (e *Experiment) Complain(name Name, what string, known []string) error {
	return &PositionError{e.Path, name.Line, name.Column, Unknown(what, name.Text, known)}
}

// Key returns a name that is a key of the mapping in a section, such as "checks", with its place.
func (e *Experiment) Key(section, name string) Name {
	mapping := child(e.root, section)
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if key := mapping.Content[i]; key.Value == name {
			return Name{name, key.Line, key.Column}
		}
	}
	return Name{Text: name}
}

// Merge returns the load with the other's settings where it has some.
func (l Load) Merge(over Load) Load {
	if over.Rate > 0 {
		l.Rate = over.Rate
	}
	if over.Timeout > 0 {
		l.Timeout = over.Timeout
	}
	if len(over.Targets) > 0 {
		l.Targets = over.Targets
	}
	return l
}

// Place returns the directory of the main package and the one in which the service runs, for a service that was named by dir.
func (e *Experiment) Place(dir string) (main, work string) {
	home := dir
	if e.Path != "" {
		home = filepath.Dir(e.Path)
	}
	at := func(path, otherwise string) string {
		switch path = filepath.FromSlash(path); {
		case path == "":
			return otherwise
		case filepath.IsAbs(path):
			return path
		}
		return filepath.Join(home, path)
	}
	main = at(e.Package, dir)
	work = at(e.WorkDir, main)
	return main, work
}

// Loads are all loads of the file: that of all runs, and those that differ while a fault is tried.
func (e *Experiment) Loads() []Load {
	loads := []Load{e.Load}
	for _, proofs := range []map[string]Proof{e.Checks, e.Causes} {
		for _, name := range keys(proofs) {
			loads = append(loads, proofs[name].Load)
		}
	}
	return loads
}

// Mentions reports whether an argument or an environment variable asks for a placeholder that begins so.
func (e *Experiment) Mentions(placeholder string) bool {
	within := func(text string) bool { return strings.Contains(text, placeholder) }
	return slices.ContainsFunc(e.Args, within) || slices.ContainsFunc(slices.Collect(maps.Values(e.Env)), within)
}
