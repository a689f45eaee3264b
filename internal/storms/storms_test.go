package storms_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/internal/storms"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web"
)

// TestTenantsTakeTurns: of a tenant that asks often one storm is computed at a time, and another tenant's does not wait for the rest.
func TestTenantsTakeTurns(t *testing.T) {
	model, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		t.Fatal(err)
	}
	spec := engine.Spec{Years: 1000, Seed: 1}
	number := web.StormNumber(128)
	for ; ; number++ {
		if _, found := engine.Storm(model, spec, int32(number)); found {
			break
		}
	}
	of := func(tenant byte, without ...string) *web.KeptStorms {
		s := spec
		s.Without = without
		return &web.KeptStorms{KeptRun: &web.KeptRun{ID: "run", Tenant: store.ID{tenant}}, Run: workspace.Run{Model: ledger.Digest(model.Digest), Spec: s}}
	}
	synctest.Test(t, func(t *testing.T) {
		stopped, begun := make(chan struct{}), atomic.Int64{}
		errNoModel := errors.New("no model without that")
		r := storms.New(storms.Options{Model: func(without []string) (*modelpack.Model, error) {
			if len(without) == 0 {
				return model, nil
			}
			begun.Add(1)
			<-stopped
			return nil, errNoModel
		}})
		ended := make(chan error)
		for range 3 {
			go func() {
				_, err := r.Sites(t.Context(), of(1, "a group"), number, 0, 1)
				ended <- err
			}()
		}
		synctest.Wait()
		if n := begun.Load(); n != 1 {
			t.Errorf("%d of one tenant's are computed at once", n)
		}
		if _, err := r.Track(t.Context(), of(2), number); err != nil {
			t.Errorf("another tenant's: %v", err)
		}
		close(stopped)
		for range 3 {
			if err := <-ended; !errors.Is(err, errNoModel) {
				t.Error(err)
			}
		}
	})
}
