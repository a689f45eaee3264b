package store

import (
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// TestUnwrappingInPassingIsEntered: keys that a check uses first leave the entry that any first use leaves.
func TestUnwrappingInPassingIsEntered(t *testing.T) {
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	again := restarted(t, db, dir, Options{})
	count := func() (n int) {
		entries, err := again.logEntries(t.Context(), h.id)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Action == rights.KeyUnwrap.String() {
				n++
			}
		}
		return n
	}
	if _, err := again.VerifyLogs(t.Context(), operator(), nil); err != nil {
		t.Fatal(err)
	}
	before := count()
	if before == 0 {
		t.Error("the keys were used and nothing says so")
	}
	if _, err := again.VerifyLogs(t.Context(), operator(), nil); err != nil {
		t.Fatal(err)
	}
	if after := count(); after != before {
		t.Errorf("%d entries of first uses, then %d", before, after)
	}
}
