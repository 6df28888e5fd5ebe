package signals

import "time"

// Config are the signals of module defense/hotconfig, by the name of the configuration.
var Config = struct {
	Generation, Hash, Age, Failing, FailingAge, Rejected, Torn, Reverted *Signal
}{
	Generation: ofConfig("config.generation", Count, Gauge, "Number of the snapshot in force: 1 for the first, one more with each change."),
	Hash:       ofConfig("config.hash", Count, Gauge, "First 48 bits of the hash of the content in force: the same in all instances that have the same configuration."),
	Age:        ofConfig("config.age", Seconds, Gauge, "Time since the snapshot in force came."),
	Failing:    ofConfig("config.failing", Count, Gauge, "1 while what is in the file is not in force because it is unfit or did harm, else 0."),
	FailingAge: ofConfig("config.failing.age", Seconds, Gauge, "How long that has been so, 0 when it is not."),
	Rejected:   ofConfig("config.rejected.count", Count, Counter, "Contents that were not taken."),
	Torn:       ofConfig("config.torn.count", Count, Counter, "Contents that were seen half written: whoever writes the file does not do it by a rename."),
	Reverted:   ofConfig("config.reverted.count", Count, Counter, "Returns to the last configuration that behaved well; those of a dry run too."),
}

func ofConfig(name string, unit Unit, kind Kind, help string) *Signal {
	return Declare(Desc{Name: name, Unit: unit, Kind: kind, Labels: []string{"config"}, Help: help, Source: "hotconfig", Cost: 100 * time.Nanosecond})
}
