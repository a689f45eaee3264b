package ui

import (
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func page(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

// TestDist holds what is committed to what the server promises of it: every file that the page names is there, and neither page nor
// style has anything that the policy forbids or that lies elsewhere.
func TestDist(t *testing.T) {
	s, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	shell := string(s.Shell())
	named := regexp.MustCompile(`(?:src|href)="`+AssetRoot+`([0-9a-f]+)/([^"]+)"`).FindAllStringSubmatch(shell, -1)
	if len(named) < 3 {
		t.Errorf("the page names %d files; it needs script, style and mark: %s", len(named), shell)
	}
	for _, n := range named {
		if _, found := s.Asset(n[1], n[2]); !found {
			t.Errorf("the page names %s/%s, which is not there", n[1], n[2])
		}
	}
	for _, forbidden := range []string{"<style", " style=", "http://", "https://", "./assets", "javascript:"} {
		if strings.Contains(shell, forbidden) {
			t.Errorf("the page has %q in it", forbidden)
		}
	}
	for name, asset := range s.assets {
		if strings.HasSuffix(name, ".css") && regexp.MustCompile(`url\((?:"|')?(?:data:|https?:|//)`).Match(asset.Data) {
			t.Errorf("%s refers to what the policy does not let it load", name)
		}
	}
	if _, found := s.Asset("000000000000", "index.js"); found {
		t.Error("a file of another build is given out")
	}
}

func TestBuildNamesEveryByte(t *testing.T) {
	files := func() fstest.MapFS {
		return fstest.MapFS{"dist/index.html": page(`<script src="./assets/a.js">`), "dist/assets/a.js": page("1"), "dist/assets/b.js": page("2")}
	}
	build := func(files fstest.MapFS) string {
		s, err := read(files)
		if err != nil {
			t.Fatal(err)
		}
		return s.Build()
	}
	first := build(files())
	for what, change := range map[string]func(fstest.MapFS){
		"a byte of a file": func(f fstest.MapFS) { f["dist/assets/b.js"] = page("3") },
		"a name":           func(f fstest.MapFS) { f["dist/assets/c.js"] = f["dist/assets/b.js"]; delete(f, "dist/assets/b.js") },
		"the page":         func(f fstest.MapFS) { f["dist/index.html"] = page("x") },
		"where a file ends": func(f fstest.MapFS) {
			f["dist/assets/a.js"], f["dist/assets/b.js"] = page("12"), page("")
		},
	} {
		changed := files()
		change(changed)
		if build(changed) == first {
			t.Errorf("%s changed, the build's name did not", what)
		}
	}
	if build(files()) != first {
		t.Error("the same files have two names")
	}
}

func TestUnknownFiles(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"no page":         {"dist/assets/a.js": page("1")},
		"a type unknown":  {"dist/index.html": page(""), "dist/assets/a.exe": page("1")},
		"twice":           {"dist/index.html": page(""), "dist/assets/a.js": page("1"), "dist/a.js": page("1")},
		"a folder of its": {"dist/index.html": page(""), "dist/more/a.js": page("1")},
	} {
		if _, err := read(files); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
