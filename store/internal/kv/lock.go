package kv

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// LockName is the file in a data directory whose lock is the directory's. It stays when the lock is given back: removing
// it would let two processes lock two files of one name.
const LockName = "LOCK"

// LockDir takes a data directory for this process until release. Held by another process it is an [ErrInUse] with that
// one's number. The system gives the lock back when a process ends, however it ends.
func LockDir(path string) (release func() error, err error) {
	name := filepath.Join(path, LockName)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	ok, err := tryLock(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), f.Close())
	}
	if !ok {
		f.Close()
		return nil, ErrInUse{Path: path, PID: holder(name)}
	}
	// The number is for the message alone, so it need not be durable.
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	}
	if err != nil && !noSpace(err) {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), f.Close())
	}
	return f.Close, nil
}

// Holder is the error of another process that holds a data directory, nil where none does. Unlike LockDir it makes no file, changes none, and
// asks nobody to wait: a process that locks at the same moment may be refused for that moment.
func Holder(path string) error {
	name := filepath.Join(path, LockName)
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at the lock of %s: %w", path, err)
	}
	ok, err := tryLock(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("looking at the lock of %s: %w", path, err)
	}
	if !ok {
		return ErrInUse{Path: path, PID: holder(name)}
	}
	return nil
}

// holder is the number of the process in a lock file, 0 where there is none.
func holder(name string) int {
	text, err := os.ReadFile(name)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		return 0
	}
	return pid
}
