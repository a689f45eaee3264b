package daemon_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// waitingRun makes a store in which a run waits, of a model that no program has.
func waitingRun(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	storetest.Create(t, dir, store.Options{})
	db := storetest.Open(t, dir, store.Options{})
	tenant := storetest.AddTenant(t, db, "Example Mutual")
	h, err := db.Tenant(t.Context(), storetest.User(tenant, store.Modeler), tenant)
	if err != nil {
		t.Fatal(err)
	}
	w, model := workspace.Open(h), [32]byte{1}
	if _, err := w.RegisterModel(t.Context(), model, "0.0.1"); err != nil {
		t.Fatal(err)
	}
	p, err := w.Import(t.Context(), workspace.NewPortfolio{Name: "Coastal book", Locations: 1, Currency: "USD", Files: []workspace.NewFile{{
		Name: "location.csv", Role: "location", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("LocNumber\n1\n")), nil },
	}}})
	if err != nil {
		t.Fatal(err)
	}
	spec := engine.Spec{Years: 10, Seed: 1, Correlation: loss.DefaultCorrelation(), ReturnPeriods: []float64{10}}
	if _, err := w.Submit(t.Context(), workspace.NewRun{Portfolio: p, Model: model, Spec: spec}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRunsAreCarriedOut: a run that waits when the daemon starts is begun by itself, and the daemon stops in order after it.
func TestRunsAreCarriedOut(t *testing.T) {
	folder := t.TempDir()
	waitingRun(t, filepath.Join(folder, "data", "store"))
	r := start(t, folder, strings.ReplaceAll(basics, "key/store.key", "data/test.key"))
	line := r.await("run failed")
	if reason, _ := line["reason"].(string); !strings.Contains(reason, "this version of qrsd has") {
		t.Errorf("%v", line)
	}
	if err := r.finish(); err != nil {
		t.Error(err)
	}
}
