//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package kv

import (
	"os"
	"syscall"
)

// mapFile shows the first size bytes of a file as they are, without reading them first.
func mapFile(f *os.File, size int64) (b []byte, unmap func() error, err error) {
	b, err = syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	readAhead(b)
	return b, func() error { return syscall.Munmap(b) }, nil
}
