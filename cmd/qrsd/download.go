package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/web/client"
	"github.com/qrsrisk/qrsd/web/wire"
)

// damaged is a file that came otherwise than the appliance says that it is.
type damaged struct{ path, want, got string }

// Error names both digests.
func (d *damaged) Error() string {
	return fmt.Sprintf("%s: what came has the SHA-256 %s, and the appliance says %s; nothing was saved", d.path, d.got, d.want)
}

// saved writes a file, for its owner alone, whole or not at all, and only with this SHA-256 (hexadecimal; "": whatever it is).
func saved(path, digest string, from func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	hash := sha256.New()
	err = from(io.MultiWriter(f, hash))
	if got := hex.EncodeToString(hash.Sum(nil)); err == nil && digest != "" && got != digest {
		err = &damaged{path, digest, got}
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// safeName is the name of a file as the appliance gives it, if it leads nowhere else.
func safeName(name string) (string, error) {
	if name != filepath.Base(name) || !filepath.IsLocal(name) || strings.HasPrefix(name, ".") || strings.ContainsAny(name, `/\:`) {
		return "", fmt.Errorf("the appliance names a file %q: that is no name to save it under", name)
	}
	return name, nil
}

// resultFiles are the files of a run in the order in which they are saved: the manifest, which speaks of the others, last. Of formats only these are
// wanted; none: all.
func resultFiles(t wire.RunTables, tables, formats []string) (files []wire.ResultFile, err error) {
	var known []string
	for _, table := range t.Tables {
		known = append(known, table.Name)
		if len(tables) > 0 && !slices.Contains(tables, table.Name) {
			continue
		}
		for _, f := range table.Files {
			if len(formats) == 0 || slices.Contains(formats, strings.TrimPrefix(filepath.Ext(f.Name), ".")) {
				files = append(files, f)
			}
		}
	}
	for _, name := range tables {
		if !slices.Contains(known, name) {
			return nil, &notThere{fmt.Sprintf("table %q: there is none; they are %s", name, strings.Join(known, ", "))}
		}
	}
	if len(tables) > 0 {
		return files, nil
	}
	last := slices.IndexFunc(t.Files, func(f wire.ResultFile) bool { return f.Name == runner.ManifestFile })
	for i, f := range t.Files {
		if i != last {
			files = append(files, f)
		}
	}
	if last >= 0 {
		files = append(files, t.Files[last])
	}
	return files, nil
}

// downloadRun saves files of a finished run into a folder, each held to its digest.
func downloadRun(ctx context.Context, c console, a *client.Client, run, folder string, files []wire.ResultFile) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	// At no time does a manifest lie beside files that it does not speak of.
	if err := os.Remove(filepath.Join(folder, runner.ManifestFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the manifest of an earlier run: %w", err)
	}
	for _, f := range files {
		name, err := safeName(f.Name)
		if err != nil {
			return err
		}
		bar := startTransfer(c.err, name)
		err = saved(filepath.Join(folder, name), f.SHA256, func(w io.Writer) error { return a.RunFile(ctx, run, f.Name, w, bar.update) })
		bar.stop()
		if err != nil {
			return err
		}
	}
	return nil
}

// downloadSeal saves the seal of a run beside its files; the name is "" where it has none yet.
func downloadSeal(ctx context.Context, a *client.Client, run, folder string) (name string, err error) {
	name = run + ".seal.json"
	err = saved(filepath.Join(folder, name), "", func(w io.Writer) error { return a.DownloadSeal(ctx, run, w) })
	var p *client.Problem
	if errors.As(err, &p) && p.Status == 404 {
		return "", nil
	}
	return name, err
}
