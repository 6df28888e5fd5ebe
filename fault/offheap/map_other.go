//go:build !unix

package offheap

import "errors"

const supported = false

func mapChunk(int) ([]byte, error) { return nil, errors.ErrUnsupported }
func unmap([]byte) error           { return errors.ErrUnsupported }
