// Package sbom lists what a release is made of, as a CycloneDX document and as the notices that its licenses ask for.
//
// Modules of Go are read from the programs themselves, where the linker wrote them; packages of npm from the lock file of the pages. Neither is read from
// a list that people keep. Begin with Programs and Pages.
package sbom

import (
	"bytes"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/qrsrisk/qrsd/packaging/licenses"
)

// Component is something of others that is in the release, or that it is built with.
type Component struct {
	Kind    string // "golang" or "npm", as in a package URL
	Name    string
	Version string // as its kind writes it: v1.2.3 or 1.2.3
	Shipped bool   // a part of what is passed on; else only built with
	Sum     string // of go.sum, "h1:..."; "" for others
	SHA512  string // of the package, in hexadecimal; "" for others
	License licenses.License
}

// Programs lists the modules that are linked into programs, and the standard library, with their licenses. The sources of the modules must
// be at hand, as they are after a build in root, the folder of go.mod.
func Programs(root string, paths ...string) ([]Component, error) {
	var all []Component
	seen := map[string]bool{}
	goVersion := ""
	for _, path := range paths {
		info, err := buildinfo.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading what %s is built from: %w", path, err)
		}
		goVersion = info.GoVersion
		for _, m := range info.Deps {
			if m.Replace != nil {
				return nil, fmt.Errorf("%s: module %s is replaced by %s: a release is built from what go.mod requires", path, m.Path, m.Replace.Path)
			}
			if !seen[m.Path] {
				seen[m.Path] = true
				all = append(all, Component{Kind: "golang", Name: m.Path, Version: m.Version, Sum: m.Sum, Shipped: true})
			}
		}
	}
	if err := readLicenses(root, all); err != nil {
		return nil, err
	}
	standard, err := standardLibrary(goVersion)
	if err != nil {
		return nil, err
	}
	all = append(all, standard)
	slices.SortFunc(all, func(a, b Component) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// readLicenses finds the folders of modules and what they are under.
func readLicenses(root string, modules []Component) error {
	args := []string{"list", "-m", "-f", "{{.Path}} {{.Version}} {{.Dir}}"}
	for _, m := range modules {
		args = append(args, m.Name)
	}
	list := exec.Command("go", args...) //nolint:noctx // a local command that ends by itself
	list.Dir = root
	var faults bytes.Buffer
	list.Stderr = &faults
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("go list -m: %w: %s", err, faults.String())
	}
	folders := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 3 {
			folders[f[0]+" "+f[1]] = f[2]
		}
	}
	for i, m := range modules {
		dir, ok := folders[m.Name+" "+m.Version]
		if !ok {
			return fmt.Errorf("module %s %s is in the program but not at hand in %s: build it there first", m.Name, m.Version, root)
		}
		if modules[i].License, err = licenses.Of(dir); err != nil {
			return fmt.Errorf("module %s: %w", m.Name, err)
		}
	}
	return nil
}

func standardLibrary(version string) (Component, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output() //nolint:noctx // a local command that ends by itself
	if err != nil {
		return Component{}, fmt.Errorf("go env GOROOT: %w", err)
	}
	l, err := licenses.Of(strings.TrimSpace(string(out)))
	if err != nil {
		return Component{}, fmt.Errorf("the standard library: %w", err)
	}
	return Component{Kind: "golang", Name: "std", Version: strings.TrimPrefix(version, "go"), Shipped: true, License: l}, nil
}

// takenOver are packages of which files were copied into the sources of the pages, where no import shows it: fonts (web/ui/src/style/fonts)
// and boundaries (web/ui/src/map).
var takenOver = []string{"@fontsource-variable/ibm-plex-sans", "@fontsource/ibm-plex-mono", "us-atlas"}

// lockFile is the part of package-lock.json, version 3, that is read.
type lockFile struct {
	LockfileVersion int `json:"lockfileVersion"`
	Packages        map[string]struct {
		Version   string            `json:"version"`
		Integrity string            `json:"integrity"`
		License   string            `json:"license"`
		Dev       bool              `json:"dev"`
		Optional  bool              `json:"optional"`
		DevOpt    bool              `json:"devOptional"`
		Needs     map[string]string `json:"dependencies"`
	} `json:"packages"`
}

// Pages lists the packages of npm in the lock file of the folder of the pages, none where there is no such folder. Shipped are those that
// are no development dependency, and those of which a source of the pages imports or holds something. Texts of licenses are read where node_modules
// has them.
func Pages(folder string) ([]Component, error) {
	text, err := os.ReadFile(filepath.Join(folder, "package-lock.json"))
	if os.IsNotExist(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("reading the packages of the pages: %w", err)
	}
	var lock lockFile
	if err := json.Unmarshal(text, &lock); err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Join(folder, "package-lock.json"), err)
	}
	if lock.LockfileVersion != 3 {
		return nil, fmt.Errorf("%s is of version %d; write it with npm 7 or later (version 3)", filepath.Join(folder, "package-lock.json"), lock.LockfileVersion)
	}
	imported, err := importsOf(filepath.Join(folder, "src"))
	if err != nil {
		return nil, err
	}
	for _, name := range takenOver {
		imported[name] = true
	}
	var all []Component
	for place, p := range lock.Packages {
		if place == "" { // the pages themselves
			continue
		}
		name := place[strings.LastIndex(place, "node_modules/")+len("node_modules/"):]
		atTop := imported[name] && place == "node_modules/"+name // where an import of the pages finds it
		c := Component{Kind: "npm", Name: name, Version: p.Version, Shipped: !p.Dev && !p.Optional && !p.DevOpt || atTop}
		if p.Dev && atTop && len(p.Needs) > 0 {
			return nil, fmt.Errorf("the pages import %s, which brings %d packages of its own: list it under dependencies, not devDependencies", name, len(p.Needs))
		}
		if c.SHA512, err = sha512Of(p.Integrity); err != nil {
			return nil, fmt.Errorf("package %s %s: %w", name, p.Version, err)
		}
		if l, err := licenses.Of(filepath.Join(folder, filepath.FromSlash(place))); err == nil {
			c.License.Texts = l.Texts
		}
		c.License.IDs = []string{p.License}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Component) int { return strings.Compare(a.Name+" "+a.Version, b.Name+" "+b.Version) })
	return slices.CompactFunc(all, func(a, b Component) bool { return a.Name == b.Name && a.Version == b.Version }), nil
}

// sha512Of is the digest of an integrity "sha512-<base64>".
func sha512Of(integrity string) (string, error) {
	encoded, ok := strings.CutPrefix(integrity, "sha512-")
	sum, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(sum) != 64 {
		return "", fmt.Errorf("integrity %q: want sha512 and 64 bytes", integrity)
	}
	return hex.EncodeToString(sum), nil
}

var importing = regexp.MustCompile(`(?:\bfrom|\bimport|@import|\burl\()\s*\(?\s*['"]((?:@[\w.-]+/)?[\w-][\w.-]*)(?:/[^'"]*)?['"]`)

// importsOf are the packages that sources below a folder import.
func importsOf(folder string) (map[string]bool, error) {
	names := map[string]bool{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(d.Name(), ".test.") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range importing.FindAllSubmatch(text, -1) {
			names[string(m[1])] = true
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("looking for the packages that the pages import: %w", err)
	}
	return names, nil
}
