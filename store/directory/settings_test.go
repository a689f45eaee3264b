package directory_test

import (
	"testing"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// TestMode is read by everybody in the log of its own tenant, changed by operators, and not by two who read the same version.
func TestMode(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	ctx := t.Context()
	mode, err := o.Mode(ctx)
	o.must(err)
	if mode != outbound.AirGapped {
		t.Errorf("a new appliance is %s", mode)
	}
	vera, _ := o.hire("vera@example.com", store.Viewer)
	first, err := o.Settings(ctx, vera)
	o.must(err)
	if first.Version != 1 || first.Mode != outbound.AirGapped || !first.SetUp.IsZero() || len(o.entries("setting.read")) != 1 {
		t.Errorf("settings %+v, %d entries", first, len(o.entries("setting.read")))
	}
	_, err = o.SetMode(ctx, vera, outbound.Connected, 0)
	o.denied("mode by a viewer", err)

	p := o.novice("root@example.com")
	_, err = o.SetMode(ctx, p, outbound.Mode(7), first.Version)
	o.invalid("mode", err)
	second, err := o.SetMode(ctx, p, outbound.Hybrid, first.Version)
	o.must(err)
	if second.Version != 2 || second.Mode != outbound.Hybrid || second.By != p.User() || second.Changed.IsZero() {
		t.Errorf("settings %+v", second)
	}
	_, err = o.SetMode(ctx, operator, outbound.Connected, first.Version)
	o.wants(err, store.ErrConflict)
	read, err := o.Settings(ctx, p)
	o.must(err)
	if read != second {
		t.Errorf("read %+v, written %+v", read, second)
	}
	_, err = o.SetMode(ctx, operator, outbound.Connected, 0)
	o.must(err)
	if mode, err := o.Mode(ctx); err != nil || mode != outbound.Connected {
		t.Errorf("mode %s, %v", mode, err)
	}
	if got := len(o.appliance("setting.change")); got != 4 {
		t.Errorf("%d entries of four attempts in the appliance", got)
	}
}
