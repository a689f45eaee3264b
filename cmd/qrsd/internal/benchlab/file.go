package benchlab

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/qrsrisk/qrsd/internal/canonical"
)

// Files of the output folder.
const (
	PlanFile     = "plan.json"
	IdentityFile = "identity.json"
	ReportFile   = "report.json"
	PageFile     = "report.html"
	RowsFile     = "replicates.csv"
)

// replicateFile is the name of replicate i, from 0.
func replicateFile(i int) string { return fmt.Sprintf("replicate-%02d.json", i+1) }

// document is the form of all JSON files: the content with the SHA-256 of its canonical form (RFC 8785).
type document struct {
	Content json.RawMessage `json:"content"`
	Digest  string          `json:"digest"`
}

func hexDigest(d [32]byte) string { return "sha256:" + hex.EncodeToString(d[:]) }

// encode is the canonical form of a value.
func encode(v any) ([]byte, error) { return canonical.Marshal(v) }

// Digest is the digest under which a file of benchlab is known: "sha256:" and the hash of its content's canonical form.
func Digest(content any) (string, error) {
	text, err := encode(content)
	if err != nil {
		return "", err
	}
	return hexDigest(sha256.Sum256(text)), nil
}

// Marshal is the whole file of a content. Errors: a content that JSON cannot hold, such as NaN.
func Marshal(content any) (file []byte, digest string, err error) {
	text, err := encode(content)
	if err != nil {
		return nil, "", err
	}
	digest = hexDigest(sha256.Sum256(text))
	file, err = encode(document{text, digest})
	return append(file, '\n'), digest, err
}

// maxFile bounds what is read of a file of the folder.
const maxFile = 16 << 20

// ErrAltered is wrapped by errors that say that a file does not fit its digest.
var ErrAltered = errors.New("the file was altered")

// unmarshal is the inverse of Marshal: it refuses what does not fit its digest, and fields that content does not have.
func unmarshal(file []byte, content any) (digest string, err error) {
	var d document
	if err := strictly(file, &d); err != nil {
		return "", err
	}
	text, err := canonical.Transform(d.Content)
	if err != nil {
		return "", err
	}
	digest = hexDigest(sha256.Sum256(text))
	if digest != d.Digest {
		return "", fmt.Errorf("%w: its content has digest %s, it says %s", ErrAltered, digest, d.Digest)
	}
	return digest, strictly(text, content)
}

func strictly(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value")
	}
	return nil
}

// read reads a file of the laboratory. Errors name the file.
func read(path string, content any) (digest string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("longer than %d bytes; it is no file of benchlab", maxFile)
	}
	if err == nil {
		digest, err = unmarshal(text, content)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return digest, nil
}

// write writes a file so that it appears whole or not at all.
func write(folder, name string, content any) (digest string, err error) {
	text, digest, err := Marshal(content)
	if err != nil {
		return "", fmt.Errorf("writing %s: %w", name, err)
	}
	return digest, WriteWhole(filepath.Join(folder, name), text)
}

// WriteWhole writes a file beside the place and moves there.
func WriteWhole(path string, text []byte) error {
	f, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(path+".part"))
	}
	return os.Rename(path+".part", path)
}

// ReadPlan reads a plan file and its digest. It does not hold it against a model: Plan.Check does.
func ReadPlan(path string) (*Plan, string, error) {
	p := new(Plan)
	digest, err := read(path, p)
	return p, digest, err
}

// WritePlan writes a plan file and returns its digest.
func WritePlan(path string, p *Plan) (digest string, err error) {
	return write(filepath.Dir(path), filepath.Base(path), p)
}
