package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
)

// readUpTo reads a file of at most limit bytes; of a longer one limit + 1, enough to be refused for its length by whoever parses it.
func readUpTo(path string, limit int64) ([]byte, error) {
	file, err := open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return text, nil
}

func open(path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w; check the path", err)
	}
	if info, err := file.Stat(); err == nil && info.IsDir() {
		file.Close()
		return nil, usage("%s is a folder; name the files in it", path)
	}
	return file, nil
}

// readKeys reads a JWK Set.
func readKeys(path string) (*seal.Keys, error) {
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

// digests are the files by name and content, of any size.
func digests(paths []string) (files []seal.File, err error) {
	seen := map[string]string{}
	for _, path := range paths {
		name := filepath.Base(path)
		if before, twice := seen[name]; twice {
			return nil, usage("%s and %s have one name: give one of them", before, path)
		}
		seen[name] = path
		d, err := digest(path)
		if err != nil {
			return nil, err
		}
		files = append(files, seal.File{Name: name, Digest: d})
	}
	return files, nil
}

func digest(path string) (d ledger.Digest, err error) {
	file, err := open(path)
	if err != nil {
		return d, err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return d, fmt.Errorf("reading %s: %w", path, err)
	}
	return ledger.Digest(h.Sum(nil)), nil
}
