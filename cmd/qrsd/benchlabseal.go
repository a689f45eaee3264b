package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/benchlab"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/store/seal"
)

// benchlabSealCommand is `qrsd benchlab seal`.
type benchlabSealCommand struct {
	Out     string   `short:"o" required:"" placeholder:"DIR" help:"The folder of the run, with its report; the meta-seal is written into it."`
	Keys    string   `required:"" placeholder:"FILE" help:"Published keys that verify the run seals (JWK Set)."`
	KeyFile string   `required:"" placeholder:"FILE" help:"Private key that signs the release: P-256 in PEM, readable by its owner alone."`
	Seals   []string `arg:"" name:"seal" help:"The seals of the 30 runs."`
	JSON    bool     `help:"Print as JSON."`
}

// metaSealOutput is what seal and countersign print as JSON.
type metaSealOutput struct {
	File     string       `json:"file"`
	Keys     string       `json:"keys"` // of it and of the runs' seals, to be published
	Tag      string       `json:"tag"`
	Runs     int          `json:"constituent_runs"`
	Rollup   string       `json:"rollup"`
	SignOff  seal.SignOff `json:"sign_off"`
	Standing string       `json:"standing"`
}

// Run carries out the command.
func (b *benchlabSealCommand) Run(ctx context.Context, c console) error {
	keys, err := readPublishedKeys(b.Keys)
	if err != nil {
		return err
	}
	signer, err := readPrivateKey(b.KeyFile)
	if err != nil {
		return err
	}
	var seals []seal.Seal
	for _, path := range b.Seals {
		text, err := readUpTo(path, seal.MaxMetaFile)
		if err != nil {
			return err
		}
		seals = append(seals, seal.Seal{Name: filepath.Base(path), Envelope: text})
	}
	evidence, err := readEvidence(b.Out)
	if err != nil {
		return err
	}
	predicate, ordered, err := evidence.Bind(seals, keys, time.Now())
	if err != nil {
		return err
	}
	f := seal.MetaFile{Seals: ordered}
	if f.Envelope, err = seal.SignMeta(ctx, predicate, signer); err != nil {
		return err
	}
	release, err := seal.NewSealKey(signer.Public())
	if err != nil {
		return err
	}
	if f.Keys, err = withKey(keys, release); err != nil {
		return err
	}
	return finishMetaSeal(c, filepath.Join(b.Out, benchlab.MetaSealFile), f, evidence, b.JSON)
}

// benchlabCountersignCommand is `qrsd benchlab countersign`.
type benchlabCountersignCommand struct {
	Out        string `short:"o" required:"" placeholder:"DIR" help:"The folder that the meta-seal binds: plan, replicates and report. All is judged again."`
	Meta       string `placeholder:"FILE" help:"The meta-seal; that of the folder unless told."`
	Keys       string `required:"" placeholder:"FILE" help:"Published keys of the release that the laboratory trusts (JWK Set)."`
	KeyFile    string `required:"" placeholder:"FILE" help:"The laboratory's private key: P-256 in PEM, readable by its owner alone."`
	Laboratory string `required:"" placeholder:"NAME" help:"The laboratory's name, as claims will show it."`
	JSON       bool   `help:"Print as JSON."`
}

// Run carries out the command.
func (b *benchlabCountersignCommand) Run(ctx context.Context, c console) error {
	if b.Meta == "" {
		b.Meta = filepath.Join(b.Out, benchlab.MetaSealFile)
	}
	keys, err := readPublishedKeys(b.Keys)
	if err != nil {
		return err
	}
	signer, err := readPrivateKey(b.KeyFile)
	if err != nil {
		return err
	}
	laboratory, err := seal.NewLaboratoryKey(signer.Public(), b.Laboratory)
	if err != nil {
		return err
	}
	for _, k := range keys.All() {
		if k.ID == laboratory.ID && k.Role != seal.LaboratoryKey {
			return fmt.Errorf("%s: this is the release's own key; a laboratory signs with a key of its own", b.KeyFile)
		}
	}
	evidence, err := readEvidence(b.Out)
	if err != nil {
		return err
	}
	f, err := readMetaFile(b.Meta)
	if err != nil {
		return err
	}
	if err := metaFaults(c, seal.VerifyMeta(f, keys, evidence.Files())); err != nil {
		return err
	}
	if f.Envelope, err = seal.Countersign(ctx, f.Envelope, signer); err != nil {
		return err
	}
	if f.Keys, err = withKey(f.Keys, laboratory); err != nil {
		return err
	}
	return finishMetaSeal(c, b.Meta, f, evidence, b.JSON)
}

