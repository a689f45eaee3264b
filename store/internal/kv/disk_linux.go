package kv

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// diskSpace is what an unprivileged process may still write to a directory's file system, and the whole of it, in bytes.
func diskSpace(dir string) (free, total int64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, fmt.Errorf("asking for the room in %s: %w", dir, err)
	}
	return int64(s.Bavail) * s.Bsize, int64(s.Blocks) * s.Bsize, nil
}

// allocate takes blocks for a file without writing them.
func allocate(f *os.File, size int64) error { return syscall.Fallocate(int(f.Fd()), 0, 0, size) }

// Numbers of file systems in statfs(2), and names for the message.
var networkFileSystems = [...]struct {
	magic uint32
	name  string
}{
	{0x6969, "NFS"}, {0xff534d42, "CIFS"}, {0xfe534d42, "SMB2"}, {0x517b, "SMB"}, {0x5346414f, "AFS"},
	{0x00c36400, "Ceph"}, {0x01021997, "9P"},
}

// suitableFileSystem refuses those across a network: locks and shared maps of a file do not hold there.
func suitableFileSystem(dir string) error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return fmt.Errorf("asking for the file system of %s: %w", dir, err)
	}
	for _, network := range networkFileSystems {
		if uint32(s.Type) == network.magic {
			return fmt.Errorf("%s lies on %s, where a database file is not safe from two writers or a lost connection; choose a local disk",
				dir, network.name)
		}
	}
	return nil
}

// noSpace reports whether a write failed for want of room, quota or permitted size.
func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// noAddressSpace reports whether a map was refused for its size.
func noAddressSpace(err error) bool {
	return errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EAGAIN)
}

// readAhead asks for all of a map at once: what is read in the order of keys lies in no order on the disk. It is a
// hint, so errors do not matter.
func readAhead(b []byte) { _ = syscall.Madvise(b, syscall.MADV_WILLNEED) }
