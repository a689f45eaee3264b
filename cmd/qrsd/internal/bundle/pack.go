package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/qrsrisk/qrsd/store/seal"
)

// ManifestType is the type of the signed manifest.
const ManifestType = "application/vnd.qrsd.bundle-manifest+json"

// Names of the files that are not collected. The manifest is signed in the other; keys.json has the public half.
const (
	manifestName = "manifest.json"
	signedName   = "manifest.dsse"
	keysName     = "keys.json"
	folder       = "qrsd-bundle/"
)

// Manifest says what is in a bundle, in format 1.
type Manifest struct {
	Format    int            `json:"format"`
	Product   string         `json:"product"`
	Version   string         `json:"version"`
	Collected time.Time      `json:"collected"`
	Files     []ManifestFile `json:"files"`
	LeftOut   []string       `json:"left_out"` // by the operator
}

// ManifestFile is one file of a bundle.
type ManifestFile struct {
	Name     string `json:"name"`
	Bytes    int    `json:"bytes"`
	SHA256   string `json:"sha256"`
	Withheld int    `json:"withheld"`
}

func (b Bundle) manifest() Manifest {
	m := Manifest{Format: 1, Product: "qrsd", Version: b.Version, Collected: b.Collected, Files: []ManifestFile{}, LeftOut: append([]string{}, b.LeftOut...)}
	for _, f := range b.Files {
		m.Files = append(m.Files, ManifestFile{f.Name, len(f.Text), f.SHA256(), f.Withheld})
	}
	return m
}

// Recipients are to whom a bundle is encrypted.
type Recipients []age.Recipient

// ParseRecipients reads public keys of age, X25519 (age1...) or with a post-quantum half (age1pq1...).
func ParseRecipients(texts []string) (Recipients, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	all, err := age.ParseRecipients(strings.NewReader(strings.Join(texts, "\n")))
	if err != nil {
		return nil, fmt.Errorf("support.recipients: %w", err)
	}
	return all, nil
}

// Identities open a bundle.
type Identities []age.Identity

// ParseIdentities reads the secret keys of a file as age-keygen writes it.
func ParseIdentities(r io.Reader) (Identities, error) {
	all, err := age.ParseIdentities(r)
	if err != nil {
		return nil, fmt.Errorf("the identity: %w", err)
	}
	return all, nil
}

// ErrAltered says that a bundle is not what was signed, or that nobody known signed it.
var ErrAltered = errors.New("the bundle is not what was signed, or nobody known signed it")

// Signer signs a manifest in an envelope of [ManifestType], and says by which published keys.
type Signer interface {
	SignManifest(ctx context.Context, documentType string, payload []byte) ([]byte, error)
	PublishedKeys() (*seal.Keys, error)
}

// OwnKey is a signer with a key made for one bundle, for a store that cannot be unlocked: whoever makes the bundle tells support the id.
type OwnKey struct {
	signer *seal.LocalSigner
	key    seal.Key
}

// NewOwnKey draws a key.
func NewOwnKey() (*OwnKey, error) {
	scalar, err := seal.GenerateScalar(rand.Reader)
	if err != nil {
		return nil, err
	}
	signer, err := seal.NewLocalSigner(scalar)
	if err != nil {
		return nil, err
	}
	key, err := seal.NewSealKey(signer.Public())
	return &OwnKey{signer, key}, err
}

// ID is that of the key, which support compares.
func (k *OwnKey) ID() string { return k.key.ID }

// SignManifest implements Signer.
func (k *OwnKey) SignManifest(ctx context.Context, documentType string, payload []byte) ([]byte, error) {
	return seal.SignDocument(ctx, documentType, payload, k.signer)
}

// PublishedKeys implements Signer.
func (k *OwnKey) PublishedKeys() (*seal.Keys, error) { return seal.NewKeys(k.key) }

