package machine

// Script is where the choices of a run come from, and which ones were made.
type Script struct {
	First []uint8 // the choices to take first; after them the usual ones, which are 0
	// Random, if set, makes one choice in randomOne random after First.
	Random *Random
	Taken  []uint8 // the choices that were made
	Widths []uint8 // how many ways there were at each
}

const (
	// randomOne: with one choice in three random, a run still makes progress most of the time, and two runs rarely agree.
	randomOne = 3
	// maxTaken bounds the choices that are remembered. The search departs from the first hundred or so.
	maxTaken = 4000
	maxWidth = 255 // of a choice: it is kept in a byte
)

func (s *Script) choose(n int) int {
	if n <= 1 {
		return 0
	}
	n = min(n, maxWidth)
	k := 0
	switch i := len(s.Taken); {
	case i < len(s.First):
		k = int(s.First[i])
	case s.Random != nil && s.Random.Intn(randomOne) == 0:
		k = s.Random.Intn(n)
	}
	if k >= n {
		k = 0
	}
	if len(s.Taken) < maxTaken {
		s.Taken = append(s.Taken, uint8(k))
		s.Widths = append(s.Widths, uint8(n))
	}
	return k
}

// Random is Marsaglia's xorshift generator: small, and the same everywhere, so that findings are.
type Random uint64

// Intn returns a number below n.
func (r *Random) Intn(n int) int {
	x := uint64(*r)
	x ^= x << 13
	x ^= x >> 7
	x ^= x << 17
	*r = Random(x)
	return int((x >> 11) % uint64(n))
}
