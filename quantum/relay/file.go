package relay

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/qrsrisk/qrsd/internal/canonical"
)

// maxFile bounds a file before it is read as JSON: 64 circuits' results of 100,000 shots are below it.
const maxFile = 256 << 20

// Formats of the two files. A file of another format is refused, not guessed at.
const (
	JobFormat    = "qcirc/1"
	ResultFormat = "qres/1"
)

// signed is a document with a signature: over its canonical JSON with the member signature left out. The member format is
// inside, so that no signature serves for the other kind of file.
type signed interface {
	signature() *[]byte
}

// sign sets the signature and is the file: canonical JSON and a line end.
func (k *Key) sign(s signed) ([]byte, error) {
	*s.signature() = nil
	message, err := canonical.Marshal(s)
	if err != nil {
		return nil, err
	}
	*s.signature() = ed25519.Sign(k.private, message)
	file, err := canonical.Marshal(s)
	if err != nil {
		return nil, err
	}
	return append(file, '\n'), nil
}

// digest is the SHA-256 of a signed document's canonical JSON, signature included, in hexadecimal: the layout of the file
// does not matter.
func digest(s signed) (string, error) {
	text, err := canonical.Marshal(s)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// errSignature is a signature that does not fit; every byte of the file counts.
var errSignature = errors.New("its signature does not fit its content: it was changed after it was signed, or damaged on the way")

// verify holds the document to its signature by the key.
func verify(s signed, by PublicKey) error {
	if len(by) != ed25519.PublicKeySize {
		return errors.New("it names no key; whoever writes it must sign it")
	}
	signature := *s.signature()
	*s.signature() = nil
	message, err := canonical.Marshal(s)
	*s.signature() = signature
	if err != nil {
		return err
	}
	if !ed25519.Verify(ed25519.PublicKey(by), message, signature) {
		return errSignature
	}
	return nil
}

// Read takes a file's bytes, and refuses one that is larger than either kind can be before it has filled the memory.
func Read(r io.Reader) ([]byte, error) {
	file, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(file) > maxFile {
		err = fmt.Errorf("it has more than %d bytes; no job and no result is as large", maxFile)
	}
	return file, err
}

// decode reads a file strictly: one JSON value, no name twice, no member that the format does not have.
func decode(file []byte, format string, into any) error {
	if len(file) > maxFile {
		return fmt.Errorf("it has %d bytes; at most %d are read", len(file), maxFile)
	}
	text, err := canonical.Transform(file)
	if err != nil {
		return fmt.Errorf("it is no JSON document: %w", err)
	}
	var head struct{ Format string }
	if err := json.Unmarshal(text, &head); err != nil {
		return errors.New("it is no JSON object")
	}
	if head.Format != format {
		return fmt.Errorf("its format is %.40q, and %q is needed here", head.Format, format)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("it is not of format %s: %w", format, err)
	}
	// Members whose case differs are taken by encoding/json; then what is signed is not what is there.
	back, err := canonical.Marshal(into)
	if err != nil {
		return err
	}
	if !bytes.Equal(back, text) {
		return fmt.Errorf("it is not of format %s: a member is missing, or not spelt as the format has it", format)
	}
	return nil
}
