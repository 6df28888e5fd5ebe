package waits

import (
	"errors"
	"io"
)

var (
	errDown  = errors.New("down") // nobody writes it again: never nil
	errUnset error
	errLater = errors.New("later")
)

func start(up bool, why error, c chan int, q chan chan int) error {
	if !up {
		return why
	}
	q <- c
	return nil
}

func sentinel(up bool, q chan chan int) (int, error) {
	c := make(chan int)
	if err := start(up, errDown, c, q); err != nil {
		return 0, err
	}
	return <-c, nil
}

// another package's error is never nil either.
func foreignSentinel(up bool, q chan chan int) (int, error) {
	c := make(chan int)
	if err := start(up, io.EOF, c, q); err != nil {
		return 0, err
	}
	return <-c, nil
}

func unset(up bool, q chan chan int) (int, error) {
	c := make(chan int)
	if err := start(up, errUnset, c, q); err != nil {
		return 0, err
	}
	return <-c, nil // want `receive from the channel blocks forever`
}

func clearLater() { errLater = nil }

func cleared(up bool, q chan chan int) (int, error) {
	c := make(chan int)
	if err := start(up, errLater, c, q); err != nil {
		return 0, err
	}
	return <-c, nil // want `receive from the channel blocks forever`
}
