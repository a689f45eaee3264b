package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/store"
)

// writePair writes a certificate for the names, valid for a year from begin, and its key.
func writePair(t *testing.T, certificate, key string, begin time.Time, names ...string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: begin, NotAfter: begin.AddDate(1, 0, 0), DNSNames: names}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		write(t, path, string(pem.EncodeToMemory(block)), 0o600)
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// TestCheck spoils one thing at a time in a folder where everything is in order.
func TestCheck(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		spoil    func(t *testing.T, folder string)
		text     string   // appended
		findings []string // the beginning of each, "!" before warnings
	}{
		"in order": {},
		"certificate ended": {spoil: func(t *testing.T, f string) { writePair(t, f+"/a.pem", f+"/a.key", now.AddDate(-2, 0, 0), "localhost") },
			findings: []string{"tls.certificate: FOLDER/a.pem ended at 2025-06-01"}},
		"certificate begins later": {spoil: func(t *testing.T, f string) { writePair(t, f+"/a.pem", f+"/a.key", now.AddDate(0, 1, 0), "localhost") },
			findings: []string{"tls.certificate: FOLDER/a.pem begins only at 2026-07-01"}},
		"certificate ends soon": {spoil: func(t *testing.T, f string) {
			writePair(t, f+"/a.pem", f+"/a.key", now.AddDate(-1, 0, 10), "localhost")
		},
			findings: []string{"!tls.certificate: FOLDER/a.pem ends at 2026-06-11"}},
		"certificate of another host": {spoil: func(t *testing.T, f string) {
			writePair(t, f+"/a.pem", f+"/a.key", now.AddDate(0, -1, 0), "other.example.com")
		},
			findings: []string{"!hosts: localhost is not in the certificate"}},
		"key of another certificate": {spoil: func(t *testing.T, f string) { writePair(t, f+"/other.pem", f+"/a.key", now, "localhost") },
			findings: []string{"tls.certificate: reading it with its key"}},
		"key that others read": {spoil: func(t *testing.T, f string) { chmod(t, f+"/a.key", 0o604) },
			findings: []string{"tls.key: FOLDER/a.key: its mode 0604"}},
		"no key": {spoil: func(t *testing.T, f string) { remove(t, f+"/a.key") }, findings: []string{"tls.key: "}},
		"authorities without a certificate": {spoil: func(t *testing.T, f string) { write(t, f+"/ca.pem", "nothing", 0o600) },
			findings: []string{"tls.client_ca: FOLDER/ca.pem: there is no certificate in it"}},
		"store without its key file": {spoil: func(t *testing.T, f string) { remove(t, f+"/key/store.key") },
			findings: []string{"store.key_file: FOLDER/key/store.key: it is not there, and the store is"}},
		"neither store nor key file":  {spoil: func(t *testing.T, f string) { remove(t, f+"/key/store.key"); remove(t, f+"/data/store/format.json") }},
		"key file that others change": {spoil: func(t *testing.T, f string) { chmod(t, f+"/key/store.key", 0o620) }, findings: []string{"store.key_file: FOLDER/key/store.key: its mode 0620"}},
		"anchor without a folder": {spoil: func(t *testing.T, f string) { remove(t, f+"/anchor") },
			findings: []string{"store.anchor: FOLDER/anchor/a: its folder is not there"}},
		"mail without its password": {text: "smtp {\n host = \"localhost\"\n from = \"a@example.com\"\n user = \"a\"\n password = env(\"QRSD_TEST_UNSET\")\n }",
			findings: []string{`smtp.password: env("QRSD_TEST_UNSET"): the variable is empty or not set`, `!outbound.destination "e-mail": localhost:587 is never reached in mode hybrid`}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			writePair(t, folder+"/a.pem", folder+"/a.key", now.AddDate(0, -1, 0), "localhost")
			writePair(t, folder+"/ca.pem", folder+"/ca.key", now.AddDate(0, -1, 0))
			write(t, folder+"/data/store/format.json", "{}", 0o600)
			write(t, folder+"/anchor/a", "", 0o600)
			if err := os.Mkdir(folder+"/key", 0o700); err != nil {
				t.Fatal(err)
			}
			if err := store.NewKeyFile(folder+"/key/store.key", nil); err != nil {
				t.Fatal(err)
			}
			text := "hosts = [\"localhost\"]\nmode = \"hybrid\"\nstore {\n path = \"data/store\"\n anchor = \"anchor/a\"\n key_file = \"key/store.key\"\n }\n" +
				"tls {\n certificate = \"a.pem\"\n key = \"a.key\"\n client_ca = \"ca.pem\"\n }\n" + c.text
			parsed, err := config.Parse(filepath.Join(folder, "qrsd.hcl"), []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if c.spoil != nil {
				c.spoil(t, folder)
			}
			var got []string
			for _, f := range parsed.Check(now) {
				line := f.Key + ": " + f.Reason
				if f.Warning {
					line = "!" + line
				}
				got = append(got, strings.ReplaceAll(line, folder, "FOLDER"))
			}
			if !slices.EqualFunc(got, c.findings, strings.HasPrefix) {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(c.findings, "\n     "))
			}
		})
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// TestSecret reads references, and refuses what others may read; its words never hold the secret.
func TestSecret(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{"right": "seven lamps\r\nnot this\n", "open": "x\n", "group": "of the group\n", "empty": "\nx\n"} {
		write(t, filepath.Join(folder, name), text, map[string]os.FileMode{"open": 0o604, "group": 0o640}[name]|0o600)
	}
	t.Setenv("QRSD_TEST_SECRET", "from the environment")
	for _, c := range []struct{ reference, want, fault string }{
		{`file("right")`, "seven lamps", ""},
		{`file("group")`, "of the group", ""},
		{`env("QRSD_TEST_SECRET")`, "from the environment", ""},
		{`file("open")`, "", "chmod 600"},
		{`file("empty")`, "", "the first line is empty"},
		{`file("none")`, "", "no such file"},
		{`env("QRSD_TEST_UNSET")`, "", "empty or not set"},
	} {
		parsed, err := config.Parse(filepath.Join(folder, "qrsd.hcl"), []byte("store {\n path = \"a\"\n passphrase = "+c.reference+"\n }"))
		if err != nil {
			t.Fatal(err)
		}
		words := parsed.Store.Unlock.Passphrase
		got, err := words.Read()
		if got.Reveal() != c.want || (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: %q, %v", c.reference, got.Reveal(), err)
		}
		if shown := fmt.Sprintf("%v %+v %s", words, parsed.Store, err); c.want != "" && strings.Contains(shown, c.want) {
			t.Errorf("%s shows its secret: %s", c.reference, shown)
		}
	}
}
