package runner

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/exposure/parquet"
	"github.com/qrsrisk/qrsd/engine/geography"
)

// Files are the exposure of a run.
type Files struct {
	Location string // OED location file, CSV or Parquet (by its ending)
	Account  string // OED account file; "" = none, then no policy terms apply
	BadRows  string // folder for the rows with faults; "" = not wanted
}

// source opens one file of the exposure; nil: there is none.
type source func() (_ *exposure.Source, done func(), _ error)

// Read imports the portfolio, or reports every fault of it (*exposure.FaultsError).
func (f Files) Read(ground *geography.Florida) (*exposure.Portfolio, *exposure.Report, error) {
	var account source
	if f.Account != "" {
		account = func() (*exposure.Source, func(), error) { return open(f.Account) }
	}
	return f.read(ground, func() (*exposure.Source, func(), error) { return open(f.Location) }, account)
}

// read imports the portfolio from wherever it is kept.
func (f Files) read(ground *geography.Florida, locations, accounts source) (*exposure.Portfolio, *exposure.Report, error) {
	location, done, err := locations()
	if err != nil {
		return nil, nil, err
	}
	defer done()
	var account *exposure.Source
	if accounts != nil {
		if account, done, err = accounts(); err != nil {
			return nil, nil, err
		}
		defer done()
	}
	options := exposure.Options{Geocoder: geocoder(ground)}
	bad, err := f.badRows(&options)
	if err != nil {
		return nil, nil, err
	}
	portfolio, report, err := exposure.Read(location, account, options)
	return portfolio, report, errors.Join(err, bad.close())
}

func open(path string) (*exposure.Source, func(), error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("opening exposure: %w", err)
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory; give the OED file in it", path)
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return sourceOf(path, file, info.Size()), func() { file.Close() }, nil
}

// bytesOf is a file wherever it is kept.
type bytesOf interface {
	io.Reader
	io.ReaderAt
}

// sourceOf reads Parquet or CSV, by the ending of the name.
func sourceOf(name string, file bytesOf, size int64) *exposure.Source {
	if strings.EqualFold(filepath.Ext(name), ".parquet") {
		return parquet.Open(name, file, size)
	}
	return exposure.CSV(name, file)
}

// badFiles are the two files of bad rows; they come into being with their first row.
type badFiles struct{ location, account lazyFile }

func (f Files) badRows(o *exposure.Options) (*badFiles, error) {
	b := new(badFiles)
	if f.BadRows == "" {
		return b, nil
	}
	if err := folder(f.BadRows); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(f.BadRows, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder for bad rows: %w", err)
	}
	b.location.path = filepath.Join(f.BadRows, "bad-location.csv")
	b.account.path = filepath.Join(f.BadRows, "bad-account.csv")
	o.BadLocations, o.BadAccounts = &b.location, &b.account
	return b, nil
}

func (b *badFiles) close() error { return errors.Join(b.location.close(), b.account.close()) }

// lazyFile is a file that is made when something is written to it.
type lazyFile struct {
	path string
	file *os.File
}

var _ io.Writer = (*lazyFile)(nil)

// Write implements io.Writer.
func (l *lazyFile) Write(b []byte) (int, error) {
	if l.file == nil {
		f, err := os.Create(l.path)
		if err != nil {
			return 0, err
		}
		l.file = f
	}
	return l.file.Write(b)
}

func (l *lazyFile) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
