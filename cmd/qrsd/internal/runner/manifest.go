package runner

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"golang.org/x/sync/errgroup"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/engine/results/parquet"
	"github.com/qrsrisk/qrsd/quantum"
)

// ManifestFile is the manifest's name in the output folder.
const ManifestFile = "manifest.json"

// Manifest says what a run was made of and what it gave. Digests are over the tables' values and do not depend
// on files, cores or the order of the exposure's rows; Files are over the bytes written.
type Manifest struct {
	Format    int               `json:"format"` // of this file: 1
	Engine    string            `json:"engine"`
	Build     Build             `json:"build"`
	Model     string            `json:"model"`     // digest of the model pack
	Portfolio string            `json:"portfolio"` // digest of the exposure
	Spec      engine.Spec       `json:"spec"`
	Digests   map[string]string `json:"digests"` // by table
	// Estimate is the digest of EstimateFile, which stands beside the result and is none of its tables; "" where there is none.
	Estimate string `json:"estimate,omitempty"`
	Files    []File `json:"files,omitempty"`
}

// File is one file written.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Build is the program that ran.
type Build struct {
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Commit   string `json:"commit,omitempty"` // "" where the build has none
	Modified bool   `json:"modified"`         // built from a changed work tree
}

// ThisBuild is the program that runs.
func ThisBuild() Build {
	b := Build{Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Commit = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
	}
	return b
}

// write digests every table and the estimate (if there is one) and, with a folder, writes each table as CSV and Parquet, the
// estimate, the workbook if it is wanted, and the manifest last. The manifest of an earlier run goes first: at no time
// does one lie beside tables that it does not speak of.
func write(folder string, r *engine.Result, estimate *quantum.Report, workbook *Workbook) (*Manifest, error) {
	m := &Manifest{
		Format: 1, Engine: engine.Version, Build: ThisBuild(), Model: r.Model.String(),
		Portfolio: "sha256:" + hex.EncodeToString(r.Portfolio[:]), Spec: r.Spec, Digests: map[string]string{},
	}
	if folder != "" {
		if err := os.Remove(filepath.Join(folder, ManifestFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("removing the manifest of an earlier run: %w", err)
		}
	}
	tables := Tables(r)
	parts := make([]written, len(tables))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, t := range tables {
		group.Go(func() (err error) {
			parts[i], err = writeTable(folder, t)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, t := range tables {
		m.Digests[t.Name] = parts[i].digest
		m.Files = append(m.Files, parts[i].files...)
	}
	if err := m.addEstimate(folder, estimate); err != nil {
		return nil, err
	}
	if err := m.addWorkbook(folder, workbook, r, tables); err != nil {
		return nil, err
	}
	if folder == "" {
		return m, nil
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the manifest: %w", err)
	}
	return m, writeWhole(filepath.Join(folder, ManifestFile), append(text, '\n'))
}

// written is a table's digest and its files.
type written struct {
	digest string
	files  []File
}

func writeTable(folder string, t results.Table) (w written, err error) {
	digest := results.Digest(t)
	w.digest = "sha256:" + hex.EncodeToString(digest[:])
	if folder == "" {
		return w, nil
	}
	for _, form := range []struct {
		ending string
		write  func(io.Writer, results.Table) error
	}{{".csv", results.WriteCSV}, {".parquet", parquet.Write}} {
		f, err := writeFile(folder, t.Name+form.ending, func(w io.Writer) error { return form.write(w, t) })
		if err != nil {
			return w, fmt.Errorf("writing %s: %w", t.Name+form.ending, err)
		}
		w.files = append(w.files, f)
	}
	return w, nil
}

func writeFile(folder, name string, fill func(io.Writer) error) (f File, err error) {
	path := filepath.Join(folder, name)
	file, err := os.Create(path + ".part")
	if err != nil {
		return f, err
	}
	hash := sha256.New()
	count := &counter{}
	w := bufio.NewWriterSize(io.MultiWriter(file, hash, count), 1<<20)
	if err = fill(w); err == nil {
		err = w.Flush()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return f, errors.Join(err, os.Remove(path+".part"))
	}
	return File{name, count.n, hex.EncodeToString(hash.Sum(nil))}, os.Rename(path+".part", path)
}

type counter struct{ n int64 }

// Write implements io.Writer.
func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}
