package faultpoint

// CheckFunc is asked before each check of a component by package health, with its name. It may block; with an error the
// check fails with it and is not run.
type CheckFunc func(component string) error

// ColdFunc is asked for each request by the admission of package health: whether the instance is to be taken for one that is
// not warm yet although its probe has said that it is ready.
type ColdFunc func() bool

var (
	checks latest[CheckFunc]
	colds  latest[ColdFunc]
)

// SetCheck makes f decide on each check of a component, until restore.
func SetCheck(f CheckFunc) (restore func()) { return checks.set(f) }

// Check returns what decides on a check, nil for nothing.
func Check() CheckFunc { return checks.get() }

// SetCold makes f decide whether the instance is warm, until restore.
func SetCold(f ColdFunc) (restore func()) { return colds.set(f) }

// Cold returns what decides whether the instance is warm, nil for the instance itself.
func Cold() ColdFunc { return colds.get() }
