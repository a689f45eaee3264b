package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store/directory/breached"
)

// Finding is something about the files and hosts that a configuration names.
type Finding struct {
	Key     string `json:"key"`     // "tls.certificate"
	Warning bool   `json:"warning"` // the appliance starts all the same
	Reason  string `json:"reason"`  // and the mend; never a secret
}

// String is "key: reason".
func (f Finding) String() string {
	if f.Warning {
		return f.Key + ": warning: " + f.Reason
	}
	return f.Key + ": " + f.Reason
}

// expiresSoon is when a certificate's end is worth a warning.
const expiresSoon = 30 * 24 * time.Hour

// Check looks whether what the configuration names is there and in order: files and their modes, the pair of certificate and
// key, its end and its hosts. It dials nothing and changes nothing.
func (c *Config) Check(now time.Time) []Finding {
	k := &checker{now: now}
	k.certificate(c)
	k.clients(c)
	k.store(&c.Store)
	if c.Mail != nil && !c.Mail.Secret.IsZero() {
		k.secret("smtp.password", c.Mail.Secret)
	}
	if !c.Metrics.Token.IsZero() {
		k.metricsToken(c.Metrics.Token)
	}
	if s := c.Directory.Sessions; s.Idle > time.Hour || s.Life > 24*time.Hour {
		k.warn("sessions", "whoever finds a browser left open may go on in it for long: NIST SP 800-63B-4 asks for idle of 1h and life of 24h at most")
	}
	k.collectors(c)
	if c.Log.File != "" && !exists(filepath.Dir(c.Log.File)) {
		k.fault("log.file", "%s: its folder is not there; make it, for the user of the service alone", c.Log.File)
	}
	k.backup(c)
	k.passwords(c.KnownPasswords)
	k.release(c.Release)
	k.outbound(c)
	return k.found
}

// checker gathers findings.
type checker struct {
	now   time.Time
	found []Finding
}

func (k *checker) fault(key, format string, values ...any) {
	k.found = append(k.found, Finding{key, false, fmt.Sprintf(format, values...)})
}

func (k *checker) warn(key, format string, values ...any) {
	k.found = append(k.found, Finding{key, true, fmt.Sprintf(format, values...)})
}

