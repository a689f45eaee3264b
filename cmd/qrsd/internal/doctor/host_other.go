//go:build !linux

package doctor

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"runtime"
	"time"
)

// errNotHere is what this system does not say in a way that is known here.
var errNotHere = errors.New("it is known of Linux only")

// ThisHost is the machine that this process runs on. Much of it is known on Linux only.
func ThisHost() Host {
	return Host{
		Files:        os.DirFS("/"),
		Space:        func(string) (int64, int64, int64, error) { return 0, 0, 0, errNotHere },
		CommitTime:   func(string, time.Duration) (time.Duration, error) { return 0, errNotHere },
		Device:       func(string, bool) (uint32, uint32, error) { return 0, 0, errNotHere },
		Synchronised: func() (bool, bool) { return false, false },
		OpenFiles:    func() uint64 { return 0 },
		Cores:        func() int { return runtime.GOMAXPROCS(0) },
		Free: func(address string) error {
			l, err := net.Listen("tcp", address)
			if err != nil {
				return err
			}
			return l.Close()
		},
		Owner: func(fs.FileInfo) int { return -1 },
		Self:  os.Getuid,
	}
}
