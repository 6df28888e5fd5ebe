package concur

import (
	"go/types"

	"golang.org/x/tools/go/ssa"
)

const errgroupPath = "golang.org/x/sync/errgroup"

// group is what an errgroup.Group is beyond a WaitGroup, which counts its goroutines.
type group struct {
	err   Value   // the first error
	ctx   *ctxVal // of WithContext: it ends with the first error, and with Wait
	limit int64   // of SetLimit; -1 for none
	// doubt: a goroutine ended well as far as the model can say. Serve and its like always return an error: so what waits
	// for the context of such a group is not taken for stuck.
	doubt bool
}

// errgroupModels returns the models of golang.org/x/sync/errgroup, whose code is another package's and so not looked into.
func errgroupModels() map[string]model {
	return map[string]model{
		errgroupPath + ".WithContext":            groupWithContextModel,
		"(*" + errgroupPath + ".Group).Go":       groupGoModel,
		"(*" + errgroupPath + ".Group).TryGo":    groupTryGoModel,
		"(*" + errgroupPath + ".Group).Wait":     groupWaitModel,
		"(*" + errgroupPath + ".Group).SetLimit": groupLimitModel,
	}
}

func groupWithContextModel(c *call) {
	cv := c.m.newCtx(c.args[0])
	cell := new(Value)
	*cell = &Sync{kind: "Group", group: &group{ctx: cv, limit: -1}}
	c.result(tuple{cell, iface{ctxType, cv}})
}

// groupAt returns the group that p points to, or nil.
func (m *machine) groupAt(p Value) *Sync {
	s := m.syncAt(p)
	if s != nil && s.group == nil {
		s.group = &group{limit: -1}
	}
	return s
}

func groupGoModel(c *call) {
	s := c.m.groupAt(c.args[0])
	if s == nil {
		c.m.opaque(c, nil)
		return
	}
	if s.group.limit < 0 {
		c.startIn(s)
		c.result(nil)
		return
	}
	c.visible(&op{kind: opJoin, s: s, name: "Go", cond: func() bool { return s.count < s.group.limit },
		do: func() Value { c.startIn(s); return nil }})
}

func groupTryGoModel(c *call) {
	s := c.m.groupAt(c.args[0])
	if s == nil {
		c.m.opaque(c, nil)
		return
	}
	c.visible(&op{kind: opStep, do: func() Value {
		if s.group.limit >= 0 && s.count >= s.group.limit {
			return false
		}
		c.startIn(s)
		return true
	}})
}

// startIn starts the function that the call is about as a goroutine of the group.
func (c *call) startIn(s *Sync) {
	s.count++
	c.m.spawn(c.args[1], nil, c.pos).counts = s
}

func groupWaitModel(c *call) {
	s := c.m.groupAt(c.args[0])
	if s == nil {
		c.m.opaque(c, nil)
		return
	}
	m, done := c.m, c.done
	c.done = func(Value) {
		if s.group.ctx != nil {
			m.endCtx(s.group.ctx)
		}
		err := s.group.err
		if s.open && err == nil { // others may have put work into it
			err = m.newUnknown(types.Universe.Lookup("error").Type())
		}
		if done != nil {
			done(err)
		}
	}
	c.visible(&op{kind: opWait, s: s, name: "Wait"})
}

// groupLimitModel takes a limit that nobody knows for one that is never reached: the program will have chosen it well.
func groupLimitModel(c *call) {
	if s := c.m.groupAt(c.args[0]); s != nil {
		s.group.limit = -1
		if n, ok := c.args[1].(int64); ok {
			s.group.limit = max(n, -1)
		}
	}
	c.result(nil)
}

// ended counts the end of g for the WaitGroup or the errgroup that it belongs to.
func (m *machine) ended(g *G, s *Sync) {
	s.count--
	if s.group == nil || g.result == nil {
		return
	}
	if u, ok := g.result.(*unknown); ok {
		if !u.nilSet {
			u.nilSet, u.isNil = true, m.choose(2) == 0
		}
		if u.isNil {
			s.group.doubt = true
			return
		}
	}
	if s.group.err != nil {
		return
	}
	s.group.err = g.result
	if s.group.ctx != nil {
		m.endCtx(s.group.ctx)
	}
}

// isGroupGo tells whether a call starts a goroutine in an errgroup.
func isGroupGo(f *ssa.Function) bool {
	switch modelName(f) {
	case "(*" + errgroupPath + ".Group).Go", "(*" + errgroupPath + ".Group).TryGo":
		return true
	}
	return false
}
