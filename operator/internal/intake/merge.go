package intake

import (
	"slices"
	"strconv"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MaxViolating is how many violating pods a contract's status lists. Many more than any budget lets act upon.
const MaxViolating = 64

// Merge puts a report into a status. It reports whether that changed anything: a report that comes again does not, nor one that was
// overtaken by a later one.
func Merge(s *v1alpha1.StabilityContractStatus, r Report, now time.Time) bool {
	at := slices.IndexFunc(s.Violating, func(v v1alpha1.PodViolation) bool { return v.Pod == r.Pod && v.Check == r.Check })
	since := metav1.NewTime(r.Since.Truncate(time.Second))
	if at >= 0 && s.Violating[at].UID == r.UID {
		old := s.Violating[at]
		again := old.Since.Equal(&since) && r.Strike <= int(old.Strike) && !r.Recovered && r.Source == old.Source
		if since.Before(&old.Since) || again && (r.Source != "alertmanager" || now.Sub(old.Reported.Time) < time.Second) {
			return false
		}
	}
	if r.Recovered {
		if at < 0 || s.Violating[at].UID != r.UID {
			return false
		}
		s.Violating = slices.Delete(s.Violating, at, at+1)
		s.Reports++
		return true
	}
	text := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	v := v1alpha1.PodViolation{Pod: r.Pod, UID: r.UID, Check: r.Check, Strike: int32(r.Strike), Value: text(r.Value), Threshold: text(r.Threshold),
		Since: since, Reported: metav1.NewTime(now.Truncate(time.Second)), Proven: r.Proven, Evidence: r.Evidence, Source: r.Source}
	switch {
	case at >= 0:
		if s.Violating[at].UID == r.UID {
			v.Decision = s.Violating[at].Decision
		}
		s.Violating[at] = v
	case len(s.Violating) < MaxViolating:
		s.Violating = append(s.Violating, v)
	}
	s.Reports++
	return true
}
