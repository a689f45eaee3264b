package sbom

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/packaging/licenses"
)

const lock = `{"name": "pages", "lockfileVersion": 3, "packages": {
	"": {"name": "pages", "license": "Apache-2.0"},
	"node_modules/react": {"version": "19.3.1", "resolved": "https://registry.example/react.tgz", "license": "MIT",
		"integrity": "sha512-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="},
	"node_modules/@fontsource/plex": {"version": "5.3.0", "dev": true, "license": "OFL-1.1",
		"integrity": "sha512-AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="},
	"node_modules/vite": {"version": "8.3.8", "dev": true, "license": "MIT",
		"integrity": "sha512-AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="},
	"node_modules/vite/node_modules/react": {"version": "18.0.0", "dev": true, "license": "MIT",
		"integrity": "sha512-AwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="}}}`

const mit = "Permission is hereby granted, free of charge, to any person obtaining a copy. The above copyright notice and this permission notice shall be included. Copyright somebody"

// pages is a folder of pages.
func pages(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"package-lock.json": lock, "src/main.tsx": "import { useState } from 'react'\n", "src/main.test.tsx": "import 'vite'", "src/style.css": `@import url("@fontsource/plex/latin.css");`,
		"node_modules/react/LICENSE": mit, "node_modules/@fontsource/plex/LICENSE": "SIL OPEN FONT LICENSE Version 1.1",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestPages: shipped is what is needed at run time, and what a source imports though it is needed for development alone.
func TestPages(t *testing.T) {
	got, err := Pages(pages(t))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range got {
		lines = append(lines, c.Name+" "+c.Version+map[bool]string{true: " shipped"}[c.Shipped]+" "+c.License.Expression()+" "+c.SHA512[:2])
	}
	want := []string{"@fontsource/plex 5.3.0 shipped OFL-1.1 01", "react 18.0.0 MIT 03", "react 19.3.1 shipped MIT 00", "vite 8.3.8 MIT 02"}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if none, err := Pages(t.TempDir()); none != nil || err != nil {
		t.Errorf("without pages: %v, %v", none, err)
	}
}

// TestPagesRefuses what is no lock file of version 3 with digests.
func TestPagesRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"other version": `{"lockfileVersion": 1}`, "no JSON": `{`, "weak digest": strings.Replace(lock, "sha512-AA", "sha1-AA", 1), "no digest": strings.Replace(lock, `"integrity"`, `"other"`, 1),
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "package-lock.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Pages(dir); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestPrograms: the modules are those that the linker wrote into the program, here this test.
func TestPrograms(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Programs("../..", self, self)
	if err != nil {
		t.Fatal(err)
	}
	info, _ := debug.ReadBuildInfo()
	if len(got) != len(info.Deps)+1 {
		t.Errorf("%d components for %d modules and the standard library", len(got), len(info.Deps))
	}
	i := slices.IndexFunc(got, func(c Component) bool { return c.Name == "std" })
	if i < 0 || got[i].License.Expression() != "BSD-3-Clause" || strings.HasPrefix(got[i].Version, "go") {
		t.Errorf("the standard library: %+v", got)
	}
	if _, err := Programs("../..", filepath.Join("..", "README.md")); err == nil {
		t.Error("a text is taken for a program")
	}
}

// TestCycloneDX: references are unique, dependencies lead to components, shipped and built-with are told apart, and nothing says where
// packages came from.
func TestCycloneDX(t *testing.T) {
	components, err := Pages(pages(t))
	if err != nil {
		t.Fatal(err)
	}
	components = append(components, Component{Kind: "golang", Name: "example.com/two", Version: "v1.0.0+incompatible", Sum: "h1:x", Shipped: true, License: licenses.License{IDs: []string{"BSD-3-Clause", "MIT"}}})
	p := Product{Name: "qrsd", Version: "1.2.3", Commit: strings.Repeat("a", 40), Time: time.Unix(1700000000, 0), Files: []File{{"/usr/bin/qrsd", strings.Repeat("b", 64)}}}
	var first, second bytes.Buffer
	if err := WriteCycloneDX(&first, p, components); err != nil {
		t.Fatal(err)
	}
	if err := WriteCycloneDX(&second, p, components); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Errorf("the same bill has other bytes: %v", err)
	}
	var d document
	if err := json.Unmarshal(first.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	refs := map[string]string{"qrsd": ""}
	for _, c := range d.Components {
		if _, twice := refs[c.Ref]; twice {
			t.Errorf("%s is there twice", c.Ref)
		}
		refs[c.Ref] = c.Scope
	}
	for ref, scope := range map[string]string{"pkg:npm/%40fontsource/plex@5.3.0": "required", "pkg:npm/vite@8.3.8": "excluded", "pkg:golang/example.com/two@v1.0.0%2Bincompatible": "required"} {
		if refs[ref] != scope {
			t.Errorf("%s: scope %q, want %q", ref, refs[ref], scope)
		}
	}
	for _, dep := range d.Dependencies {
		for _, ref := range append(dep.DependsOn, dep.Ref) {
			if _, ok := refs[ref]; !ok {
				t.Errorf("a dependency on %s, which is no component", ref)
			}
		}
	}
	if len(d.Dependencies[0].DependsOn) != 3 || d.SpecVersion != "1.6" || !strings.HasPrefix(d.Serial, "urn:uuid:") || d.Metadata.Timestamp != "2023-11-14T22:13:20Z" {
		t.Errorf("%+v", d)
	}
	if strings.Contains(first.String(), "registry.example") {
		t.Error("the bill says where packages came from")
	}
}

// TestNotices: each text once, with all that it is about; what has no text, or a license that is not allowed, is refused.
func TestNotices(t *testing.T) {
	text := licenses.License{IDs: []string{"MIT"}, Texts: []licenses.Text{{Name: "LICENSE", Words: mit + "\r\n"}}}
	var b bytes.Buffer
	err := WriteNotices(&b, []Component{{Name: "one", Version: "1", Shipped: true, License: text}, {Name: "two", Version: "2", Shipped: true, License: text}, {Name: "tool", Version: "3"}})
	if got := b.String(); err != nil || strings.Count(got, "Copyright somebody") != 1 || !strings.Contains(got, "one 1\ntwo 2\n") || strings.Contains(got, "tool") {
		t.Errorf("%v: %s", err, got)
	}
	for name, l := range map[string]licenses.License{"no text": {IDs: []string{"MIT"}}, "refused": {IDs: []string{"GPL"}, Texts: text.Texts}, "unknown": {Texts: text.Texts}} {
		if err := WriteNotices(&b, []Component{{Name: "one", Shipped: true, License: l}}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
