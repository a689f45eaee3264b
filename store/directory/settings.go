package directory

import (
	"context"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// settings are those of the appliance that are not in its configuration file: one record, under the appliance's id.
type settings struct {
	Mode    string    `json:"mode"` // as outbound.Mode writes it
	SetUp   time.Time `json:"set_up,omitzero"`
	Changed time.Time `json:"changed,omitzero"`
	By      store.ID  `json:"by"` // operator with an account; zero: none had one
}

// Settings are the settings of the appliance that its operators change while it runs.
type Settings struct {
	Mode    outbound.Mode // air-gapped before anything was set
	SetUp   time.Time     // when it was set up; zero: it was not yet
	Changed time.Time
	By      store.ID // the operator who changed them last; zero: whoever worked on the host
	Version uint64   // grows with every change, from 1; for SetMode
}

// viewSettings reads a mode of a later version of qrsd as the strictest one: it must still start.
func viewSettings(r store.Record[settings]) Settings {
	s := Settings{SetUp: r.Value.SetUp, Changed: r.Value.Changed, By: r.Value.By, Version: shownVersion(r.Version)}
	if m, err := outbound.ParseMode(r.Value.Mode); err == nil {
		s.Mode = m
	}
	return s
}

// shownVersion is the version of a record that need not be there: 1 means that nothing was ever written, so that 0 is free to
// say "whatever it is".
func shownVersion(stored uint64) uint64 { return stored + 1 }

// expected holds a record to the version that the caller read; 0 is any.
func expected(what string, wanted, now uint64) error {
	if wanted != 0 && wanted != now {
		return fmt.Errorf("%s stands at version %d, the change is to version %d: %w", what, now, wanted, store.ErrConflict)
	}
	return nil
}

// Mode is how far the appliance may reach, for the appliance itself: it leaves no entry. It is air-gapped until it is set up.
func (d *Directory) Mode(ctx context.Context) (outbound.Mode, error) {
	s, err := d.PresentSettings(ctx)
	return s.Mode, err
}

// PresentSettings are the settings for the appliance itself: as Mode, it leaves no entry.
func (d *Directory) PresentSettings(ctx context.Context) (Settings, error) {
	return d.readSettings(ctx, store.Source{Address: "host"})
}

// readSettings reads them for whoever asks; the entry is the caller's to leave.
func (d *Directory) readSettings(ctx context.Context, from store.Source) (s Settings, err error) {
	r, err := d.receive(ctx, from, store.Appliance)
	if err != nil {
		return s, err
	}
	return s, r.Read(ctx, func(tx *store.ReadTx) error {
		found, err := find(tx, d.settings, store.Appliance)
		s = viewSettings(found)
		return err
	})
}

// Settings reads the appliance's settings. Everybody who is signed in may; the entry is in the caller's own tenant.
func (d *Directory) Settings(ctx context.Context, by store.Principal) (Settings, error) {
	t, err := d.db.Tenant(ctx, by, by.Tenant())
	if err != nil {
		return Settings{}, err
	}
	var s Settings
	var failed error
	if by.May(rights.SettingRead) {
		s, failed = d.readSettings(ctx, by.Source())
	}
	err = t.View(ctx, store.Action{Verb: rights.SettingRead, Object: store.Appliance}, func(*store.ReadTx) error { return failed })
	if err != nil {
		return Settings{}, err
	}
	return s, nil
}

// SetMode changes how far the appliance may reach; whoever made a dialer by the mode of before makes a new one. version is
// that of the settings which the caller read, 0: whatever it is. Errors: store.ErrConflict, *store.DeniedError.
func (d *Directory) SetMode(ctx context.Context, by store.Principal, m outbound.Mode, version uint64) (s Settings, err error) {
	t, err := d.db.Tenant(ctx, by, by.Tenant())
	if err != nil {
		return s, err
	}
	err = t.Update(ctx, store.Action{Verb: rights.SettingChange, Object: store.Appliance}, func(tx *store.WriteTx) error {
		if _, err := outbound.ParseMode(m.String()); err != nil {
			return store.Invalid("mode", "%v", err)
		}
		r, err := find(tx, d.settings, store.Appliance)
		if err != nil {
			return err
		}
		if err := expected("the appliance's settings", version, shownVersion(r.Version)); err != nil {
			return err
		}
		r.Value.Mode, r.Value.Changed, r.Value.By = m.String(), tx.Now(), by.User()
		if err := save(tx, d.settings, r); err != nil {
			return err
		}
		r.Version++
		s = viewSettings(r)
		return nil
	})
	if err != nil {
		return Settings{}, err
	}
	return s, nil
}
