package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/web/client"
	"github.com/qrsrisk/qrsd/web/wire"
)

// TestSaved: a file is there whole and as it was promised, or not at all.
func TestSaved(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "gr_ept.csv")
	sum := sha256.Sum256([]byte("whole"))
	writes := func(text string, err error) func(io.Writer) error {
		return func(w io.Writer) error {
			_, failed := io.WriteString(w, text)
			return errors.Join(failed, err)
		}
	}
	cutOff := errors.New("cut off")
	if err := saved(path, hex.EncodeToString(sum[:]), writes("whole", cutOff)); !errors.Is(err, cutOff) {
		t.Errorf("cut off: %v", err)
	}
	var altered *damaged
	if err := saved(path, hex.EncodeToString(sum[:]), writes("other", nil)); !errors.As(err, &altered) || report(err, console{io.Discard, io.Discard}) != exitDiffer {
		t.Errorf("another content: %v", err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for _, digest := range []string{"", hex.EncodeToString(sum[:])} {
		if err := saved(path, digest, writes("whole", nil)); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "whole" {
			t.Errorf("%q, %v", text, err)
		}
	}
}

// TestSafeName: what an appliance calls a file leads nowhere but into the folder.
func TestSafeName(t *testing.T) {
	for _, name := range []string{"", ".", "..", "../x", "a/b", `a\b`, "/etc/passwd", ".profile", "c:x", "a/../../b"} {
		if got, err := safeName(name); err == nil {
			t.Errorf("%q was taken as %q", name, got)
		}
	}
	if got, err := safeName("gr_ept.csv"); err != nil || got != "gr_ept.csv" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestManifestLast: at no time does a manifest lie beside files that are not there yet.
func TestManifestLast(t *testing.T) {
	all := wire.RunTables{
		Tables: []wire.ResultTable{{Name: "gr_ept", Files: []wire.ResultFile{{Name: "gr_ept.csv"}, {Name: "gr_ept.parquet"}}}},
		Files:  []wire.ResultFile{{Name: "manifest.json"}, {Name: "build.json"}},
	}
	names := func(tables, formats []string) string {
		files, err := resultFiles(all, tables, formats)
		if err != nil {
			return err.Error()
		}
		var out []string
		for _, f := range files {
			out = append(out, f.Name)
		}
		return strings.Join(out, " ")
	}
	for _, c := range []struct {
		tables, formats []string
		want            string
	}{
		{nil, nil, "gr_ept.csv gr_ept.parquet build.json manifest.json"},
		{nil, []string{"csv"}, "gr_ept.csv build.json manifest.json"},
		{[]string{"gr_ept"}, []string{"parquet"}, "gr_ept.parquet"},
		{[]string{"gu_ept"}, nil, `table "gu_ept": there is none; they are gr_ept`},
	} {
		if got := names(c.tables, c.formats); got != c.want {
			t.Errorf("%v %v: %s, want %s", c.tables, c.formats, got, c.want)
		}
	}
}

// TestRemoteExits: what an appliance refuses has the exit codes of the same on this host.
func TestRemoteExits(t *testing.T) {
	problem := func(status int, kind string) error {
		return fmt.Errorf("asking: %w", &client.Problem{Problem: wire.Problem{Status: status, Type: "/docs/api#problem-" + kind, Title: kind}})
	}
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"not valid":         {problem(400, "invalid"), exitUsage},
		"no such key":       {problem(401, "sign-in-needed"), exitDenied},
		"not allowed":       {problem(403, "denied"), exitDenied},
		"no such thing":     {problem(404, "not-found"), exitNotFound},
		"erased":            {problem(410, "gone"), exitNotFound},
		"in conflict":       {problem(409, "conflict"), exitConflict},
		"changed meanwhile": {problem(412, "changed-meanwhile"), exitConflict},
		"quota":             {problem(429, "quota-exceeded"), exitConflict},
		"too many":          {problem(429, "too-many-requests"), exitError},
		"locked":            {problem(503, "locked"), exitDenied},
		"busy":              {problem(503, "busy"), exitError},
		"a proxy's page":    {&client.Problem{Problem: wire.Problem{Status: 502, Title: "not of a qrsd appliance"}}, exitError},
		"another host":      {fmt.Errorf("dial: %w", &outbound.WrongCertificate{Want: []byte{1}, Got: []byte{2}}), exitDiffer},
		"nobody there":      {errors.New("connection refused"), exitError},
	} {
		var said strings.Builder
		if got := report(c.err, console{io.Discard, &said}); got != c.want || !strings.HasPrefix(said.String(), "qrsd: ") {
			t.Errorf("%s: exit code %d, want %d: %s", name, got, c.want, said.String())
		}
	}
}

// TestServerURL: the scheme may be left out, and nothing but an address is one.
func TestServerURL(t *testing.T) {
	for text, want := range map[string]string{
		"qrsd.example.com": "https://qrsd.example.com", "QRSD.example.com:8443": "https://qrsd.example.com:8443", "https://localhost:8443/": "https://localhost:8443",
		"http://localhost": "", "https://localhost/api/v1": "", "https://me:secret@localhost": "", "https://": "", "https://localhost?x": "",
	} {
		if got, err := serverURL(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
}

// TestTheOne: a name that several have, and the beginning of an id that is too short, find none.
func TestTheOne(t *testing.T) {
	all := []wire.Portfolio{{ID: strings.Repeat("ab", 16), Name: "Book"}, {ID: "ac" + strings.Repeat("ab", 15), Name: "Book"}, {ID: strings.Repeat("cd", 16), Name: "abab"}}
	find := func(text string) (string, error) {
		return theOne("portfolio", text, func(yield func(wire.Portfolio, error) bool) {
			for _, p := range all {
				if !yield(p, nil) {
					return
				}
			}
		}, func(p wire.Portfolio) (string, string) { return p.ID, p.Name })
	}
	for text, want := range map[string]int{"acab": 1, "cdcd": 2, strings.Repeat("01", 16): -2, "Book": -1, "abab": -1, "cd": -1, "Bo": -1} {
		got, err := find(text)
		at := slices.IndexFunc(all, func(p wire.Portfolio) bool { return p.ID == got })
		switch {
		case want == -2: // an id is taken as it is: whether there is one, the appliance says
			if err != nil || got != text {
				t.Errorf("%s: %s, %v", text, got, err)
			}
		case at != want || (err == nil) != (want >= 0):
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
}
