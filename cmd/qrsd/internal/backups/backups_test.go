package backups_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/backups"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store/backup/s3/s3test"
)

// noted keeps what was opened and refused.
type noted struct{ outcomes []outbound.Outcome }

func (n *noted) Opening(outbound.Connection) error { return nil }
func (n *noted) Ended(c outbound.Connection)       { n.outcomes = append(n.outcomes, c.Outcome) }

// TestTargets reaches a bucket by nothing but the configuration, through the one dialer, and not at all where the mode forbids it.
func TestTargets(t *testing.T) {
	emulator := s3test.New(s3test.Options{Bucket: "example-backups", Lock: true})
	server := httptest.NewServer(emulator)
	defer server.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", s3test.ExampleKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.ExampleSecretKey)
	t.Setenv("AWS_CA_BUNDLE", "")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	for _, mode := range []string{"connected", "air-gapped"} {
		c, err := config.Parse("qrsd.hcl", fmt.Appendf(nil, `
			mode = %q
			store {
				path = "store"
			}
			backup {
				recipients = ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"]
				s3 {
					bucket      = "example-backups"
					region      = "us-east-1"
					prefix      = "a"
					endpoint    = %q
					object_lock = true
				}
			}`, mode, server.URL))
		if err != nil {
			t.Fatal(err)
		}
		record := &noted{}
		reach := c.Outbound
		reach.Log, reach.Mode = record, *c.Mode
		d, err := outbound.New(reach)
		if err != nil {
			t.Fatal(err)
		}
		all, err := backups.Targets(t.Context(), c.Backup, d)
		if err != nil || len(all) != 1 || all[0].Name() != "s3://example-backups/a" || !backups.Options(c.Backup, all, "test").Hold {
			t.Fatalf("%+v, %v", all, err)
		}
		err = all[0].Put(t.Context(), "packs/a", io.NewSectionReader(bytes.NewReader([]byte("x")), 0, 1), time.Now().Add(time.Hour))
		if mode == "connected" && (err != nil || len(emulator.Keys()) != 1) {
			t.Errorf("%v, keys %v", err, emulator.Keys())
		}
		if mode == "air-gapped" && !errors.Is(err, outbound.ErrAirGapped) {
			t.Errorf("air-gapped: %v", err)
		}
	}
}

func TestIdentities(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "identity.txt")
	recipient, err := backups.NewIdentity(path, false, time.Now())
	if err != nil || !strings.HasPrefix(recipient, "age1") {
		t.Fatal(recipient, err)
	}
	if all, err := backups.Identities(path); err != nil || len(all) != 1 {
		t.Errorf("%d identities, %v", len(all), err)
	}
	if _, err := backups.NewIdentity(path, false, time.Now()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second one in its place: %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := backups.Identities(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("one that others may read: %v", err)
	}
	broken := filepath.Join(dir, "broken.txt")
	if err := os.WriteFile(broken, []byte("AGE-SECRET-KEY-1NONSENSE\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := backups.Identities(broken); err == nil || strings.Contains(err.Error(), "NONSENSE") {
		t.Errorf("a broken one: %v", err)
	}
	lists := filepath.Join(dir, "recipients.txt")
	if err := os.WriteFile(lists, []byte("# ours\n"+recipient+"\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if all, err := backups.Recipients([]string{lists, recipient}); err != nil || len(all) != 2 || all[0] != recipient {
		t.Errorf("%v, %v", all, err)
	}
}
