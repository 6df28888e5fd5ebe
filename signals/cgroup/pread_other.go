//go:build !unix

package cgroup

import "errors"

// pread reads nothing: there are no cgroups here.
func pread(int, []byte) (int, error) { return 0, errors.ErrUnsupported }
