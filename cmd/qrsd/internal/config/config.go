// Package config reads qrsd.hcl, the configuration of the appliance, and translates it once into what the components
// take: the Options of store, directory and outbound, and plain values for the listener.
//
// It holds the keys, their ranges and units, and the references to secrets. It opens nothing but files that the configuration
// names, and those only in Check and Secret.Read. It does not know what components do with their options, and no
// component knows that there is a file.
//
// All keys are in one table (schema.go), which the parser, the example file's test and the messages read. A fault
// names file, line, column, key and the mend; all faults are reported, not the first alone.
//
// Begin with Load.
package config

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/notify"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
)

// maxFile bounds a configuration file, in bytes: it is read whole.
const maxFile = 1 << 20

// Config is a configuration whose every value lies in its range. Paths are absolute or relative to the working folder; in
// the file they are relative to the file's own folder.
type Config struct {
	// File is where it was read.
	File string

	// Listen is the address of the one port, "host:port"; an empty host is every address of the machine.
	Listen string

	// Hosts are the names, without port, under which browsers and programs reach the appliance. A request for another is refused. At least one.
	Hosts []string

	// URL is the address that people type and links begin with, without a path: "https://qrsd.example.com:8443".
	URL string

	// TrustedProxies are reverse proxies whose X-Forwarded-For is believed; empty: nobody's.
	TrustedProxies []netip.Prefix

	// SecurityContact is the Contact of security.txt (RFC 9116): a mailto:, tel: or https: URI; "" publishes no security.txt.
	SecurityContact string

	// Mode is how far the appliance may reach; nil: chosen at set-up and kept in the store.
	Mode *outbound.Mode

	TLS     TLS
	Store   Store
	Log     Log
	Metrics Metrics
	Support Support

	// Limits are those of requests; zero fields are the server's defaults.
	Limits web.Limits

	// Runs says how the queue carries out runs; zero fields are its defaults.
	Runs Runs

	// Directory has the rates of sign-ins, how long sessions last, and what a hash of a password costs.
	Directory directory.Options

	// Quantum is how quantum hardware is reached; nil: it is not, but by relays.
	Quantum *Quantum
	// Outbound has the allowed destinations and the proxy; its Log and Mode are the daemon's to give.
	Outbound outbound.Options

	// Mail is the mail server for messages to people; nil: they stay in the outbox, where administrators read them.
	Mail *Mail

	// Traces and Errors are collectors elsewhere that are told how the appliance does; nil: none is.
	Traces *Traces
	Errors *Errors

	// Backup says where backups go; nil: none are made.
	Backup *Backup

	// KnownPasswords are files of passwords that nobody may choose, besides the list within the program.
	KnownPasswords []string

	// Record is the file of the record of outbound connections.
	Record string

	// PublicTrust opens the trust center to whoever asks, without signing in.
	PublicTrust bool

	// Release is what binds the benchmark of the model's release; zero: nothing does, and the model's card says that sign-off is pending.
	Release Release
}

// Release are the files by which the sign-off of the model's release is verified.
type Release struct {
	MetaSeal string // over the thirty runs of the benchmark
	Keys     string // JWK Set that the operator trusts
}

// TLS is the listener's side of TLS.
type TLS struct {
	// Certificate and Key are PEM files; both "": the appliance makes a self-signed certificate and keeps it in Folder.
	Certificate, Key string

	// Folder is where a self-signed certificate and its key are kept.
	Folder string

	// MinVersion is tls.VersionTLS13 (default) or tls.VersionTLS12.
	MinVersion uint16

	// ClientCA is a PEM file with the authorities of client certificates; "": none are asked for.
	ClientCA string

	// Require refuses clients without a certificate of ClientCA. Without it one is verified where it is given.
	Require bool
}

// AllowTLS12 reports whether TLS 1.2 is let in.
func (t TLS) AllowTLS12() bool { return t.MinVersion == tls.VersionTLS12 }

// Store says where the store is, and how it is unlocked without a person.
type Store struct {
	Path    string
	Options store.Options // Anchor, MaxSize
	Unlock  Unlock
}

// Unlock is a way to unlock a store: at most one field is set. The zero value: a person unlocks it, on the page /unlock or with
// `qrsd unlock`.
type Unlock struct {
	KeyFile    string // made at the first start
	Passphrase Secret
	KMS        *KMS
	PKCS11     *PKCS11
}

// KMS is an AWS KMS key.
type KMS struct {
	Key          string // ARN
	Endpoint     string // URL; "": the region's public one
	Profile      string // of the AWS configuration files
	InstanceRole bool   // also asks the metadata service of an EC2 instance for credentials
}

// ForKeys is the purpose of connections to a key service.
const ForKeys outbound.Purpose = "keys"

// Region is that of the key.
func (k *KMS) Region() string { return strings.Split(k.Key, ":")[3] }

// Service is where the key service answers.
func (k *KMS) Service() outbound.Destination {
	d := outbound.Destination{Host: "kms." + k.Region() + ".amazonaws.com", Port: 443, Purpose: ForKeys}
	if u, err := url.Parse(k.Endpoint); err == nil && u.Host != "" {
		d.Host, d.Plaintext = u.Hostname(), u.Scheme == "http"
		if d.Plaintext {
			d.Port = 80
		}
		if n, err := strconv.Atoi(u.Port()); err == nil {
			d.Port = n
		}
	}
	return d
}

