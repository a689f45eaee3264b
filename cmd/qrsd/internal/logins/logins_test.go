package logins

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLogins(t *testing.T) {
	f := Open(filepath.Join(t.TempDir(), "qrsd"))
	if _, err := f.Find(""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before the first: %v", err)
	}
	b, a := Login{Server: "https://b.example.com", APIKey: "qrs_b", Fingerprint: "00"}, Login{Server: "https://a.example.com", APIKey: "qrs_a", Roots: "PEM"}
	for _, l := range []Login{b, a, b} {
		if err := f.Keep(l); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(f.Path()); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	all, present, err := f.All()
	if err != nil || len(all) != 2 || all[0] != a || all[1] != b || present != b.Server {
		t.Errorf("%v, %s, %v", all, present, err)
	}
	if got, err := f.Find(""); err != nil || got != b {
		t.Errorf("the present one: %v, %v", got, err)
	}
	if got, err := f.Find(a.Server); err != nil || got != a {
		t.Errorf("the other: %v, %v", got, err)
	}
	if out, err := f.Remove(""); err != nil || out != b {
		t.Errorf("removed %v, %v", out, err)
	}
	if got, err := f.Find(""); err != nil || got != a {
		t.Errorf("the last one is the present one: %v, %v", got, err)
	}
	if _, err := f.Remove(b.Server); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed twice: %v", err)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", a, a, a, a); strings.Contains(text, "qrs_a") {
		t.Errorf("the key is printed: %s", text)
	}
}

// TestGolden: what earlier versions kept can be read.
func TestGolden(t *testing.T) {
	f := Open(t.TempDir())
	const golden = `{
  "format": 1,
  "present": "https://localhost:8443",
  "logins": [
    {
      "server": "https://localhost:8443",
      "api_key": "qrs_0123",
      "roots": "-----BEGIN CERTIFICATE-----\n"
    }
  ]
}
`
	if err := os.WriteFile(f.Path(), []byte(golden), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := f.Find("")
	if err != nil || l.APIKey != "qrs_0123" || l.Roots == "" {
		t.Fatalf("%v, %v", l, err)
	}
	if err := f.Keep(l); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(f.Path()); err != nil || string(text) != golden {
		t.Errorf("%s, %v", text, err)
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		mode fs.FileMode
		want string
	}{
		"others may read": {`{"format":1}`, 0o640, "chmod 600"},
		"no JSON":         {`key`, 0o600, "sign in again"},
		"later version":   {`{"format":2}`, 0o600, "its format is 2"},
	} {
		t.Run(name, func(t *testing.T) {
			f := Open(t.TempDir())
			if err := os.WriteFile(f.Path(), []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(f.Path(), c.mode); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Find(""); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if err := f.Keep(Login{Server: "https://a.example.com"}); err == nil {
				t.Error("it was overwritten")
			}
		})
	}
}
