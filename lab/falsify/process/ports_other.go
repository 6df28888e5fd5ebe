//go:build !linux

package process

import "errors"

// listening cannot be told without /proc.
func listening(int) ([]string, error) { return nil, errors.ErrUnsupported }
