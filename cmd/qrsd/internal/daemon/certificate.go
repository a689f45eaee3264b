package daemon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/durablefile"
)

const (
	selfSignedLife = 397 * 24 * time.Hour // as long as browsers take certificates for
	renewBefore    = 30 * 24 * time.Hour

	certificateFile = "certificate.pem" // of the folder that a self-signed one is kept in
)

// certificate is the listener's certificate: the one that the configuration names, or a self-signed one that is kept.
type certificate struct {
	hosts   []string
	log     hclog.Logger
	now     func() time.Time
	loading sync.Mutex // one load at a time; guards files
	files   config.TLS
	current atomic.Pointer[tls.Certificate]
}

func newCertificate(c *config.Config, log hclog.Logger, now func() time.Time) *certificate {
	return &certificate{hosts: c.Hosts, files: c.TLS, log: log, now: now}
}

// get is tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}

// load reads the certificate anew, and keeps the one of before where that fails.
func (c *certificate) load() error {
	c.loading.Lock()
	defer c.loading.Unlock()
	read, selfSigned := c.configured, c.files.Certificate == ""
	if selfSigned {
		read = c.kept
	}
	pair, err := read()
	if err != nil {
		return fmt.Errorf("the certificate: %w", err)
	}
	c.current.Store(pair)
	print := sha256.Sum256(pair.Certificate[0])
	c.log.Info("certificate", "sha256", colons(print[:]), "self_signed", selfSigned, "ends", pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	c.warn(pair.Leaf)
	return nil
}

// rename takes up other files at the next load.
func (c *certificate) rename(files config.TLS) {
	c.loading.Lock()
	defer c.loading.Unlock()
	c.files = files
}

// renew makes a self-signed certificate anew when it is time, and warns of one that is not ours to renew. It is called daily.
func (c *certificate) renew() error {
	leaf := c.current.Load().Leaf
	if c.now().Before(leaf.NotAfter.Add(-renewBefore)) {
		return nil
	}
	c.loading.Lock()
	ours := c.files.Certificate == ""
	c.loading.Unlock()
	if ours {
		return c.load()
	}
	c.warn(leaf)
	return nil
}

func (c *certificate) warn(leaf *x509.Certificate) {
	if left := leaf.NotAfter.Sub(c.now()); left < renewBefore {
		c.log.Warn("the certificate ends soon: put a new one there and reload", "days", int(left.Hours()/24))
	}
}

// configured reads the pair that the configuration names.
func (c *certificate) configured() (*tls.Certificate, error) {
	if err := c.files.CheckKey(); err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(c.files.Certificate, c.files.Key)
	return &pair, err
}

// kept is the self-signed certificate of the folder, or a new one where there is none, it ends soon, or it lacks a host.
func (c *certificate) kept() (*tls.Certificate, error) {
	certificate, key := filepath.Join(c.files.Folder, certificateFile), filepath.Join(c.files.Folder, "key.pem")
	if pair, err := tls.LoadX509KeyPair(certificate, key); err == nil && c.fits(pair.Leaf) {
		return &pair, nil
	}
	if err := os.MkdirAll(c.files.Folder, 0o700); err != nil {
		return nil, err
	}
	certificateText, keyText, err := selfSigned(c.hosts, c.now())
	if err != nil {
		return nil, err
	}
	if err := durablefile.Write(key, keyText, 0o600); err != nil { // a crash before the other leaves no pair, and both are made again
		return nil, err
	}
	if err := durablefile.Write(certificate, certificateText, 0o644); err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificateText, keyText)
	return &pair, err
}

func (c *certificate) fits(leaf *x509.Certificate) bool {
	for _, h := range c.hosts {
		if leaf.VerifyHostname(h) != nil {
			return false
		}
	}
	return c.now().Before(leaf.NotAfter.Add(-renewBefore)) && !c.now().Before(leaf.NotBefore)
}

// selfSigned makes a certificate for the hosts and its key, P-256, in PEM.
func selfSigned(hosts []string, now time.Time) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: hosts[0], Organization: []string{"qrsd, self-signed"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(selfSignedLife), // clocks of clients differ
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), nil
}

// colons writes a fingerprint as browsers show it.
func colons(digest []byte) string {
	var b strings.Builder
	for i, octet := range digest {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(strings.ToUpper(hex.EncodeToString([]byte{octet})))
	}
	return b.String()
}
