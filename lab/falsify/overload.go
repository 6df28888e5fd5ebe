package falsify

import (
	"fmt"

	"github.com/falsifiable/stability/lab/falsify/load"
	"github.com/falsifiable/stability/lab/falsify/report"
)

const (
	// bearable is the share of requests that a service answers whose load it bears.
	bearable = 0.95
	// flat is how many times as long answers may take at the end as at the beginning, once that is longer by more than
	// slack seconds: a service that gets more than it can answers ever later.
	flat  = 2
	slack = 0.1
	// mostPending is the share of the requests that may still wait for an answer when the load has gone on for a while.
	mostPending = 0.5
)

// unbearable says in what a load was too much for the service, "" if it was not. A few requests tell nothing.
func unbearable(met report.Load) string {
	switch {
	case met.Sent > 0 && met.Answered == 0:
		return fmt.Sprintf("of %d requests none was answered below 500", met.Sent)
	case met.Sent < leastSent:
		return ""
	case float64(met.Answered) < bearable*float64(met.Sent):
		return fmt.Sprintf("of %d requests %d were answered below 500", met.Sent, met.Answered)
	case met.Late > flat*met.Early && met.Late-met.Early > slack:
		return fmt.Sprintf("answers took %.3g s at first and %.3g s at last, counted from when they were due", met.Early, met.Late)
	}
	return ""
}

// loadOf is a summary as the report has it.
func loadOf(met load.Summary) report.Load {
	return report.Load{
		Sent: met.Sent, Answered: met.Answered, Statuses: met.Statuses, P50: met.P50, P99: met.P99, Max: met.Max, Early: met.Early, Late: met.Late, Error: met.Error,
	}
}
