package lockset

import (
	"slices"

	"golang.org/x/tools/go/ssa"
)

// oneGoroutine tells whether a is a read by the only goroutine that writes: it takes the lock when it writes, for others who
// read, and needs none for what it reads itself.
func (p *collector) oneGoroutine(a access, all []access) bool {
	if a.write {
		return false
	}
	root := p.onlyRoot(a.fn)
	if root == nil {
		return false
	}
	for _, w := range all {
		if w.write && p.onlyRoot(w.fn) != root {
			return false
		}
	}
	return true
}

// onlyRoot returns the function that a go statement starts, in one place and not in a loop, and which all callers of f come
// from; nil if there are others.
func (p *collector) onlyRoot(f *ssa.Function) *ssa.Function {
	var root *ssa.Function
	seen := make(map[*ssa.Function]bool)
	var climb func(f *ssa.Function, depth int) bool
	climb = func(f *ssa.Function, depth int) bool {
		if seen[f] {
			return true
		}
		seen[f] = true
		sites := p.calls[f]
		if depth == 0 || len(sites) == 0 || exported(f) {
			return false
		}
		if slices.ContainsFunc(sites, func(s callSite) bool { return s.how == alone }) {
			if len(sites) != 1 || sites[0].call == nil || reaches(sites[0].call.Block(), sites[0].call.Block()) || root != nil && root != f {
				return false
			}
			root = f
			return true
		}
		for _, s := range sites {
			if s.how != direct || !climb(s.fn, depth-1) {
				return false
			}
		}
		return true
	}
	if !climb(f, 6) {
		return nil
	}
	return root
}

// startedByWriter tells whether a is a read in a function that runs on goroutines of its own only, and each function that writes
// starts one after it has written, as each that starts one has written before: the go statement orders the two. That nobody
// starts another while an old one lives is their affair: as a rule they wait for that one.
func (p *collector) startedByWriter(a access, all []access) bool {
	sites := p.calls[a.fn]
	if a.write || len(sites) == 0 || exported(a.fn) {
		return false
	}
	ordered := func(w access, s callSite) bool {
		return w.write && w.fn == s.fn && mayPrecede(w.in, s.call, nil) && !mayPrecede(s.call, w.in, nil)
	}
	for _, s := range sites {
		if _, started := s.call.(*ssa.Go); !started || !slices.ContainsFunc(all, func(w access) bool { return ordered(w, s) }) {
			return false
		}
	}
	return !slices.ContainsFunc(all, func(w access) bool {
		return w.write && !slices.ContainsFunc(sites, func(s callSite) bool { return ordered(w, s) })
	})
}
