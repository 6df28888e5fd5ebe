//go:build !unix

package threadleak

import "errors"

type block struct{}

func newBlock() (*block, error) {
	return nil, errors.New("this system has no pipe that blocks a thread")
}

func (*block) wait()    {}
func (*block) free(int) {}
func (*block) close()   {}
