// Package modelpack opens a model: the data that hazard, geography and vulnerability need, from one folder.
//
// It holds the Florida pack itself, embedded, and the digest that names a model in results and
// seals. It computes no hazard and no damage. Its files are written by the programs
// hazard/fit, geography/derive and vulnerability/derive; where each datum comes from is in PROVENANCE.md.
//
// Begin with Open.
package modelpack

import (
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"sort"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/besttrack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

//go:embed florida
var embedded embed.FS

// Digest names a model: SHA-256 over its files.
type Digest [sha256.Size]byte

// String is "sha256:" and the digest in hexadecimal.
func (d Digest) String() string { return "sha256:" + hex.EncodeToString(d[:]) }

// Model is everything the engine knows about hurricanes, ground and buildings. It is immutable
// and safe for use by many goroutines.
type Model struct {
	Digest    Digest
	Climate   *hazard.Climatology
	Record    *hazard.Record
	Scenarios []besttrack.Storm // the best-known Florida hurricanes
	Ground    *geography.Florida
	Curves    *vulnerability.Library
}

// Florida is the embedded model.
func Florida(curves vulnerability.Options) (*Model, error) {
	pack, err := fs.Sub(embedded, "florida")
	if err != nil {
		return nil, fmt.Errorf("opening the embedded model: %w", err)
	}
	return Open(pack, curves)
}

// Open reads a model from the root of fsys. Options change the curves (judgements switched off); they are
// not part of the digest, which names the pack. Errors name the file and what is wrong with it.
func Open(fsys fs.FS, curves vulnerability.Options) (*Model, error) {
	m := new(Model)
	var errs [6]error
	m.Digest, errs[0] = digest(fsys)
	m.Climate, errs[1] = hazard.ReadClimatology(fsys)
	m.Record, errs[2] = hazard.ReadRecord(fsys)
	m.Ground, errs[3] = geography.Open(fsys)
	m.Curves, errs[4] = vulnerability.Open(fsys, curves)
	m.Scenarios, errs[5] = hazard.ReadScenarios(fsys)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("opening the model pack: %w", err)
	}
	return m, nil
}

// digest hashes every file in order of name: name length, name, content length, content.
func digest(fsys fs.FS) (d Digest, err error) {
	var names []string
	err = fs.WalkDir(fsys, ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		return d, err
	}
	sort.Strings(names)
	h := sha256.New()
	field := func(b []byte) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	for _, name := range names {
		content, err := fs.ReadFile(fsys, name)
		if err != nil {
			return d, err
		}
		field([]byte(name))
		field(content)
	}
	h.Sum(d[:0])
	return d, nil
}
