// Package bundle collects what an operator may hand to support: what it takes to find a fault of the appliance, and nothing by which a
// person, a tenant or a secret can be known.
//
// The rule is that what is not known to be harmless is withheld. Fields of the configuration are shown as their class says (config.go);
// members of log lines as theirs (log.go), and of free text the words alone that stand in the program's own messages (words.go);
// of the records in the store there is nothing (records.txt lists their fields, and why). A field without a class is withheld, and a
// test fails. The operator looks at every file, leaves out what it likes, and what is packed is what was looked at, to the byte.
//
// A packed bundle is a tar.gz in an age file, with a manifest of digests that the appliance signs. It dials nobody: handing it over is
// the operator's.
//
// Begin with Collect, then Bundle.Pack; Open is support's side.
package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// MaxSize bounds the files of a bundle together, in bytes.
const MaxSize = 20 << 20

// File is one file of a bundle.
type File struct {
	Name     string // without folders
	About    string // what is in it, for whoever looks
	Text     []byte // as it is packed
	Withheld int    // places where something was taken out
}

// SHA256 is the digest of the file's text, in hexadecimal.
func (f File) SHA256() string {
	sum := sha256.Sum256(f.Text)
	return hex.EncodeToString(sum[:])
}

// Bundle is what was collected.
type Bundle struct {
	Version   string // of the program
	Collected time.Time
	Files     []File
	LeftOut   []string // names of files that the operator left out
}

// ErrNoFile says that a bundle has no file of that name.
var ErrNoFile = errors.New("the bundle has no such file")

// File finds a file by its name, or ErrNoFile.
func (b Bundle) File(name string) (File, error) {
	i := slices.IndexFunc(b.Files, func(f File) bool { return f.Name == name })
	if i < 0 {
		return File{}, fmt.Errorf("%.64q: %w; it has %s", name, ErrNoFile, strings.Join(b.names(), ", "))
	}
	return b.Files[i], nil
}

func (b Bundle) names() (all []string) {
	for _, f := range b.Files {
		all = append(all, f.Name)
	}
	return all
}

// Without is the bundle without the files named; ErrNoFile where there is none of a name.
func (b Bundle) Without(names []string) (Bundle, error) {
	out := b
	out.Files, out.LeftOut = slices.Clone(b.Files), slices.Clone(b.LeftOut)
	for _, name := range names {
		if _, err := b.File(name); err != nil {
			return Bundle{}, err
		}
		out.Files = slices.DeleteFunc(out.Files, func(f File) bool { return f.Name == name })
		if !slices.Contains(out.LeftOut, name) {
			out.LeftOut = append(out.LeftOut, name)
		}
	}
	return out, nil
}

// size is that of all files together.
func (b Bundle) size() (all int) {
	for _, f := range b.Files {
		all += len(f.Text)
	}
	return all
}
