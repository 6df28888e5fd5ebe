package signals

import "time"

// Build are the signals of package signals/buildinfo.
var Build = struct {
	Drifted, Drift, Version, Go *Signal
}{
	Drifted: ofBuild("build.module.drifted", "Modules that are compiled in at another version, or from another place, than go.mod says."),
	Drift:   ofBuild("build.module.drift", "1 while the module is compiled in at another version, or from another place, than go.mod says, else 0.").by("module"),
	Version: ofBuild("build.module.version", "The version of the module that is compiled in, as a number: v1.2.3 is 1002003.").by("module"),
	Go:      ofBuild("build.go.version", "The version of Go that compiled the program, as a number: go1.26.3 is 1026003."),
}

func ofBuild(name, help string) *Signal {
	return Declare(Desc{Name: name, Unit: Count, Kind: Gauge, Help: help, Source: "buildinfo", Cost: 20 * time.Nanosecond})
}
