package cgroup

import (
	"bytes"
	"fmt"
	"math"
)

// How often files are read, in ticks. Usage is read in each; the kernel's long memory.stat every fourth while less than
// three quarters of the limit are used, else in each.
const (
	seldom = 4
	rarely = 8
)

// unlimited is the least number by which version 1 says that there is no limit; it is about 2⁶³, rounded to a page.
const unlimited = 1 << 60

// limitFile is a file with a limit.
type limitFile struct {
	file  file
	value float64 // +Inf for none
}

func openLimit(path string) limitFile {
	return limitFile{openFile(path, rarely), math.Inf(1)}
}

func (l *limitFile) read(tick uint, buf []byte) {
	if !l.file.due(tick) {
		return
	}
	b := l.file.read(buf)
	if b == nil {
		return
	}
	v, ok := number(b)
	if !ok {
		l.file.err = fmt.Errorf("%q is no limit", bytes.TrimSpace(b[:min(len(b), 40)]))
		return
	}
	if v >= unlimited {
		v = math.Inf(1)
	}
	l.value = v
}

// smallest judges the limits of a hierarchy, in the order of its folders.
type smallest struct {
	present bool
	value   float64
	path    string
	failed  *file
}

func newSmallest(present bool) smallest { return smallest{present: present, value: math.Inf(1)} }

// add takes the limit that f holds for the folder dir.
func (s *smallest) add(f *file, value float64, dir string) {
	switch {
	case f.missing(): // a root, or the controller is not delegated so far down
		return
	case f.err != nil:
		s.failed = f
	}
	s.present = true
	if value < s.value {
		s.value, s.path = value, dir
	}
}

// limit returns the verdict. Something unreadable outweighs a limit that was read, for it could be smaller.
func (s *smallest) limit(host float64) Limit {
	switch {
	case s.failed != nil:
		return Limit{State: Unreadable, Value: math.NaN(), Path: s.failed.path, Err: s.failed.err}
	case !s.present:
		return Limit{State: Missing, Value: math.NaN()}
	case math.IsInf(s.value, 1):
		return Limit{State: Unlimited, Value: math.NaN()}
	case s.value >= host:
		return Limit{AboveHost, s.value, s.path, nil}
	default:
		return Limit{Limited, s.value, s.path, nil}
	}
}

// memoryLevel is one folder of the memory hierarchy.
type memoryLevel struct {
	dir             string
	max, high, swap limitFile
	usage, stat     file
	used            float64
	keys            keys
	statRead        bool
}

const (
	statActiveFile = iota
	statInactiveFile
	statAnon
	statFile
	statSlab      // swap in version 1, which tells it there
	statHierarchy // version 1: the least limit of all ancestors
)

// reclaimable is what the kernel gives back before it kills; 0 before memory.stat has been read.
func (l *memoryLevel) reclaimable(unified bool) float64 {
	sum := known(l.keys.values[statActiveFile]) + known(l.keys.values[statInactiveFile])
	if unified {
		sum += known(l.keys.values[statSlab])
	}
	return sum
}

