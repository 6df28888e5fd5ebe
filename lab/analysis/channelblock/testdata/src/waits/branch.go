package waits

import "errors"

// fetch has two branches that decide: the message tells them.
func fetch(get func() (string, error), slow bool) (string, error) {
	c := make(chan string)
	go func() {
		s, err := get()
		if err != nil {
			return
		}
		c <- s // want `send on c blocks forever on some path .*g0 finds slow, .*finds the error of get\(\) == nil at branch.go:10`
	}()
	if slow {
		return "", errors.New("slow")
	}
	return <-c, nil // want `receive from c blocks forever on some path .*g0 finds !slow, .*finds the error of get\(\) != nil`
}
