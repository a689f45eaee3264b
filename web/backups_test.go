package web_test

import (
	"context"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// vault leaves the entries that the appliance's backups leave, and has one of each.
type vault struct{ db *store.DB }

func (v *vault) enter(ctx context.Context, by store.Principal, name string, failed error) error {
	verb, err := store.ParseVerb(name)
	if err != nil {
		return err
	}
	t, err := v.db.Tenant(ctx, by, store.Appliance)
	if err != nil {
		return err
	}
	return t.View(ctx, store.Action{Verb: verb}, func(*store.ReadTx) error { return failed })
}

func (v *vault) Backups(ctx context.Context, by store.Principal, _ store.Cursor, _ int) ([]wire.Backup, store.Cursor, error) {
	at := time.Date(2026, 11, 22, 2, 30, 0, 0, time.UTC)
	return []wire.Backup{{ID: wardBundle, Name: "20261122t023000z-0a1b2c3d", Place: "/mnt/backup", Began: at, Ended: at, Outcome: "done", Drill: "done", Pruned: []string{}}},
		"", v.enter(ctx, by, "backup.read", nil)
}

func (v *vault) Drills(ctx context.Context, by store.Principal, _ store.Cursor, _ int) ([]wire.Drill, store.Cursor, error) {
	at := time.Date(2026, 11, 22, 2, 30, 0, 0, time.UTC)
	return []wire.Drill{{
		ID: wardBundle, Backup: "20261122t023000z-0a1b2c3d", Place: "/mnt/backup", Form: "full", Outcome: "failed", Began: at, Ended: at, RPOSeconds: 9.5, RTOSeconds: 2,
		Steps: []wire.DrillStep{{Name: "check", Outcome: "failed", Seconds: 0.5, Detail: "x"}}, Faults: []string{"x"}, Recomputed: &wire.Recomputed{Tables: 7, Differ: []string{}}, Signed: "x",
	}}, "", v.enter(ctx, by, "backup.read", nil)
}

func (v *vault) Schedule(ctx context.Context, by store.Principal) (wire.BackupSchedule, error) {
	at := time.Date(2026, 11, 22, 2, 30, 0, 0, time.UTC)
	return wire.BackupSchedule{Configured: true, Places: []string{"/mnt/backup"}, Next: &at, Working: &wire.BackupWork{Kind: "backup", Began: at, What: "x", Total: -1}}, v.enter(ctx, by, "backup.read", nil)
}

func (v *vault) AskBackup(ctx context.Context, by store.Principal) error {
	return v.enter(ctx, by, "backup.create", nil)
}

func (v *vault) AskDrill(ctx context.Context, by store.Principal) error {
	return v.enter(ctx, by, "backup.drill", nil)
}

// TestBackups reads and starts by client; others than operators get nothing, and without a configuration the
// refusal says what to do.
func TestBackups(t *testing.T) {
	v := &vault{}
	a := start(t, unlimited, func(o *web.Options, _ *directory.Options) { v.db, o.Backups = o.DB, v })
	operator := a.join(store.Appliance, "operator@example.com", store.Operator)
	c := a.caller(operator.apiKey("backup.read"))
	for b, err := range c.Backups(t.Context()) {
		if err != nil || b.Drill != "done" {
			t.Errorf("%+v, %v", b, err)
		}
	}
	for d, err := range c.Drills(t.Context()) {
		if err != nil || d.RPOSeconds != 9.5 {
			t.Errorf("%+v, %v", d, err)
		}
	}
	if s, err := c.BackupSchedule(t.Context()); err != nil || !s.Configured {
		t.Errorf("%+v, %v", s, err)
	}
	a.wantProblem(c.StartBackup(t.Context()), "denied") // keys of operators change nothing
	a.wantProblem(c.StartDrill(t.Context()), "denied")
	operator.want(204, operator.call("POST", "/api/v1/system/backups", nil))
	operator.want(204, operator.call("POST", "/api/v1/system/drills", nil))
	admin := a.join(a.tenant("Gulf Mutual"), "admin@example.com", store.Admin)
	for _, path := range []string{"/backups", "/drills", "/backup-schedule"} {
		admin.want(403, admin.call("GET", "/api/v1/system"+path, nil))
	}
	admin.want(403, admin.call("POST", "/api/v1/system/backups", nil))
	admin.want(403, admin.call("POST", "/api/v1/system/drills", nil))
}

func TestNoBackups(t *testing.T) {
	a := start(t, unlimited)
	operator := a.join(store.Appliance, "operator@example.com", store.Operator)
	operator.want(409, operator.call("POST", "/api/v1/system/backups", nil))
	operator.want(409, operator.call("GET", "/api/v1/system/drills", nil))
	var s wire.BackupSchedule
	operator.want(200, operator.call("GET", "/api/v1/system/backup-schedule", nil)).into(t, &s)
	if s.Configured {
		t.Errorf("%+v", s)
	}
}