func known(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

type memory struct {
	present      bool
	unified      bool
	levels       []memoryLevel
	events, swap file
	eventKeys    keys
	swapped      float64
}

func openMemory(h hierarchy) memory {
	m := memory{present: h.has("memory"), unified: h.unified, swapped: math.NaN()}
	for _, dir := range h.dirs {
		if h.unified {
			m.levels = append(m.levels, memoryLevel{
				dir: dir, max: openLimit(dir + "/memory.max"), high: openLimit(dir + "/memory.high"), swap: openLimit(dir + "/memory.swap.max"),
				usage: openFile(dir+"/memory.current", 1), stat: openFile(dir+"/memory.stat", seldom), used: math.NaN(),
				keys: keyed("active_file", "inactive_file", "anon", "file", "slab_reclaimable"),
			})
			continue
		}
		m.levels = append(m.levels, memoryLevel{
			dir: dir, max: openLimit(dir + "/memory.limit_in_bytes"),
			usage: openFile(dir+"/memory.usage_in_bytes", 1), stat: openFile(dir+"/memory.stat", seldom), used: math.NaN(),
			keys: keyed("total_active_file", "total_inactive_file", "total_rss", "total_cache", "total_swap", "hierarchical_memory_limit"),
		})
	}
	for len(m.levels) > 1 && m.levels[0].usage.missing() && m.levels[0].max.file.missing() { // not delegated so far down: an ancestor accounts for the process
		m.levels = m.levels[1:]
	}
	if len(m.levels) == 0 {
		return m
	}
	own := m.levels[0].dir
	if h.unified {
		m.events, m.eventKeys = openFile(own+"/memory.events", 2), keyed("high", "max", "oom", "oom_kill")
		m.swap = openFile(own+"/memory.swap.current", rarely)
	} else {
		m.events, m.eventKeys = openFile(own+"/memory.oom_control", seldom), keyed("oom_kill")
		m.swap = openFile(own+"/memory.failcnt", seldom)
	}
	return m
}

func (m *memory) close() {
	for i := range m.levels {
		l := &m.levels[i]
		for _, f := range []*file{&l.max.file, &l.high.file, &l.swap.file, &l.usage, &l.stat} {
			f.close()
		}
	}
	m.events.close()
	m.swap.close()
}

func (m *memory) read(tick uint, buf []byte, host float64, dst *Memory) {
	*dst = Memory{Headroom: math.NaN(), Usage: math.NaN(), Anon: math.NaN(), File: math.NaN(), Reclaimable: math.NaN(), Swap: math.NaN(), ActiveFile: math.NaN(),
		EventsHigh: math.NaN(), EventsMax: math.NaN(), EventsOOM: math.NaN(), EventsOOMKill: math.NaN()}
	maximum, high, swap := newSmallest(m.present), newSmallest(m.present && m.unified), newSmallest(m.present && m.unified)
	blind := false // of a limit's use
	for i := range m.levels {
		l := &m.levels[i]
		l.max.read(tick, buf)
		l.high.read(tick, buf)
		l.swap.read(tick, buf)
		value := l.max.value
		if i == 0 || value < host {
			l.measure(tick, buf, value)
		}
		if i == 0 && !m.unified && l.keys.values[statHierarchy] < unlimited { // knows ancestors that the mount hides
			value = min(value, l.keys.values[5])
		}
		maximum.add(&l.max.file, value, l.dir)
		if m.unified {
			high.add(&l.high.file, l.high.value, l.dir)
			swap.add(&l.swap.file, l.swap.value, l.dir)
		}
		if value < host {
			room := l.room(value, m.unified)
			blind = blind || math.IsNaN(room)
			if !(room > dst.Headroom) {
				dst.Headroom = room
			}
		}
	}
	dst.Limit, dst.High, dst.SwapLimit = maximum.limit(host), high.limit(host), swap.limit(math.Inf(1))
	if dst.Limit.State != Limited || blind {
		dst.Headroom = math.NaN()
	}
	if len(m.levels) > 0 {
		m.readOwn(tick, buf, dst)
	}
}

// measure reads what the level uses. Near the limit it is exact, for then it matters.
func (l *memoryLevel) measure(tick uint, buf []byte, limit float64) {
	if b := l.usage.read(buf); b != nil {
		l.used, _ = number(b)
	} else {
		l.used = math.NaN()
	}
	if l.stat.open != nil && (!l.statRead || l.stat.due(tick) || l.used > 0.75*limit) {
		l.keys.scan(l.stat.read(buf))
		l.statRead = true
	}
}

// room is what can be allocated below the level's limit.
func (l *memoryLevel) room(limit float64, unified bool) float64 {
	return max(limit-max(l.used-l.reclaimable(unified), 0), 0)
}

// readOwn reads what is told of the process's own cgroup only.
func (m *memory) readOwn(tick uint, buf []byte, dst *Memory) {
	own := &m.levels[0]
	dst.Usage, dst.Anon, dst.File = own.used, own.keys.values[statAnon], own.keys.values[statFile]
	dst.ActiveFile = own.keys.values[statActiveFile]
	if !math.IsNaN(dst.File) {
		dst.Reclaimable = own.reclaimable(m.unified)
	}
	if m.events.due(tick) {
		m.eventKeys.scan(m.events.read(buf))
	}
	if m.swap.due(tick) {
		m.swapped, _ = number(m.swap.read(buf))
	}
	e := m.eventKeys.values
	if m.unified {
		dst.EventsHigh, dst.EventsMax, dst.EventsOOM, dst.EventsOOMKill, dst.Swap = e[0], e[1], e[2], e[3], m.swapped
		return
	}
	dst.EventsMax, dst.EventsOOMKill, dst.Swap = m.swapped, e[0], own.keys.values[statSlab]
}

// cpuLevel is one folder of the cpu hierarchy.
type cpuLevel struct {
	dir           string
	quota, period limitFile // period is version 1's; version 2 has both in one file
	stat          file
	keys          keys
	limit         float64 // in CPUs
}

type cpu struct {
	present bool
	unified bool
	levels  []cpuLevel
}

func openCPU(h hierarchy) cpu {
	c := cpu{present: h.has("cpu"), unified: h.unified}
	for _, dir := range h.dirs {
		l := cpuLevel{dir: dir, stat: openFile(dir+"/cpu.stat", 1), limit: math.Inf(1)}
		if h.unified {
			l.quota, l.keys = openLimit(dir+"/cpu.max"), keyed("nr_periods", "nr_throttled", "throttled_usec")
		} else {
			l.quota, l.period = openLimit(dir+"/cpu.cfs_quota_us"), openLimit(dir+"/cpu.cfs_period_us")
			l.keys = keyed("nr_periods", "nr_throttled", "throttled_time")
		}
		c.levels = append(c.levels, l)
	}
	return c
}

func (c *cpu) close() {
	for i := range c.levels {
		c.levels[i].quota.file.close()
		c.levels[i].period.file.close()
		c.levels[i].stat.close()
	}
}

func (c *cpu) read(tick uint, buf []byte, host float64, dst *CPU) {
	least, tightest := newSmallest(c.present), 0
	for i := range c.levels {
		l := &c.levels[i]
		if l.quota.file.due(tick) {
			l.readQuota(buf, c.unified)
		}
		if l.limit < least.value {
			tightest = i
		}
		least.add(&l.quota.file, l.limit, l.dir)
	}
	*dst = CPU{Limit: least.limit(host), Periods: math.NaN(), Throttled: math.NaN(), ThrottledTime: math.NaN()}
	if dst.Limit.State != Limited && dst.Limit.State != AboveHost {
		return
	}
	l := &c.levels[tightest]
	l.keys.scan(l.stat.read(buf))
	dst.Periods, dst.Throttled, dst.ThrottledTime = l.keys.values[0], l.keys.values[1], l.keys.values[2]/1e9
	if c.unified {
		dst.ThrottledTime = l.keys.values[2] / 1e6
	}
}

// readQuota reads a quota and its period: "max 100000" or "150000 100000" in one file of version 2, -1 for no quota in two
// of version 1.
func (l *cpuLevel) readQuota(buf []byte, unified bool) {
	b := l.quota.file.read(buf)
	if b == nil {
		return
	}
	if len(b) > 1 && b[0] == '-' {
		l.limit = math.Inf(1)
		return
	}
	quota, ok := number(b)
	period := math.NaN()
	if unified {
		if i := bytes.IndexByte(b, ' '); i >= 0 {
			period, _ = number(b[i+1:])
		}
	} else if b := l.period.file.read(buf[64:]); b != nil {
		period, _ = number(b)
	}
	if !ok || !(period > 0) {
		l.quota.file.err = fmt.Errorf("%q is no quota", bytes.TrimSpace(b[:min(len(b), 40)]))
		return
	}
	l.limit = quota / period
}

// pidsLevel is one folder of the pids hierarchy.
type pidsLevel struct {
	dir   string
	max   limitFile
	count file
}

type pids struct {
	present bool
	levels  []pidsLevel
}

func openPids(h hierarchy) pids {
	p := pids{present: h.has("pids")}
	for _, dir := range h.dirs {
		p.levels = append(p.levels, pidsLevel{dir, openLimit(dir + "/pids.max"), openFile(dir+"/pids.current", seldom)})
	}
	return p
}

func (p *pids) close() {
	for i := range p.levels {
		p.levels[i].max.file.close()
		p.levels[i].count.close()
	}
}

// read takes the limit that is nearest to its end, which need not be the smallest: an ancestor counts more processes.
func (p *pids) read(tick uint, buf []byte, dst *Pids) {
	if tick%seldom != 0 {
		return
	}
	*dst = Pids{Count: math.NaN()}
	nearest, all := newSmallest(p.present), newSmallest(p.present)
	left := math.Inf(1)
	for i := range p.levels {
		l := &p.levels[i]
		l.max.read(tick, buf)
		all.add(&l.max.file, l.max.value, l.dir)
		if math.IsInf(l.max.value, 1) && i > 0 {
			continue
		}
		count, ok := number(l.count.read(buf))
		if room := l.max.value - count; ok && (room < left || i == 0) {
			left, dst.Count = room, count
			nearest = newSmallest(true)
			nearest.add(&l.max.file, l.max.value, l.dir)
		}
	}
	dst.Limit = all.limit(math.Inf(1))
	if dst.Limit.State == Limited && nearest.present {
		dst.Limit = nearest.limit(math.Inf(1))
	}
}

// pressure is a file of pressure stall information.
type pressure struct {
	file       file
	some, full float64
}

// openPressure opens the process's own in the unified hierarchy: version 1 has none.
func openPressure(h hierarchy, name string) pressure {
	p := pressure{some: math.NaN(), full: math.NaN()}
	if len(h.dirs) > 0 {
		p.file = openFile(h.dirs[0]+"/"+name, rarely)
	} else {
		p.file = file{every: 1}
	}
	return p
}

func (p *pressure) read(tick uint, buf []byte) {
	if p.file.due(tick) {
		b := p.file.read(buf)
		p.some, p.full = stalled(b, "some"), stalled(b, "full")
	}
}
