package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// OwnerError says that a file of a store belongs to another user than this process runs as. Nothing was opened. Root could go on, and the
// files that it writes anew would be its own: the user whose store it is could not open them any more.
type OwnerError struct {
	Path        string
	Owner, Self int // user ids
}

func (e *OwnerError) Error() string {
	owner, self := nameOf(e.Owner), nameOf(e.Self)
	mend := fmt.Sprintf("Run it as that user (runuser --user %s -- qrsd ...)", owner)
	if e.Owner == 0 { // most likely a verb was run as root once
		mend = fmt.Sprintf("Where the store is that of %s, give it back (chown -R %s, the store's folder and its anchor); else run it as root", self, self)
	}
	return fmt.Sprintf("%s belongs to %s, and this runs as %s: what one of them writes is closed to the other. %s", e.Path, account(e.Owner), account(e.Self), mend)
}

// account is a user for people: "user 997 (qrsd)".
func account(id int) string {
	if name := nameOf(id); name != "#"+strconv.Itoa(id) {
		return fmt.Sprintf("user %d (%s)", id, name)
	}
	return fmt.Sprintf("user %d", id)
}

// nameOf is the name of a user, and "#" with the id of one that the host does not know.
func nameOf(id int) string {
	if u, err := user.LookupId(strconv.Itoa(id)); err == nil {
		return u.Username
	}
	return "#" + strconv.Itoa(id)
}

// CheckOwner is a *OwnerError where one of the files belongs to another user than this process runs as. Files that are not there, and hosts that do
// not say whose a file is, are no fault.
func CheckOwner(paths ...string) error {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			continue // whoever opens it says what is wrong
		}
		if of, self := ownerOf(info), os.Geteuid(); of >= 0 && of != self {
			return &OwnerError{Path: path, Owner: of, Self: self}
		}
	}
	return nil
}

// checkOwner looks at the files of a store that an open one writes anew.
func checkOwner(dir string) error {
	return CheckOwner(filepath.Join(dir, formatFile), filepath.Join(dir, keysFile), filepath.Join(dir, databaseFile))
}

// unreadable is an error of opening a file of the store, with what to do about it.
func unreadable(path string, err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: look at its disk and at the folders above it", err)
	}
	info, statErr := os.Stat(path)
	if statErr != nil || ownerOf(info) < 0 || ownerOf(info) == os.Geteuid() {
		return fmt.Errorf("%w: this runs as %s, who must be able to read and write it and to enter the folders above it", err, account(os.Geteuid()))
	}
	return fmt.Errorf("%w: it belongs to %s, and this runs as %s: give it to the user whose store it is (chown %s %s)",
		err, account(ownerOf(info)), account(os.Geteuid()), nameOf(os.Geteuid()), path)
}