// Pack makes the file that is handed over: a tar.gz of the bundle's files, its manifest and the manifest's signature, in an age file that
// the recipients can open. There must be one.
func (b Bundle) Pack(ctx context.Context, by Signer, recipients Recipients) ([]byte, error) {
	if len(recipients) == 0 {
		return nil, errors.New("packing a bundle: there is nobody to encrypt it to")
	}
	manifest, err := json.Marshal(b.manifest())
	if err != nil {
		return nil, err
	}
	signed, err := by.SignManifest(ctx, ManifestType, manifest)
	if err != nil {
		return nil, fmt.Errorf("packing a bundle: %w", err)
	}
	keys, err := by.PublishedKeys()
	if err != nil {
		return nil, fmt.Errorf("packing a bundle: %w", err)
	}
	files := append([]File{{Name: manifestName, Text: manifest}, {Name: signedName, Text: signed}, {Name: keysName, Text: keys.JWKS()}}, b.Files...)
	var out bytes.Buffer
	sealed, err := age.Encrypt(&out, recipients...)
	if err != nil {
		return nil, fmt.Errorf("packing a bundle: %w", err)
	}
	if err := errors.Join(writeArchive(sealed, files, b.Collected), sealed.Close()); err != nil {
		return nil, fmt.Errorf("packing a bundle: %w", err)
	}
	return out.Bytes(), nil
}

func writeArchive(w io.Writer, files []File, at time.Time) error {
	zip := gzip.NewWriter(w)
	archive := tar.NewWriter(zip)
	for _, f := range files {
		h := &tar.Header{Name: folder + f.Name, Size: int64(len(f.Text)), Mode: 0o600, ModTime: at, Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(h); err != nil {
			return err
		}
		if _, err := archive.Write(f.Text); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), zip.Close())
}

// Opened is a bundle at support's side.
type Opened struct {
	Bundle
	Manifest Manifest
	KeyID    string // of the seal key that signed the manifest
	Known    bool   // it is one of the keys that support had from elsewhere, not only of those in the bundle
}

// Open decrypts a packed bundle, verifies the manifest's signature, and holds every file to it. trusted are published keys of the
// appliance that are known from elsewhere; nil: those in the bundle are taken, and Known is false: who made it is then not shown.
func Open(packed io.Reader, trusted *seal.Keys, identities Identities) (*Opened, error) {
	r, err := age.Decrypt(packed, identities...)
	if err != nil {
		return nil, fmt.Errorf("opening a bundle: %w", err)
	}
	files, err := readArchive(r)
	if err != nil {
		return nil, fmt.Errorf("opening a bundle: %w", err)
	}
	o := &Opened{Known: trusted != nil}
	if trusted == nil {
		if trusted, err = seal.ParseKeys(files[keysName]); err != nil {
			return nil, fmt.Errorf("opening a bundle: %s: %w", keysName, err)
		}
	}
	payload, id, err := seal.VerifyDocument(files[signedName], ManifestType, trusted)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAltered, err)
	}
	o.KeyID = id
	if err := json.Unmarshal(payload, &o.Manifest); err != nil {
		return nil, fmt.Errorf("opening a bundle: its manifest: %w", err)
	}
	if o.Manifest.Format != 1 {
		return nil, fmt.Errorf("opening a bundle: its manifest is of format %d, this build knows 1", o.Manifest.Format)
	}
	o.Bundle = Bundle{Version: o.Manifest.Version, Collected: o.Manifest.Collected, LeftOut: o.Manifest.LeftOut}
	for _, m := range o.Manifest.Files {
		f := File{Name: m.Name, Text: files[m.Name], Withheld: m.Withheld}
		if f.SHA256() != m.SHA256 || len(f.Text) != m.Bytes {
			return nil, fmt.Errorf("%w: %s is another file than the manifest has", ErrAltered, m.Name)
		}
		o.Files = append(o.Files, f)
		delete(files, m.Name)
	}
	for _, name := range []string{manifestName, signedName, keysName} {
		delete(files, name)
	}
	for name := range files {
		return nil, fmt.Errorf("%w: %s is not in the manifest", ErrAltered, name)
	}
	return o, nil
}

// mostFiles bounds what an archive makes its reader do.
const mostFiles = 100

func readArchive(r io.Reader) (map[string][]byte, error) {
	zip, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	archive := tar.NewReader(io.LimitReader(zip, 2*MaxSize))
	files := map[string][]byte{}
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		name, ok := strings.CutPrefix(h.Name, folder)
		if !ok || name == "" || strings.ContainsAny(name, "/\\") || name[0] == '.' || h.Typeflag != tar.TypeReg || len(files) == mostFiles {
			return nil, fmt.Errorf("%.80q does not belong into a bundle", h.Name)
		}
		if files[name], err = io.ReadAll(archive); err != nil {
			return nil, err
		}
	}
}
