package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// exportSealed writes the files that a seal speaks of into a folder, each held to its digest in the seal. The seal is verified first.
func exportSealed(ctx context.Context, w *workspace.Workspace, r store.Record[workspace.Seal], keys *seal.Keys, folder string) (names []string, err error) {
	verdict := seal.Verify(r.Value.Envelope, keys, nil)
	for _, check := range verdict.Checks {
		if !check.OK {
			return nil, fmt.Errorf("the seal of run %s: %s: %s: %w", r.ID, check.Name, check.Reason, ledger.ErrNotVerified)
		}
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	for _, s := range verdict.Statement.Subjects {
		if err := exportSubject(ctx, w, r.ID, s, folder); err != nil {
			return names, fmt.Errorf("file %s of run %s: %w", s.Name, r.ID, err)
		}
		names = append(names, s.Name)
	}
	return names, nil
}

func exportSubject(ctx context.Context, w *workspace.Workspace, run store.ID, s seal.Subject, folder string) (err error) {
	from, err := w.Export(ctx, run, s.Name)
	if err != nil {
		return err
	}
	defer func() { err = joined(err, from.Close()) }()
	return keepFile(filepath.Join(folder, s.Name), func(to io.Writer) error {
		hash := sha256.New()
		if _, err := io.Copy(io.MultiWriter(to, hash), from); err != nil {
			return err
		}
		if got := ledger.Digest(hash.Sum(nil)); got != s.Digest {
			return fmt.Errorf("it has the digest %s, sealed is %s: %w", got, s.Digest, ledger.ErrNotVerified)
		}
		return nil
	})
}

// keepFile writes a file whole or not at all. One of the same content is left as it is; one of another content is not replaced: it
// may be evidence, or keys that somebody trusts.
func keepFile(path string, fill func(io.Writer) error) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if gone := os.Remove(temp.Name()); !errors.Is(gone, os.ErrNotExist) {
			err = joined(err, gone)
		}
	}()
	if err := errors.Join(fill(temp), temp.Chmod(0o644), temp.Sync(), temp.Close()); err != nil {
		return err
	}
	switch _, err := os.Lstat(path); {
	case errors.Is(err, os.ErrNotExist):
		return os.Rename(temp.Name(), path)
	case err != nil:
		return err
	case sameContent(temp.Name(), path):
		return nil
	}
	return fmt.Errorf("%s: there is a file of this name with other content: remove it or name another: %w", path, os.ErrExist)
}

func sameContent(a, b string) bool {
	x, err1 := os.ReadFile(a)
	y, err2 := os.ReadFile(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

func copying(content []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	}
}

// beside is a path in the folder of another.
func beside(path, name string) string { return filepath.Join(filepath.Dir(path), name) }

// joined is errors.Join that leaves a single error as it is.
func joined(err, other error) error {
	switch {
	case other == nil:
		return err
	case err == nil:
		return other
	}
	return errors.Join(err, other)
}
