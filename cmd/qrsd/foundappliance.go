package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/daemon"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/doctor"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/egressfile"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/ownport"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web/client"
)

// foundAppliance is an appliance as a command finds it on its host: in order, at fault, running or not.
type foundAppliance struct {
	config *config.Config // nil: at fault
	db     *store.DB      // open, and unlocked where Subject.Store has no Fault; nil: it is not open here
	doctor.Subject
}

// findAppliance opens what can be opened. It fails never: what is wrong is in the subject. Give it to close.
func findAppliance(ctx context.Context, path string) *foundAppliance {
	f := &foundAppliance{Subject: doctor.Subject{Version: engine.Version, Build: daemon.ThisBuild(), Host: doctor.ThisHost(), Now: time.Now}}
	if f.config, f.ConfigError = config.Load(path); f.ConfigError != nil {
		f.config = nil
		return f
	}
	f.Config = f.config
	f.openStore(ctx)
	return f
}

func (f *foundAppliance) openStore(ctx context.Context) {
	s := f.config.Store
	if _, err := os.Stat(filepath.Join(s.Path, "format.json")); errors.Is(err, os.ErrNotExist) {
		f.Store.Absent = true
		return
	}
	if seen, ages, err := store.Peek(s.Path, s.Options); err == nil || !seen.Created.IsZero() {
		f.Store.Status, f.Store.Keys, f.Store.Fault = &seen, ages, err
	} else {
		f.Store.Fault = err
	}
	db, err := store.Open(s.Path, s.Options)
	var inUse store.InUseError
	switch {
	case errors.As(err, &inUse):
		f.Store.Holder = inUse.PID
		f.askPort(ctx)
		return
	case err != nil:
		f.Store.Fault = err
		return
	}
	f.db, f.Store.Fault = db, f.unlock(ctx, db)
}

// unlock unlocks as the appliance would; where that needs a person, or a service that is not reached, the error says so.
func (f *foundAppliance) unlock(ctx context.Context, db *store.DB) error {
	err := db.UnlockKept(ctx, operator())
	if err == nil || !isNotKept(err) {
		return err
	}
	how := unlockerOf(f.config.Store.Unlock)
	if how == nil {
		return store.ErrLocked
	}
	reach := f.config.Outbound
	reach.Log = &egressfile.Journal{Path: f.config.Record, Now: time.Now}
	if f.config.Mode != nil {
		reach.Mode = *f.config.Mode
	}
	d, err := outbound.New(reach)
	if err != nil {
		return err
	}
	u, err := how(ctx, d)
	if err != nil {
		return err
	}
	return db.Unlock(ctx, operator(), u)
}

// unlocked reports whether the store can be asked here.
func (f *foundAppliance) unlocked() bool { return f.db != nil && !f.db.Locked() }

// running reports whether another process has the store, most likely the appliance.
func (f *foundAppliance) running() bool { return f.config != nil && f.db == nil && f.Port != nil }

// askPort asks the running appliance whether it is ready, which it says to everybody.
func (f *foundAppliance) askPort(ctx context.Context) {
	f.Port = &doctor.Port{}
	if _, _, f.Port.Unasked = ownport.Client(ownport.Options{Config: f.config}); f.Port.Unasked != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	f.Port.State, f.Port.Fault = ownport.Ready(ctx, ownport.Options{Config: f.config})
}

// operatorKeyFlags name the API key of an operator, for commands beside a running appliance.
type operatorKeyFlags struct {
	APIKeyFile string `name:"api-key-file" env:"QRSD_API_KEY_FILE" placeholder:"FILE" help:"File with an operator's API key, for the running appliance. Without it QRSD_API_KEY."`
}

// client is a client of the running appliance with the operator's API key; nil where none is given.
func (f *foundAppliance) client(flags operatorKeyFlags) (*client.Client, error) {
	key, err := reachFlags{APIKeyFile: flags.APIKeyFile}.apiKey()
	if err != nil || key == "" {
		return nil, err
	}
	h, base, err := ownport.Client(ownport.Options{Config: f.config})
	if err != nil {
		return nil, err
	}
	return client.New(client.Options{BaseURL: base, HTTP: h, APIKey: string(key), UserAgent: "qrsd/" + engine.Version})
}

// examine asks an unlocked store, under the verb.
func (f *foundAppliance) examine(ctx context.Context, verb string) error {
	if !f.unlocked() {
		return nil
	}
	v, err := store.ParseVerb(verb)
	if err != nil {
		return err
	}
	e, err := f.db.Examine(ctx, operator(), v)
	if err != nil {
		return err
	}
	f.Store.Examination, f.Store.Fault = &e, nil
	return nil
}

// close closes the store; its error joins that of the verb.
func (f *foundAppliance) close(err *error) {
	if f.db != nil {
		closeStore(f.db, err)
	}
}