// destinations are the service and where AWS renews temporary credentials: naming the key allows these and no others.
func (k *KMS) destinations() []outbound.Destination {
	all := []outbound.Destination{k.Service()}
	for _, name := range []string{"sts", "portal.sso", "oidc"} {
		all = append(all, outbound.Destination{Host: name + "." + k.Region() + ".amazonaws.com", Port: 443, Purpose: ForKeys})
	}
	if k.InstanceRole {
		all = append(all, outbound.Destination{Host: "169.254.169.254", Port: 80, Purpose: ForKeys, Plaintext: true, Local: true})
	}
	return all
}

// PKCS11 is a key in a hardware token.
type PKCS11 struct {
	Module string // library of the token's maker
	Token  string // label
	Key    string // label
	PIN    Secret
}

// Mail is a mail server that takes messages for others.
type Mail struct {
	Server notify.Server // without its Password
	Secret Secret        // the password; none where Server.User is ""
}

// WithPassword is the server with what reads its password.
func (m *Mail) WithPassword() notify.Server {
	s := m.Server
	if !m.Secret.IsZero() {
		s.Password = m.Secret.Read
	}
	return s
}

// Runs are the bounds of the queue of runs.
type Runs struct {
	Cores  int // that compute, over all runs; 0: all of the host
	AtOnce int // runs at the same time; 0: 2
}

// Log is how the daemon logs: to standard error, and to a file besides where one is named.
type Log struct {
	Level  string // trace, debug, info, warn, error
	Format string // json, text
	File   string // "": none
	Size   int64  // of one file, in bytes
	Keep   int    // old files
}

// Metrics are figures for monitors.
type Metrics struct {
	Token Secret // that a monitor shows; none: there are no metrics
}

// Support is to whom diagnostic bundles are handed.
type Support struct {
	Recipients []string // public keys (age1...) that bundles are encrypted to; none: no bundle can be packed
}

// Load reads a file. The error is a *FaultsError where its text is at fault, else that of reading it.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return Parse(path, text)
}

// Parse reads the text of a configuration; name says in messages where it is, and its folder is what relative paths begin at. The
// error is a *FaultsError.
func Parse(name string, text []byte) (*Config, error) {
	if len(text) > maxFile {
		return nil, &FaultsError{[]Fault{{File: name, Line: 1, Column: 1, Reason: "larger than 1 MiB: is it a configuration?"}}}
	}
	c := defaults()
	c.File = name
	d := &decoder{file: name, folder: filepath.Dir(name)}
	d.decode(text, schema(c))
	if len(d.faults) > 0 {
		return nil, d.sorted()
	}
	c.derive()
	return c, nil
}

// derive sets what follows from other values where nothing was said.
func (c *Config) derive() {
	beside := filepath.Dir(c.Store.Path)
	if c.TLS.Folder == "" {
		c.TLS.Folder = filepath.Join(beside, "tls")
	}
	if c.Record == "" {
		c.Record = filepath.Join(beside, "outbound.jsonl")
	}
	if c.URL == "" {
		c.URL = "https://" + c.Hosts[0]
		_, port, _ := net.SplitHostPort(c.Listen) // which was checked
		if strings.Contains(c.Hosts[0], ":") {
			c.URL = "https://[" + c.Hosts[0] + "]"
		}
		if port != "443" {
			c.URL += ":" + port
		}
	}
	if k := c.Store.Unlock.KMS; k != nil {
		c.Outbound.Allowed = append(c.Outbound.Allowed, k.destinations()...)
	}
	if c.Backup != nil {
		if c.Backup.Scratch == "" {
			c.Backup.Scratch = beside
		}
		for _, b := range c.Backup.Buckets {
			c.Outbound.Allowed = append(c.Outbound.Allowed, b.destinations()...)
		}
	}
	if c.Quantum != nil {
		c.Outbound.Allowed = append(c.Outbound.Allowed, c.Quantum.destinations()...)
	}
	if c.Mail != nil {
		c.Outbound.Allowed = append(c.Outbound.Allowed, c.Mail.Server.Destination())
	}
	c.Outbound.Allowed = append(c.Outbound.Allowed, c.collectorDestinations()...)
}

// defaults is the configuration of an empty file, but for what it must say.
func defaults() *Config {
	return &Config{
		Listen: "127.0.0.1:8443",
		Hosts:  []string{"localhost", "127.0.0.1", "::1"},
		TLS:    TLS{MinVersion: tls.VersionTLS13},
		Log:    Log{Level: "info", Format: "json", Size: 16 << 20, Keep: 5},
	}
}

// Fault is one thing that is wrong in the text of a configuration.
type Fault struct {
	File         string `json:"file"`
	Line, Column int    `json:"-"`
	Key          string `json:"key,omitempty"` // "tls.min_version"
	Reason       string `json:"reason"`        // and the mend; never a secret
}

// String is "file:line:column: key: reason".
func (f Fault) String() string {
	at := fmt.Sprintf("%s:%d:%d: ", f.File, f.Line, f.Column)
	if f.Key != "" {
		at += f.Key + ": "
	}
	return at + f.Reason
}

// FaultsError is every fault of a configuration, in the order of the file.
type FaultsError struct{ Faults []Fault }

// Error is a line for each fault.
func (e *FaultsError) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}
