package admission

import "github.com/falsifiable/stability/signals"

// Source returns a source of the signals of controllers, told apart by the label {admission}. It allocates nothing.
func Source(controllers ...*Controller) signals.Source {
	s := &source{}
	for _, c := range controllers {
		l := labeled{controller: c, labels: signals.NewLabels("admission", c.config.Name)}
		for p := range priorities {
			l.admitted[p] = signals.NewLabels("admission", c.config.Name, "priority", p.String())
			for r := range reasons {
				l.shed[p][r] = signals.NewLabels("admission", c.config.Name, "priority", p.String(), "reason", r.String())
			}
		}
		s.controllers = append(s.controllers, l)
	}
	return s
}

type source struct{ controllers []labeled }

type labeled struct {
	controller *Controller
	labels     signals.Labels
	admitted   [priorities]signals.Labels
	shed       [priorities][reasons]signals.Labels
}

func (s *source) Describe() []*signals.Signal { return signals.Group(signals.Admission) }

func (s *source) Sample(dst *signals.Batch) {
	of := &signals.Admission
	for i := range s.controllers {
		l := &s.controllers[i]
		c := l.controller
		state := c.state.Load()
		dst.AddInstance(of.UnderWay, l.labels, float64(uint32(state)))
		dst.AddInstance(of.Waiting, l.labels, float64(state>>32))
		dst.AddInstance(of.Limit, l.labels, float64(c.limiter.Limit()))
		for p := range priorities {
			dst.AddInstance(of.Admitted, l.admitted[p], float64(c.memory.admitted[p].Load()))
			for r := range reasons {
				dst.AddInstance(of.Shed, l.shed[p][r], float64(c.shed[p][r].Load()))
			}
		}
	}
}
