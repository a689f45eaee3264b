package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/qrsrisk/qrsd/store/internal/durable"
)

// The two small files that are no secret, format.json and the anchor, are JSON for people to read, with the SHA-256 of
// the text on a last line of its own: a changed byte is noticed. It is no protection against someone who means it: the
// anchor's checkpoint is signed.

func writeSummed(path string, content any) error {
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(path, summed(append(text, '\n')), 0o600)
}

func summed(text []byte) []byte {
	sum := sha256.Sum256(text)
	return append(append(text, hex.EncodeToString(sum[:])...), '\n')
}

func readSummed(path string, content any) error {
	file, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	const line = 2*sha256.Size + 1
	if len(file) < line || !bytes.Equal(summed(bytes.Clone(file[:len(file)-line])), file) {
		return fmt.Errorf("%s: %w: its last line is not the SHA-256 of the rest", filepath.Base(path), ErrDamaged)
	}
	if err := json.Unmarshal(file[:len(file)-line], content); err != nil {
		return fmt.Errorf("%s: %w: %w", filepath.Base(path), ErrDamaged, err)
	}
	return nil
}
