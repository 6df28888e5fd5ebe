// Package swallow looks whether it recovered something, and tells nobody or somebody.
package swallow

import (
	"errors"
	"log"
	"strconv"
)

func zero(s string) (n int, name string, err error) {
	defer func() {
		if r := recover(); r != nil { // want `throws the panic away`
			n = 0
			name, err = "", nil
		}
	}()
	n, err = strconv.Atoi(s)
	return n, s, err
}

func returns(f func()) {
	defer func() {
		if recover() != nil { // want `throws the panic away`
			return
		}
	}()
	f()
}

func before(f func()) {
	defer func() {
		r := recover() // want `throws the panic away`
		if r != nil {
			return
		}
	}()
	f()
}

func early(f, done func()) {
	defer func() {
		if recover() != nil {
			return // done is not called
		}
		done()
	}()
	f()
}

func nobody(f func()) (n int) {
	defer func() {
		if r := recover(); r == nil {
			n = 0
		}
	}()
	f()
	return 1
}

func tells(f func()) (ok bool, v *int, n int, err error) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	defer func() {
		if recover() != nil {
			v = nil
		}
	}()
	defer func() {
		if recover() != nil {
			n = -1
		}
	}()
	defer func() {
		if recover() != nil {
			err = errors.New("panic")
		}
	}()
	defer func() {
		if r := recover(); r != nil {
			n = 0
			log.Print(r)
		}
	}()
	defer func() {
		if r := recover(); r != nil {
			n = 0
			panic(r)
		}
	}()
	defer func() {
		if r := recover(); r != nil {
			n = 0
		} else {
			n = 1
		}
	}()
	defer func() {
		r := recover()
		log.Print(r)
		if r != nil {
			return
		}
	}()
	f()
	return true, new(int), 1, nil
}

var panics int

func counts(f func()) {
	defer func() {
		if recover() != nil {
			panics++
		}
	}()
	f()
}
