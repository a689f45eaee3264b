//go:build unix

package durablefile

import (
	"os"
	"syscall"
)

// LockFile waits until nobody else has locked the file; closing it gives the lock back.
func LockFile(file *os.File) error { return syscall.Flock(int(file.Fd()), syscall.LOCK_EX) }
