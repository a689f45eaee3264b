// Package ui holds the web terminal: its TypeScript source, and in dist what `make ui` built of it, which is committed so that a
// build of the program needs no npm.
package ui

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed all:dist
var dist embed.FS

// AssetRoot is the path below which the terminal's files are served: AssetRoot + build + "/" + name.
const AssetRoot = "/assets/"

// Asset is a file of the terminal.
type Asset struct {
	Type string // of media
	Data []byte // not to be changed
}

// Site is the terminal as it is served. It is safe for many goroutines.
type Site struct {
	build  string
	shell  []byte
	assets map[string]Asset // by name, as in index.js
}

var mediaTypes = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
}

// Open reads what is embedded. An error is a fault of this build.
func Open() (*Site, error) { return read(dist) }

// read names the build by a digest over all names and bytes, so that a file's path changes whenever any file does: chunks refer to one
// another by relative paths.
func read(files fs.FS) (*Site, error) {
	s := &Site{assets: map[string]Asset{}}
	sum := sha256.New()
	err := fs.WalkDir(files, "dist", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%d %s %d ", len(name), name, len(data))
		sum.Write(data)
		return s.add(strings.TrimPrefix(name, "dist/"), data)
	})
	if err != nil {
		return nil, fmt.Errorf("read the terminal's files: %w", err)
	}
	if s.shell == nil {
		return nil, errors.New("read the terminal's files: there is no index.html; `make ui` builds it")
	}
	s.build = hex.EncodeToString(sum.Sum(nil)[:6])
	shell := string(s.shell)
	for _, old := range []string{"./assets/", "./mark.svg"} {
		shell = strings.ReplaceAll(shell, `"`+old, `"`+AssetRoot+s.build+"/"+strings.TrimPrefix(strings.TrimPrefix(old, "./"), "assets/"))
	}
	s.shell = []byte(shell)
	return s, nil
}

func (s *Site) add(name string, data []byte) error {
	if name == "index.html" {
		s.shell = data
		return nil
	}
	media, known := mediaTypes[path.Ext(name)]
	name = strings.TrimPrefix(name, "assets/")
	switch _, twice := s.assets[name]; {
	case !known:
		return fmt.Errorf("%s is of no known type", name)
	case twice || strings.Contains(name, "/"):
		return fmt.Errorf("%s is there twice, or in a folder", name)
	}
	s.assets[name] = Asset{media, data}
	return nil
}

// Build names these files: it changes with any of them.
func (s *Site) Build() string { return s.build }

// Shell is the page that loads the terminal. It holds nothing of anybody's.
func (s *Site) Shell() []byte { return s.shell }

// Asset finds a file by its name. Files of other builds are not there.
func (s *Site) Asset(build, name string) (Asset, bool) {
	if build != s.build {
		return Asset{}, false
	}
	asset, found := s.assets[name]
	return asset, found
}
