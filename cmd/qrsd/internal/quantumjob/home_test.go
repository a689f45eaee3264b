package quantumjob_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/quantumjob"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/braket/brakettest"
	"github.com/qrsrisk/qrsd/quantum/relay"
)

// TestHomeIsPrivate: after a whole life of a job nothing in the home can be read by others, and the secret is in no JSON.
func TestHomeIsPrivate(t *testing.T) {
	g := openGap(t, brakettest.Options{})
	k, file := g.export(t, braket.SV1)
	g.carry(t, file)
	secret, err := k.Secret.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*site{g.host, g.far} {
		files := 0
		err := filepath.WalkDir(s.home.Path(), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			if info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			if d.IsDir() {
				return nil
			}
			files++
			text, err := os.ReadFile(path)
			if err == nil && !strings.HasSuffix(path, ".secret") && strings.Contains(string(text), string(secret[1:33])) {
				t.Errorf("%s holds the secret's seed", path)
			}
			return err
		})
		if err != nil || files < 4 {
			t.Fatalf("%d files, %v", files, err)
		}
	}
}

// TestKeysStay: a key is made once; one that others can read, or that is not one, is refused.
func TestKeysStay(t *testing.T) {
	path := t.TempDir()
	home, err := quantumjob.OpenHome(path)
	if err != nil {
		t.Fatal(err)
	}
	first, err := home.HostKey()
	if err != nil {
		t.Fatal(err)
	}
	again, err := home.HostKey()
	if err != nil || again.Public().String() != first.Public().String() {
		t.Fatalf("%v, %v, %v", first.Public(), again.Public(), err)
	}
	relayKey, err := home.RelayKey()
	if err != nil || relayKey.Public().String() == first.Public().String() {
		t.Fatalf("host and relay have one key, %v", err)
	}
	file := filepath.Join(path, "host.key")
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := home.HostKey(); err == nil || !strings.Contains(err.Error(), "mode 0640 lets others read it; set it to 0600") {
		t.Fatalf("got %v", err)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := home.HostKey(); err == nil || !strings.Contains(err.Error(), "no PEM file") {
		t.Fatalf("got %v", err)
	}
}

// TestPinned: trust is kept by side.
func TestPinned(t *testing.T) {
	home, err := quantumjob.OpenHome(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	key, err := relay.NewKey(random(5))
	if err != nil {
		t.Fatal(err)
	}
	if err := home.Pin(quantumjob.Relays, relay.Peer{Name: "harbour", Key: key.Public()}, false); err != nil {
		t.Fatal(err)
	}
	trust, err := home.Trusted(quantumjob.Relays)
	if name, known := trust.Name(key.Public()); err != nil || !known || name != "harbour" {
		t.Fatalf("%v, %v", trust, err)
	}
	second, err := relay.NewKey(random(6))
	if err != nil {
		t.Fatal(err)
	}
	other := relay.Peer{Name: "harbour", Key: second.Public()}
	var taken *quantumjob.KnownNameError
	if err := home.Pin(quantumjob.Relays, other, false); !errors.As(err, &taken) || !strings.Contains(err.Error(), key.Public().Fingerprint()) {
		t.Fatalf("a second key under one name: %v", err)
	}
	if err := home.Pin(quantumjob.Relays, other, true); err != nil {
		t.Fatal(err)
	}
	if trust, err = home.Trusted(quantumjob.Relays); err != nil || len(trust) != 1 || trust[0].Key.String() != second.Public().String() {
		t.Fatalf("after replacing: %v, %v", trust, err)
	}
	if hosts, err := home.Trusted(quantumjob.Hosts); err != nil || len(hosts) != 0 {
		t.Fatalf("a relay is trusted as host: %v, %v", hosts, err)
	}
}

// TestChangedKeeping: a job whose kept files do not fit one another is named, not guessed at.
func TestChangedKeeping(t *testing.T) {
	s := open(t, brakettest.Options{})
	k := s.prepare(t, braket.SV1, "gross-aep/exceedance/5")
	path := filepath.Join(s.home.Path(), "jobs", k.ID)
	if err := os.WriteFile(path+".secret", []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find(t.Context(), k.ID); err == nil || !strings.Contains(err.Error(), "was cut or changed") || !strings.Contains(err.Error(), k.ID) {
		t.Fatalf("got %v", err)
	}
}

// TestFirstCommandsAtOnce: of commands that all are the first, each has the one key.
func TestFirstCommandsAtOnce(t *testing.T) {
	path := t.TempDir()
	keys := make(chan string, 16)
	for range cap(keys) {
		go func() {
			home, err := quantumjob.OpenHome(path)
			if err != nil {
				keys <- err.Error()
				return
			}
			key, err := home.HostKey()
			if err != nil {
				keys <- err.Error()
				return
			}
			tokens, err := home.Tokens()
			if err != nil {
				keys <- err.Error()
				return
			}
			keys <- key.Public().String() + tokens.Token(braket.SV1, braket.Program{}, 0)
		}()
	}
	first := <-keys
	for range cap(keys) - 1 {
		if key := <-keys; key != first {
			t.Fatalf("%s and %s", first, key)
		}
	}
}
