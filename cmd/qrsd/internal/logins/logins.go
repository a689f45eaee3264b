// Package logins keeps which appliances this user's commands work with: address, API key, and which certificate to trust.
//
// It holds one file of mode 0600. It opens no connection, and knows nothing of what a key may do.
//
// Begin with Open.
package logins

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/durablefile"
)

// format of the file. One of a later version is refused, so that an older program does not take away what it does not know.
const format = 1

// Login is one appliance.
type Login struct {
	Server      string `json:"server"`                // as in https://qrsd.example.com:8443
	APIKey      Key    `json:"api_key"`               // whole, as in qrs_...
	Roots       string `json:"roots,omitempty"`       // authorities to trust, PEM; "": those of the host
	Fingerprint string `json:"fingerprint,omitempty"` // SHA-256 of the one certificate to trust, hexadecimal; "": Roots decide
}

// Key is an API key. What prints a login does not show it; only the file has it.
type Key string

// String hides the key.
func (Key) String() string { return "(an API key)" }

// GoString hides the key.
func (Key) GoString() string { return "(an API key)" }

// File is where they are kept.
type File struct{ path string }

// kept is the content of the file.
type kept struct {
	Format  int     `json:"format"`
	Present string  `json:"present,omitempty"` // server of the login that is used where none is named
	Logins  []Login `json:"logins"`            // in the order of their servers
}

// Open names the file in a folder, which is made when something is kept.
func Open(folder string) File { return File{filepath.Join(folder, "logins.json")} }

// Path is where the file is.
func (f File) Path() string { return f.path }

// All are the logins in the order of their servers, and the server of the one that is used where none is named. No file: none.
func (f File) All() (all []Login, present string, err error) {
	k, err := f.read()
	return k.Logins, k.Present, err
}

// Find is the login of a server; "" is the present one. fs.ErrNotExist: there is none.
func (f File) Find(server string) (Login, error) {
	k, err := f.read()
	if err != nil {
		return Login{}, err
	}
	if server == "" {
		server = k.Present
	}
	for _, l := range k.Logins {
		if l.Server == server {
			return l, nil
		}
	}
	return Login{}, fmt.Errorf("a login of %q in %s: %w", server, f.path, fs.ErrNotExist)
}

// Keep puts a login in, in the place of another of the same server, and makes it the present one.
func (f File) Keep(l Login) error {
	k, err := f.read()
	if err != nil {
		return err
	}
	k.Logins = slices.DeleteFunc(k.Logins, func(old Login) bool { return old.Server == l.Server })
	k.Logins, k.Present = append(k.Logins, l), l.Server
	return f.write(k)
}

// Remove takes the login of a server out; "" is the present one. It returns what it took out. fs.ErrNotExist: there was none.
func (f File) Remove(server string) (Login, error) {
	out, err := f.Find(server)
	if err != nil {
		return out, err
	}
	k, err := f.read()
	if err != nil {
		return out, err
	}
	k.Logins = slices.DeleteFunc(k.Logins, func(l Login) bool { return l.Server == out.Server })
	switch {
	case k.Present != out.Server:
	case len(k.Logins) == 1:
		k.Present = k.Logins[0].Server
	default:
		k.Present = ""
	}
	return out, f.write(k)
}

// read refuses a file that others can read or change: whoever can has the keys in it.
func (f File) read() (k kept, err error) {
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return k, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return k, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return k, fmt.Errorf("the mode of %s is %04o, so that others can read or change it: chmod 600 %[1]s", f.path, mode)
	}
	d := json.NewDecoder(file)
	if err := d.Decode(&k); err != nil {
		return k, fmt.Errorf("%s: %w; remove it and sign in again", f.path, err)
	}
	if k.Format != format {
		return k, fmt.Errorf("%s: its format is %d, and this program knows %d; use the program that wrote it, or remove it and sign in again", f.path, k.Format, format)
	}
	return k, nil
}

func (f File) write(k kept) error {
	k.Format = format
	slices.SortFunc(k.Logins, func(a, b Login) int { return bytes.Compare([]byte(a.Server), []byte(b.Server)) })
	text, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	return durablefile.Write(f.path, append(text, '\n'), 0o600)
}
