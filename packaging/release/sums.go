package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Names of a release's files that are about the others.
const (
	sumsFile      = "SHA256SUMS"     // as sha256sum writes and checks it
	signatureFile = "SHA256SUMS.sig" // of that file: ECDSA over P-256 and SHA-256, ASN.1, as openssl writes and checks it
)

// writeSums writes the digests of files, in the order of their names.
func writeSums(folder string, names []string) error {
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return fmt.Errorf("summing up the release: %w", err)
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(content), name)
	}
	return os.WriteFile(filepath.Join(folder, sumsFile), []byte(b.String()), 0o644)
}

// sign writes the signature over the sums with the key in a file.
func sign(folder, keyFile string) error {
	key, err := readKey(keyFile)
	if err != nil {
		return fmt.Errorf("the release's key %s: %w", keyFile, err)
	}
	sums, err := os.ReadFile(filepath.Join(folder, sumsFile))
	if err != nil {
		return err
	}
	digest := sha256.Sum256(sums)
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		return fmt.Errorf("signing the release: %w", err)
	}
	return os.WriteFile(filepath.Join(folder, signatureFile), signature, 0o644)
}

// readKey reads a private key that its owner alone can read: PKCS#8 in PEM, on the curve P-256.
func readKey(path string) (*ecdsa.PrivateKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("mode %04o: others can read it; chmod 600", info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("no PEM block PRIVATE KEY in it; make one with openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("not an ECDSA key on the curve P-256; make one with openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256")
	}
	return key, nil
}
