package licenses

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	mit  = "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a\ncopy ... The above copyright notice and this\npermission notice shall be included in all copies"
	bsd  = "Redistribution and use in source and binary forms, with or without\nmodification, are permitted provided that"
	gpl3 = "GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007"
)

// TestRecognise: layout and marks do not matter, a file with two licenses is under both, and what is not known is not guessed.
func TestRecognise(t *testing.T) {
	for name, c := range map[string]struct{ words, want string }{
		"MIT":              {mit, "MIT"},
		"other layout":     {strings.ToUpper(strings.ReplaceAll(mit, "\n", "\n// ")), "MIT"},
		"two":              {mit + "\n" + bsd + "; neither the name ... may be used to endorse or promote products", "BSD-3-Clause MIT"},
		"BSD of two":       {bsd, "BSD-2-Clause"},
		"BSD of four":      {bsd + " All advertising materials mentioning features", "BSD-4-Clause"},
		"GPL":              {gpl3, "GPL"},
		"MIT without half": {mit[:60], ""},
		"own words":        {"You may use this if you are nice.", ""},
	} {
		if got := strings.Join(Recognise(c.words), " "); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// TestOf: licenses and notices of a folder's root are found, and a folder without, or with words that nobody knows, is a fault.
func TestOf(t *testing.T) {
	write := func(files map[string]string) string {
		dir := t.TempDir()
		for name, words := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(words), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	got, err := Of(write(map[string]string{"LICENSE.md": mit, "NOTICE": "Copyright of somebody", "license_test.go": gpl3, "README": gpl3}))
	if err != nil || got.Expression() != "MIT" || len(got.Texts) != 2 || got.Texts[1].Words != "Copyright of somebody" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, files := range []map[string]string{{"README": mit}, {"LICENSE": "You may use this if you are nice."}} {
		if _, err := Of(write(files)); !errors.Is(err, ErrUnknown) {
			t.Errorf("%v: %v", files, err)
		}
	}
}

// TestRefused: one of alternatives is enough, of several that hold together all are wanted.
func TestRefused(t *testing.T) {
	for id, want := range map[string]int{"MIT": 0, "GPL": 1, "": 1, "(MIT OR GPL-3.0)": 0, "MIT AND GPL-3.0": 1, "(MIT AND CC-BY-4.0)": 0, "GPL-2.0 OR (AGPL-3.0 AND MIT)": 1} {
		if got := Refused([]string{id}); len(got) != want {
			t.Errorf("%q: refused %v", id, got)
		}
	}
}

// TestDependencies: every module that the product or its tests are built from is under a license that is allowed.
func TestDependencies(t *testing.T) {
	for _, name := range []string{"../../go.mod", "../../go.sum"} { // what this test depends on, for the cache of test results
		if _, err := os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-test", "-tags", "pkcs11", "-f", `{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}`, "./...")
	list.Dir = "../.."
	list.Env = append(os.Environ(), "GOFLAGS=-mod=readonly")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(lines)
	lines = slices.Compact(lines)
	if len(lines) < 50 {
		t.Fatalf("%d modules: does this list the product?", len(lines))
	}
	for _, line := range lines {
		module, dir, _ := strings.Cut(line, " ")
		l, err := Of(dir)
		if err != nil {
			t.Errorf("%s: %v", module, err)
		}
		if refused := Refused(l.IDs); len(refused) > 0 {
			t.Errorf("%s is under %v, which is not among the licenses that packaging/licenses allows", module, refused)
		}
	}
}