// certificate checks the listener's pair, where one is configured.
func (k *checker) certificate(c *Config) {
	if c.TLS.Certificate == "" {
		return
	}
	if err := c.TLS.CheckKey(); err != nil {
		k.fault("tls.key", "%v", err)
		return
	}
	pair, err := tls.LoadX509KeyPair(c.TLS.Certificate, c.TLS.Key)
	if err != nil {
		k.fault("tls.certificate", "reading it with its key: %v", err)
		return
	}
	leaf := pair.Leaf
	switch {
	case k.now.After(leaf.NotAfter):
		k.fault("tls.certificate", "%s ended at %s; put a new one there and reload", c.TLS.Certificate, leaf.NotAfter.UTC().Format(time.RFC3339))
	case k.now.Before(leaf.NotBefore):
		k.fault("tls.certificate", "%s begins only at %s; is the clock of this host right?", c.TLS.Certificate, leaf.NotBefore.UTC().Format(time.RFC3339))
	case leaf.NotAfter.Sub(k.now) < expiresSoon:
		k.warn("tls.certificate", "%s ends at %s", c.TLS.Certificate, leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	for _, host := range c.Hosts {
		if leaf.VerifyHostname(host) != nil {
			k.warn("hosts", "%s is not in the certificate %s, so that browsers will not trust it by that name", host, c.TLS.Certificate)
		}
	}
}

// clients checks the authorities of client certificates.
func (k *checker) clients(c *Config) {
	if c.TLS.ClientCA == "" {
		return
	}
	if _, err := c.TLS.ClientAuthorities(); err != nil {
		k.fault("tls.client_ca", "%v", err)
	}
}

// CheckKey refuses a file Key that is not there or that others may read.
func (t TLS) CheckKey() error {
	info, err := os.Stat(t.Key)
	if err != nil {
		return fmt.Errorf("%w; check the path", err)
	}
	return private(t.Key, info)
}

// ClientAuthorities reads the file ClientCA; nil where none is named.
func (t TLS) ClientAuthorities() (*x509.CertPool, error) {
	if t.ClientCA == "" {
		return nil, nil
	}
	text, err := os.ReadFile(t.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("reading the authorities of client certificates: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: there is no certificate in it; it must be a PEM file of certificates", t.ClientCA)
	}
	return pool, nil
}

// store checks the folder, and the files by which it is unlocked.
func (k *checker) store(s *Store) {
	made := exists(filepath.Join(s.Path, "format.json"))
	if !made && len(s.Unlock.ways()) == 0 {
		k.fault("store.path", "%s: there is no store, and no way to unlock a new one is named: name key_file, passphrase, kms or pkcs11, or make the store with qrsd init", s.Path)
	}
	if s.Options.Anchor != "" && !exists(filepath.Dir(s.Options.Anchor)) {
		k.fault("store.anchor", "%s: its folder is not there; make it, or mount the disk", s.Options.Anchor)
	}
	if s.Unlock.KeyFile != "" {
		k.keyFile(s, made)
	}
	if !s.Unlock.Passphrase.IsZero() {
		k.secret("store.passphrase", s.Unlock.Passphrase)
	}
	if p := s.Unlock.PKCS11; p != nil {
		if !exists(p.Module) {
			k.fault("store.pkcs11.module", "%s: it is not there; check the path", p.Module)
		}
		k.secret("store.pkcs11.pin", p.PIN)
	}
	if m := s.Unlock.KMS; m != nil && strings.HasPrefix(m.Endpoint, "http://") {
		k.warn("store.kms.endpoint", "it is reached without TLS, which is for emulators alone")
	}
}

func (k *checker) keyFile(s *Store, made bool) {
	path := s.Unlock.KeyFile
	info, err := os.Stat(path)
	switch {
	case err == nil:
		if err := private(path, info); err != nil {
			k.fault("store.key_file", "%v", err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		k.fault("store.key_file", "%v", err)
	case made:
		k.fault("store.key_file", "%s: it is not there, and the store is; bring it back, or unlock the store with its recovery key and replace it (qrsd key slot add)", path)
	}
	if inside, err := filepath.Rel(s.Path, path); err == nil && !strings.HasPrefix(inside, "..") {
		k.warn("store.key_file", "%s lies in the store's own folder: together they are the data in the clear; keep it on another disk", path)
	}
}

// leastToken is the least length of the token of metrics, in characters: 16 that are drawn at random are beyond guessing.
const leastToken = 16

func (k *checker) metricsToken(s Secret) {
	token, err := s.Read()
	if err == nil && len(token.Reveal()) < leastToken {
		err = fmt.Errorf("%s: it has fewer than %d characters and can be guessed: write one drawn at random there", s, leastToken)
	}
	if err != nil {
		k.fault("metrics.token", "%v", err)
	}
}

func (k *checker) secret(key string, s Secret) {
	if _, err := s.Read(); err != nil {
		k.fault(key, "%v", err)
	}
}

// passwords opens the lists of known passwords.
func (k *checker) passwords(paths []string) {
	for _, path := range paths {
		f, err := breached.Open(path)
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			k.fault("passwords.breached", "%v; qrsd passwords import makes such a file", err)
		}
	}
}

// release looks for the files of the model's sign-off. What they say is on the model's card, whether or not it holds.
func (k *checker) release(r Release) {
	for key, path := range map[string]string{"model.meta_seal": r.MetaSeal, "model.keys": r.Keys} {
		if path != "" && !exists(path) {
			k.fault(key, "%s: it is not there; check the path, or leave the block model out", path)
		}
	}
}

// outbound points out destinations that the mode never reaches.
func (k *checker) outbound(c *Config) {
	if c.Mode == nil {
		return
	}
	for _, d := range c.Outbound.Allowed {
		if *c.Mode == outbound.AirGapped || *c.Mode == outbound.Hybrid && d.Purpose != outbound.Circuits {
			k.warn(fmt.Sprintf("outbound.destination %q", string(d.Purpose)), "%s is never reached in mode %s", d, *c.Mode)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
