//go:build !linux

package kv

import (
	"errors"
	"os"
	"syscall"
)

var errNoDiskSpace = errors.New("the room on a file system is known on Linux only")

// diskSpace is unknown here: the guard stands aside.
func diskSpace(string) (free, total int64, err error) { return 0, 0, errNoDiskSpace }

func allocate(*os.File, int64) error { return errors.ErrUnsupported }

func suitableFileSystem(string) error { return nil }

func noSpace(err error) bool { return errors.Is(err, syscall.ENOSPC) }

func noAddressSpace(err error) bool {
	return errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EINVAL)
}

func readAhead([]byte) {}
