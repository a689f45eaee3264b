package daemon_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pair writes a certificate for localhost and its key, and returns the certificate's fingerprint.
func pair(t testing.TB, certificate, key string, hosts ...string) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour), DNSNames: hosts}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("%X", sha256.Sum256(der))
}

// shown is the fingerprint of the certificate that a new connection sees.
func (r *running) shown() string {
	r.t.Helper()
	conn := r.connect()
	defer func() { _ = conn.Close() }() // it was read
	return fmt.Sprintf("%X", sha256.Sum256(conn.ConnectionState().PeerCertificates[0].Raw))
}

func (r *running) connect() *tls.Conn {
	r.t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(r.base, "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		r.t.Fatal(err)
	}
	return conn
}

// TestReload takes up a certificate and the log's level, keeps connections that stand, names what waits for a restart, and lets
// nothing of a faulty configuration or certificate in.
func TestReload(t *testing.T) {
	folder := t.TempDir()
	certificate, key := filepath.Join(folder, "a.pem"), filepath.Join(folder, "a.key")
	first := pair(t, certificate, key, "localhost")
	text := basics + "tls {\n certificate = \"a.pem\"\n key = \"a.key\"\n }\n"
	r := start(t, folder, text)
	if got := r.shown(); got != first {
		t.Fatalf("shown %s, want %s", got, first)
	}
	standing := r.connect()
	defer func() { _ = standing.Close() }() // it was read

	second := pair(t, certificate, key, "localhost")
	if got := r.shown(); got != first {
		t.Errorf("before the reload: %s, want %s", got, first)
	}
	r.reload("reloaded")
	if got := r.shown(); got != second {
		t.Errorf("after the reload: %s, want %s", got, second)
	}
	if _, err := fmt.Fprintf(standing, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Error(err)
	}
	answer := make([]byte, 15)
	if _, err := standing.Read(answer); err != nil || string(answer) != "HTTP/1.1 200 OK" {
		t.Errorf("the connection of before answers %q, %v", answer, err)
	}

	for _, c := range []struct { // in this order: a configuration that is at fault hides what else is
		name  string
		spoil func()
	}{
		{"the certificate of before stays", func() { place(t, key, "no key") }},
		{"nothing is reloaded: the configuration is at fault", func() { place(t, filepath.Join(folder, "qrsd.hcl"), text+"bogus = 1") }},
	} {
		c.spoil()
		r.reload(c.name)
		if got := r.shown(); got != second {
			t.Errorf("%s: %s, want %s", c.name, got, second)
		}
	}

	place(t, filepath.Join(folder, "other.pem"), "")
	third := pair(t, filepath.Join(folder, "other.pem"), filepath.Join(folder, "other.key"), "localhost")
	place(t, filepath.Join(folder, "qrsd.hcl"), strings.NewReplacer("a.pem", "other.pem", "a.key", "other.key", "127.0.0.1:0", "127.0.0.1:1").Replace(text))
	waiting := r.reload("these changes wait for a restart")
	if got := fmt.Sprint(waiting["keys"]); got != "[listen url]" {
		t.Errorf("waiting for a restart: %s", got)
	}
	r.await("reloaded")
	if got := r.shown(); got != third {
		t.Errorf("other files: %s, want %s", got, third)
	}
}

// TestReloadOfTheLogLevel silences the log and lets it speak again.
func TestReloadOfTheLogLevel(t *testing.T) {
	folder := t.TempDir()
	r := start(t, folder, basics)
	place(t, filepath.Join(folder, "qrsd.hcl"), basics+"log {\n level = \"error\"\n }")
	r.lines.forget()
	r.hangup <- syscall.SIGHUP // and nothing is said
	r.hangup <- syscall.SIGHUP // taken when the one before is done
	if said := r.lines.String(); said != "" {
		t.Errorf("at level error: %s", said)
	}
	place(t, filepath.Join(folder, "qrsd.hcl"), basics)
	if line := r.reload("reloaded"); line["log_level"] != "info" {
		t.Errorf("level %v", line["log_level"])
	}
}

// TestSelfSigned makes another certificate where the hosts are others, or the files are spoilt.
func TestSelfSigned(t *testing.T) {
	folder := t.TempDir()
	hosts := "hosts = [\"localhost\", \"qrsd.example.com\", \"192.0.2.7\", \"::1\"]\n"
	r := start(t, folder, basics)
	first := r.shown()
	if err := r.finish(); err != nil {
		t.Fatal(err)
	}
	r = start(t, folder, hosts+basics)
	second := r.connect().ConnectionState().PeerCertificates[0]
	if r.shown() == first {
		t.Error("the certificate of other hosts is kept")
	}
	for _, host := range []string{"localhost", "qrsd.example.com", "192.0.2.7", "::1"} {
		if err := second.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if second.NotAfter.Sub(second.NotBefore) > 398*24*time.Hour {
		t.Errorf("it lasts from %s to %s, longer than browsers take", second.NotBefore, second.NotAfter)
	}
	if err := r.finish(); err != nil {
		t.Fatal(err)
	}
	place(t, filepath.Join(folder, "data/tls/key.pem"), "spoilt")
	r = start(t, folder, hosts+basics)
	if got := r.shown(); got == fmt.Sprintf("%X", sha256.Sum256(second.Raw)) {
		t.Error("a certificate without its key is kept")
	}
	if info, err := os.Stat(filepath.Join(folder, "data/tls/key.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its key: %v, %v", info, err)
	}
}

// TestTLS refuses what the configuration does not allow.
func TestTLS(t *testing.T) {
	folder := t.TempDir()
	pair(t, filepath.Join(folder, "ca.pem"), filepath.Join(folder, "ca.key"))
	for name, c := range map[string]struct {
		block    string
		version  uint16
		accepted bool
	}{
		"1.3":            {"", tls.VersionTLS13, true},
		"1.2":            {"", tls.VersionTLS12, false},
		"1.2 allowed":    {"tls {\n min_version = \"1.2\"\n }", tls.VersionTLS12, true},
		"1.1":            {"tls {\n min_version = \"1.2\"\n }", tls.VersionTLS11, false},
		"no certificate": {"tls {\n client_ca = \"ca.pem\"\n require = true\n }", tls.VersionTLS13, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, folder, basics+c.block)
			defer func() { _ = r.finish() }()
			conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", strings.TrimPrefix(r.base, "https://"),
				&tls.Config{InsecureSkipVerify: true, MinVersion: c.version, MaxVersion: c.version})
			if err == nil { // TLS 1.3 refuses a client only after its handshake
				_, err = fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
				if err == nil {
					_, err = conn.Read(make([]byte, 1))
				}
				_ = conn.Close() // it was read
			}
			if (err == nil) != c.accepted {
				t.Errorf("got %v, accepted should be %v", err, c.accepted)
			}
		})
	}
}
