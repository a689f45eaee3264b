//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package kv

import (
	"errors"
	"os"
)

// tryLock refuses: without flock(2) two processes could open one directory.
func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
