package signals

import "time"

// Health are the signals of package health.
var Health = struct {
	Ready, Early, Shed, Age, Overdue, Failing *Signal
}{
	Ready:   ofHealth("health.ready", Count, Gauge, "1 while this instance says that it is ready, else 0."),
	Early:   ofHealth("health.request.early.count", Count, Counter, "Requests that came before the start was complete. Needs Admit."),
	Shed:    ofHealth("health.request.shed.count", Count, Counter, "Requests beyond what the ramp after the start lets in. Needs Admit."),
	Age:     ofHealth("health.component.age", Seconds, Gauge, "Age of what is known of the component: time since its last check ended.").by("component"),
	Overdue: ofHealth("health.component.overdue", Count, Gauge, "1 while what is known of the component is older than it may be, because its check hangs or is not run, else 0.").by("component"),
	Failing: ofHealth("health.component.failing", Count, Gauge, "1 while the last check of the component failed, else 0.").by("component"),
}

func ofHealth(name string, unit Unit, kind Kind, help string) *Signal {
	return Declare(Desc{Name: name, Unit: unit, Kind: kind, Help: help, Source: "health", Cost: 100 * time.Nanosecond})
}
