//go:build unix

package egressfile

import (
	"os"
	"syscall"
)

// lock waits until this process alone writes the file.
func lock(file *os.File) error { return syscall.Flock(int(file.Fd()), syscall.LOCK_EX) }
