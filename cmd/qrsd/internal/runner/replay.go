package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// Replayed is a run that was computed again.
type Replayed struct {
	Tenant  store.ID
	Run     store.ID
	Tables  int      // whose digests were compared
	Differ  []string // names of those that differ
	Skipped string   // why there was none to compute; "" where there was
}

// Replay computes the finished run with the least work of a restored store again, and compares the digest of every table with the one
// that was kept. Only a run of this model and version of the engine can come out the same; where there is none, nothing is
// compared, and the answer says so.
func Replay(ctx context.Context, restored *store.DB) (out Replayed, err error) {
	model, err := openModel(nil)
	if err != nil {
		return out, err
	}
	all, err := workspace.Replays(ctx, restored, model.Digest)
	if err != nil {
		return out, err
	}
	for _, one := range all {
		made, err := madeBy(ctx, one)
		if err != nil {
			return out, err
		}
		if made == engine.Version && len(one.Run().Value.Spec.Without) == 0 {
			return replay(ctx, one)
		}
	}
	out.Skipped = "no finished run of the present model and version of the engine is in the backup"
	return out, nil
}

// madeBy is the version of the engine that a result was computed with.
func madeBy(ctx context.Context, one *workspace.Replay) (string, error) {
	from, err := one.OpenResult(ctx, ManifestFile)
	if err != nil {
		return "", fmt.Errorf("the manifest of run %s: %w", one.Run().ID, err)
	}
	var m struct{ Engine string }
	err = json.NewDecoder(io.LimitReader(from, 1<<22)).Decode(&m)
	return m.Engine, errors.Join(err, from.Close())
}

func replay(ctx context.Context, one *workspace.Replay) (out Replayed, err error) {
	run := one.Run()
	out = Replayed{Tenant: one.Tenant(), Run: run.ID}
	r := Request{Spec: run.Value.Spec}
	model, err := r.open()
	if err != nil {
		return out, err
	}
	portfolio, _, err := r.Files.readKept(model.Ground, one.Portfolio(), func(role string) (*store.BlobReader, error) { return one.OpenFile(ctx, role) })
	if err != nil {
		return out, err
	}
	again, err := compute(ctx, r, model, portfolio, nil)
	if err != nil {
		return out, err
	}
	kept := map[string]ledger.Digest{}
	for _, f := range one.Files() {
		if name, ok := strings.CutSuffix(f.Name, ".csv"); ok && f.Role == "table" {
			kept[name] = f.Digest
		}
	}
	for _, t := range Tables(again.Result) {
		out.Tables++
		if d, ok := kept[t.Name]; !ok || d != ledger.Digest(results.Digest(t)) {
			out.Differ = append(out.Differ, t.Name)
		}
		delete(kept, t.Name)
	}
	for name := range kept {
		out.Differ = append(out.Differ, name)
	}
	return out, nil
}
