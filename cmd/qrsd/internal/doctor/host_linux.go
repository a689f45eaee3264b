package doctor

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// ThisHost is the machine that this process runs on.
func ThisHost() Host {
	return Host{
		Files: os.DirFS("/"), Space: space, CommitTime: commitTime, Device: device, Synchronised: synchronised, OpenFiles: openFiles,
		Cores: func() int { return runtime.GOMAXPROCS(0) }, Free: free, Owner: owner, Self: os.Getuid,
	}
}

func space(folder string) (free, total, inodes int64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0, 0, 0, err
	}
	inodes = -1
	if s.Files > 0 {
		inodes = int64(s.Ffree) //nolint:gosec // no file system has 2^63 of them
	}
	return int64(s.Bavail) * s.Bsize, int64(s.Blocks) * s.Bsize, inodes, nil //nolint:gosec // bytes of a disk
}

func device(path string, node bool) (major, minor uint32, err error) {
	var s syscall.Stat_t
	if err := syscall.Stat(path, &s); err != nil {
		return 0, 0, err
	}
	n := s.Dev
	if node {
		n = s.Rdev
	}
	// gnu_dev_major(3) and gnu_dev_minor(3)
	return uint32(n>>8)&0xfff | uint32(n>>32)&^0xfff, uint32(n)&0xff | uint32(n>>12)&^0xff, nil //nolint:gosec // parts of the number
}

// Of adjtimex(2): nothing keeps the clock in step.
const (
	staUnsync = 0x0040
	timeError = 5
)

func synchronised() (yes, known bool) {
	var t syscall.Timex // no modes: it only reads
	state, err := syscall.Adjtimex(&t)
	return err == nil && state != timeError && t.Status&staUnsync == 0, err == nil
}

func openFiles() uint64 {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0
	}
	return l.Cur
}

func owner(info fs.FileInfo) int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return -1
}

// free listens for a moment. A connection that arrives in it is closed unanswered.
func free(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}

// commitTime measures in a file without a name.
func commitTime(folder string, span time.Duration) (median time.Duration, err error) {
	f, err := os.CreateTemp(folder, ".doctor-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := os.Remove(f.Name()); err != nil {
		return 0, err
	}
	page := make([]byte, 4096)
	var all []time.Duration
	for begun := time.Now(); len(all) == 0 || time.Since(begun) < span && len(all) < 64; {
		before := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil { //nolint:gosec // a descriptor
			return 0, err
		}
		all = append(all, time.Since(before))
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}
