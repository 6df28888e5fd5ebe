package arena

import "testing"

// What is taken is zero, apart from all else, and cannot grow into what comes after it.
func TestTake(t *testing.T) {
	var p Pool[int]
	a, b, c := p.Take(3), p.Take(2), p.Take(1)
	for i := range a {
		a[i] = 1 + i
	}
	if _, _ = append(a, 9), append(b, 9); b[0] != 0 || c[0] != 0 {
		t.Errorf("an append to one slice has written into the next: %v, %v", b, c)
	}
	b[0] = 7
	p.Recycle()
	if c := p.Take(5); c[0] != 0 || c[3] != 0 || len(c) != 5 {
		t.Errorf("after Recycle: %v, want zeros", c)
	}
}

// A run that needs as much as the one before takes no new memory, however large its slices are.
func TestTakeAgain(t *testing.T) {
	var p Pool[byte]
	run := func() {
		p.Recycle()
		p.Take(10)
		p.Take(blockSize)     // does not fit into the rest of the first block
		p.Take(3 * blockSize) // nor into any
		p.Take(blockSize - 10)
	}
	run()
	if n := testing.AllocsPerRun(10, run); n != 0 {
		t.Errorf("%v allocations for a run like the one before, want none", n)
	}
}

// A slice never reaches over the end of a block, and a block that is too small is passed over.
func TestTakeWhole(t *testing.T) {
	var p Pool[int]
	first := p.Take(blockSize - 1)
	second := p.Take(2)
	second[0], second[1] = 1, 2
	if first[blockSize-2] != 0 {
		t.Error("the second slice lies in the first")
	}
	p.Recycle()
	if again := p.Take(2); &again[0] != &first[0] {
		t.Error("the first block is not used again")
	}
}

func TestEmptied(t *testing.T) {
	m := map[int]bool{1: true}
	if e := Emptied(m); len(e) != 0 || len(m) != 0 {
		t.Errorf("%v of %v, want the same map, empty", e, m)
	}
	Emptied[int, bool](nil)[1] = true // can be written
	large := make(map[int]bool)
	for i := range maxKept + 1 {
		large[i] = true
	}
	if e := Emptied(large); len(e) != 0 || len(large) == 0 {
		t.Error("a map that is too large has to be replaced, not emptied")
	}
}
