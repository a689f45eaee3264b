package modelcard

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/benchlab"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Release are the files of a release's meta-seal; both are given or none. The zero Release has none.
type Release struct {
	MetaSeal string
	Keys     string // JWK Set that is trusted
}

// standing is what may be said of the figures of a model, and the meta-seal that it rests on; nil where none was given. Whatever is
// wrong with the files is said there, and the figures are then pending.
func (r Release) standing(model ledger.Digest) (string, *wire.ReleaseSeal) {
	if r.MetaSeal == "" {
		return benchlab.PendingSignoff, nil
	}
	verdict, err := r.verify(model)
	if err != nil {
		// The paths are the operator's own business; readers of the card see the file's name.
		return benchlab.PendingSignoff, &wire.ReleaseSeal{Pending: true, Reason: err.Error(), By: []string{}, Checks: []wire.SealCheck{}}
	}
	out := &wire.ReleaseSeal{
		Valid: verdict.OK(), Pending: verdict.SignOff.Pending, Reason: verdict.SignOff.Reason, Tag: verdict.Tag, Runs: verdict.Runs, By: append([]string{}, verdict.SignOff.By...),
		Checks: []wire.SealCheck{},
	}
	if verdict.Runs > 0 {
		out.Rollup = verdict.Rollup.String()
	}
	for _, c := range verdict.Checks {
		out.Checks = append(out.Checks, wire.SealCheck(c))
	}
	return verdict.SignOff.String(), out
}

// verify holds the meta-seal to the keys, and its runs to the model: a sign-off of another model says nothing of this one.
func (r Release) verify(model ledger.Digest) (*seal.MetaVerdict, error) {
	text, err := readUpTo(r.MetaSeal, seal.MaxMetaFile)
	if err != nil {
		return nil, err
	}
	f, err := seal.ParseMetaFile(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(r.MetaSeal), err)
	}
	if text, err = readUpTo(r.Keys, seal.MaxKeys); err != nil {
		return nil, err
	}
	keys, err := seal.ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(r.Keys), err)
	}
	verdict := seal.VerifyMeta(f, keys, nil)
	if !verdict.OK() || len(f.Seals) == 0 {
		return verdict, nil
	}
	of := seal.Verify(f.Seals[0].Envelope, keys, nil) // all of them are of one model, which was checked
	check := seal.Check{Name: "model of this appliance", Got: of.Statement.Predicate.Model.String(), Want: model.String()}
	if check.OK = check.Got == check.Want; !check.OK {
		check.Reason = "the runs are of another model"
		verdict.SignOff = seal.SignOff{Pending: true, By: verdict.SignOff.By, Reason: check.Reason}
	}
	verdict.Checks = append(verdict.Checks, check)
	return verdict, nil
}

func readUpTo(path string, most int64) (text []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unplaced(path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err = io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s: larger than %d bytes", filepath.Base(path), most)
	}
	return text, unplaced(path, err)
}

// unplaced is an error without the folder.
func unplaced(path string, err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return fmt.Errorf("%s: %w", filepath.Base(path), at.Err)
	}
	return err
}
