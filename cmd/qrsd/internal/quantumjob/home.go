package quantumjob

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/durablefile"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/egressfile"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/quantum/relay"
)

// Home is the folder in which a host or a relay keeps keys, trust, jobs and the record of what left. Until the encrypted store keeps
// them they are protected by file modes alone: 0700 for folders, 0600 for files; a key that others can read is refused.
//
//	host.key, relay.key          Ed25519, PKCS #8 in PEM
//	token.key                    32 bytes that client tokens are derived from
//	trusted-relays, trusted-hosts   lines NAME ed25519:BASE64
//	jobs/ID.json, jobs/ID.secret a job, and what turns its answer back
//	errands/NONCE.json           what a relay did for a job
//	budget.json                  what may be spent in all
//	egress.jsonl                 what left
//	lock                         held while one of these is read, changed and written
type Home struct{ path string }

var (
	_ Keeper = (*Home)(nil)
	_ Book   = (*Home)(nil)
	_ Budget = (*Home)(nil)
)

// OpenHome makes the folder if there is none.
func OpenHome(path string) (*Home, error) {
	for _, folder := range []string{path, filepath.Join(path, "jobs"), filepath.Join(path, "errands")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("making the folder for keys and jobs: %w", err)
		}
	}
	return &Home{path}, nil
}

// Path is where the home is.
func (h *Home) Path() string { return h.path }

// Journal is the record of what left.
func (h *Home) Journal(now func() time.Time) *egressfile.Journal {
	return &egressfile.Journal{Path: filepath.Join(h.path, "egress.jsonl"), Now: now}
}

// HostKey signs jobs; RelayKey results. Each is made when it is first asked for.
func (h *Home) HostKey() (*relay.Key, error) { return h.key("host.key") }

// RelayKey signs results.
func (h *Home) RelayKey() (*relay.Key, error) { return h.key("relay.key") }

func (h *Home) key(name string) (*relay.Key, error) {
	path := filepath.Join(h.path, name)
	text, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		return h.newKey(path)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: it is no PEM file; restore it, or remove it to make a new key that the other side must trust anew", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: it holds a %T, and an Ed25519 key is needed", path, parsed)
	}
	return relay.KeyOf(private), nil
}

func (h *Home) newKey(path string) (*relay.Key, error) {
	k, err := relay.NewKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.Private())
	if err != nil {
		return nil, fmt.Errorf("encoding a new key: %w", err)
	}
	err = durablefile.Create(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	if errors.Is(err, fs.ErrExist) {
		return h.key(filepath.Base(path)) // another command was first
	}
	if err != nil {
		return nil, fmt.Errorf("keeping a new key: %w", err)
	}
	return k, nil
}

// Tokens is the key of client tokens, the same after a restart.
func (h *Home) Tokens() (braket.TokenKey, error) {
	path := filepath.Join(h.path, "token.key")
	secret, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		secret = make([]byte, 32)
		if _, err := rand.Read(secret); err != nil {
			return braket.TokenKey{}, err
		}
		err = durablefile.Create(path, secret, 0o600)
		if errors.Is(err, fs.ErrExist) { // another command was first
			secret, err = readPrivate(path)
		}
	}
	if err != nil {
		return braket.TokenKey{}, err
	}
	return braket.NewTokenKey(secret)
}

// readPrivate reads a file that only its owner may read.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s: mode %04o lets others read it; set it to 0600", path, mode)
	}
	return os.ReadFile(path)
}

// Sides of trust.
const (
	Relays = "relays"
	Hosts  = "hosts"
)

