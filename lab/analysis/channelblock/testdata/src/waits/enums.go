package waits

// verdict has three values; a switch with a case for each of them is left by none.
type verdict int

const (
	good verdict = iota
	bad
	unsure
)

func judgeAll(v verdict) int {
	done := make(chan int)
	switch v {
	case good:
		go func() { done <- 1 }()
	case bad:
		go func() { done <- 2 }()
	case unsure:
		close(done)
	}
	return <-done
}

// judgeSome forgets one.
func judgeSome(v verdict) int {
	done := make(chan int)
	switch v {
	case good:
		go func() { done <- 1 }()
	case bad:
		go func() { done <- 2 }()
	}
	return <-done // want `receive from done blocks forever`
}

// shade is one too, by name.
type shade string

const (
	light shade = "light"
	dark  shade = "dark"
)

func paint(s shade) int {
	done := make(chan int, 1)
	if s == light {
		done <- 1
	} else if s == dark {
		done <- 2
	}
	return <-done
}

// plain numbers have any value.
func paintBy(n int) int {
	done := make(chan int, 1)
	if n == 0 {
		done <- 1
	} else if n == 1 {
		done <- 2
	}
	return <-done // want `receive from the channel blocks forever`
}