// standing is what the meta-seal lets claims say.
func (b *benchlabReportCommand) standing(model *modelpack.Model) (string, error) {
	evidence, err := benchlab.ReadEvidence(b.Out, model)
	if err != nil {
		return "", err
	}
	keys, err := readPublishedKeys(b.Keys)
	if err != nil {
		return "", err
	}
	f, err := readMetaFile(b.Meta)
	if err != nil {
		return "", err
	}
	return evidence.Standing(seal.VerifyMeta(f, keys, evidence.Files())), nil
}

func readEvidence(folder string) (*benchlab.Evidence, error) {
	model, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		return nil, err
	}
	return benchlab.ReadEvidence(folder, model)
}

// finishMetaSeal verifies what was made with its own keys, writes it and the keys to be published, and says what it is.
func finishMetaSeal(c console, path string, f seal.MetaFile, evidence *benchlab.Evidence, asJSON bool) error {
	verdict := seal.VerifyMeta(f, f.Keys, evidence.Files())
	if err := metaFaults(c, verdict); err != nil {
		return err
	}
	text, err := f.Encode()
	if err != nil {
		return err
	}
	if err := benchlab.WriteWhole(path, text); err != nil {
		return fmt.Errorf("writing the meta-seal: %w", err)
	}
	keys := filepath.Join(filepath.Dir(path), benchlab.ReleaseKeysFile)
	if err := benchlab.WriteWhole(keys, f.Keys.JWKS()); err != nil {
		return fmt.Errorf("writing the keys to be published: %w", err)
	}
	standing := evidence.Standing(verdict)
	rollup := "sha256:" + verdict.Rollup.String()
	if asJSON {
		return printJSON(c.out, metaSealOutput{path, keys, verdict.Tag, verdict.Runs, rollup, verdict.SignOff, standing})
	}
	fmt.Fprintf(c.out, "%s: tag %s, %d runs, rollup %s\n", path, verdict.Tag, verdict.Runs, rollup)
	fmt.Fprintf(c.out, "%s: the public keys that verify it; publish them on another way than the release\n", keys)
	fmt.Fprintf(c.out, "claims about these figures read: %s\n", standing)
	if verdict.SignOff.Reason != "" {
		fmt.Fprintf(c.out, "because %s\n", verdict.SignOff.Reason)
	}
	return nil
}

// metaFaults prints the steps that do not hold; errDiffer if there are any.
func metaFaults(c console, v *seal.MetaVerdict) error {
	if v.OK() {
		return nil
	}
	for _, k := range v.Checks {
		if !k.OK {
			fmt.Fprintf(c.err, "%s: %s\n", k.Name, k.Reason)
		}
	}
	fmt.Fprintln(c.err, "qrsd: the meta-seal does not verify; nothing was signed")
	return errDiffer
}

func readMetaFile(path string) (seal.MetaFile, error) {
	text, err := readUpTo(path, seal.MaxMetaFile)
	if err != nil {
		return seal.MetaFile{}, err
	}
	f, err := seal.ParseMetaFile(text)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return f, err
}

func readPublishedKeys(path string) (*seal.Keys, error) {
	text, err := readUpTo(path, seal.MaxKeys)
	if err != nil {
		return nil, err
	}
	keys, err := seal.ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return keys, nil
}

// withKey adds a key unless it is there.
func withKey(keys *seal.Keys, k seal.Key) (*seal.Keys, error) {
	all := keys.All()
	for _, there := range all {
		if there.ID == k.ID {
			return keys, nil
		}
	}
	return seal.NewKeys(append(all, k)...)
}

// readPrivateKey reads a P-256 key from PEM (RFC 5915 or RFC 5958, as openssl writes them). A file that others may read or
// change is refused.
func readPrivateKey(path string) (*seal.LocalSigner, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: its mode is %o, so that others can read or change it: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	text, err := readUpTo(path, maxSecretFile)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	key, err := parsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; make one with: openssl ecparam -name prime256v1 -genkey -noout", path, err)
	}
	scalar, err := key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer clear(scalar)
	return seal.NewLocalSigner(scalar)
}

func parsePrivateKey(text []byte) (*ecdsa.PrivateKey, error) {
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return nil, errors.New("there is no private key in PEM in it")
		}
		switch block.Type {
		case "EC PRIVATE KEY":
			return x509.ParseECPrivateKey(block.Bytes)
		case "PRIVATE KEY":
			key8, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if key, ok := key8.(*ecdsa.PrivateKey); ok || err != nil {
				return key, err
			}
			return nil, errors.New("the private key is not ECDSA; seals are signed with ECDSA P-256")
		}
		text = rest
	}
}

// readUpTo reads a file of at most so many bytes.
func readUpTo(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("%s: longer than %d bytes; it is another file", path, most)
	}
	return text, nil
}