// Trusted are the peers of a side, Relays or Hosts.
func (h *Home) Trusted(side string) (relay.Trust, error) {
	path := filepath.Join(h.path, "trusted-"+side)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	trust, err := relay.ParseTrust(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return trust, nil
}

// KnownNameError is a name of a trusted peer that is to be given to another key.
type KnownNameError struct {
	Name     string
	Has, New relay.PublicKey
}

// Error shows both fingerprints.
func (e *KnownNameError) Error() string {
	return fmt.Sprintf("%s is trusted already, with fingerprint %s, and this key has %s: choose another name, or let it take the place of the old one with --replace",
		e.Name, e.Has.Fingerprint(), e.New.Fingerprint())
}

// Pin adds a peer to a side. A name that another key has is a *KnownNameError, unless the new key shall replace it.
func (h *Home) Pin(side string, p relay.Peer, replace bool) (err error) {
	unlock, err := h.lock()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	trust, err := h.Trusted(side)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, t := range trust {
		if t.Name == p.Name && !replace {
			return &KnownNameError{p.Name, t.Key, p.Key}
		}
		if t.Name != p.Name {
			fmt.Fprintf(&text, "%s %s\n", t.Name, t.Key)
		}
	}
	fmt.Fprintf(&text, "%s %s\n", p.Name, p.Key)
	return durablefile.Write(filepath.Join(h.path, "trusted-"+side), []byte(text.String()), 0o600)
}

// lock keeps other commands from reading, changing and writing at the same time.
func (h *Home) lock() (unlock func() error, err error) {
	return durablefile.Lock(filepath.Join(h.path, "lock"))
}

// Keep writes the secret first: a job that can be read has one.
func (h *Home) Keep(_ context.Context, k *Kept) (err error) {
	unlock, err := h.lock()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	path := filepath.Join(h.path, "jobs", k.ID)
	switch was, err := h.readJob(path + ".json"); {
	case err == nil && was.Revision != k.Revision, errors.Is(err, fs.ErrNotExist) && k.Revision != 0:
		return fmt.Errorf("keeping job %.8s: %w", k.ID, ErrChanged)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := h.keepSecret(path+".secret", k); err != nil {
		return err
	}
	next := *k
	next.Revision++
	text, err := json.MarshalIndent(&next, "", " ")
	if err == nil {
		err = durablefile.Write(path+".json", text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keeping job %.8s: %w", k.ID, err)
	}
	k.Revision = next.Revision
	return nil
}

func (h *Home) keepSecret(path string, k *Kept) error {
	secret, err := k.Secret.MarshalBinary()
	if err == nil {
		err = durablefile.Create(path, secret, 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("keeping the secret of job %.8s: %w", k.ID, err)
	}
	return nil
}

// Kept are all jobs, oldest first.
func (h *Home) Kept(context.Context) ([]*Kept, error) {
	paths, err := filepath.Glob(filepath.Join(h.path, "jobs", "*.json"))
	if err != nil {
		return nil, err
	}
	var all []*Kept
	for _, path := range paths {
		k, err := h.readJob(path)
		if err != nil {
			return nil, fmt.Errorf("reading the kept job %s: %w", path, err)
		}
		all = append(all, k)
	}
	slices.SortStableFunc(all, func(a, b *Kept) int { return a.Created.Compare(b.Created) })
	return all, nil
}

func (h *Home) readJob(path string) (*Kept, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	k := &Kept{Secret: new(egress.Secret)}
	if err := json.Unmarshal(text, k); err != nil {
		return nil, err
	}
	if k.Format != 1 || k.ID+".json" != filepath.Base(path) {
		return nil, fmt.Errorf("it has format %d and id %.8q; this version reads format 1 under its own id", k.Format, k.ID)
	}
	secret, err := readPrivate(strings.TrimSuffix(path, ".json") + ".secret")
	if err != nil {
		return nil, err
	}
	return k, k.Secret.UnmarshalBinary(secret)
}

// Open is what a relay kept of a nonce.
func (h *Home) Open(_ context.Context, nonce string) (*Carried, error) {
	path := filepath.Join(h.path, "errands", nonce+".json")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	c := new(Carried)
	if err == nil {
		err = json.Unmarshal(text, c)
	}
	if err == nil && (c.Format != 1 || c.Nonce != nonce) {
		err = fmt.Errorf("it has format %d and nonce %.8q; this version reads format 1 under its own nonce", c.Format, c.Nonce)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the kept errand %s: %w", path, err)
	}
	return c, nil
}

// Write keeps what a relay did.
func (h *Home) Write(ctx context.Context, c *Carried) (err error) {
	unlock, err := h.lock()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	was, err := h.Open(ctx, c.Nonce)
	if err != nil {
		return err
	}
	if was == nil && c.Revision != 0 || was != nil && was.Revision != c.Revision {
		return fmt.Errorf("keeping errand %.8s: %w", c.Nonce, ErrChanged)
	}
	next := *c
	next.Revision++
	text, err := json.MarshalIndent(&next, "", " ")
	if err == nil {
		err = durablefile.Write(filepath.Join(h.path, "errands", c.Nonce+".json"), text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keeping errand %.8s: %w", c.Nonce, err)
	}
	c.Revision = next.Revision
	return nil
}
