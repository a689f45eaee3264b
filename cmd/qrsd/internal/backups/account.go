package backups

import (
	"context"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/backup"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Account is a keeper as the API sees it.
type Account struct {
	Keeper *backup.Keeper
	Places []string
}

// Backups gives the account of backups for the API.
func (a Account) Backups(ctx context.Context, by store.Principal, after store.Cursor, limit int) (all []wire.Backup, next store.Cursor, err error) {
	page, err := a.Keeper.Backups(ctx, by, after, limit)
	for _, r := range page.Records {
		b := r.Value
		one := wire.Backup{
			ID: r.ID.String(), Name: b.Name, Place: b.Target, Began: b.Began.UTC(), Ended: b.Ended.UTC(), Snapshot: moment(b.Snapshot), Outcome: b.Outcome,
			Reason: b.Reason, DatabaseBytes: b.DatabaseBytes, SentBytes: b.SentBytes, StoredBytes: b.StoredBytes, Blobs: b.Blobs, Drill: b.Drill, Pruned: []string{},
		}
		one.Pruned = append(one.Pruned, b.Pruned...)
		all = append(all, one)
	}
	return all, page.Next, err
}

// Drills gives the account of drills for the API.
func (a Account) Drills(ctx context.Context, by store.Principal, after store.Cursor, limit int) (all []wire.Drill, next store.Cursor, err error) {
	page, err := a.Keeper.Drills(ctx, by, after, limit)
	for _, r := range page.Records {
		d := r.Value.Report
		one := wire.Drill{
			ID: r.ID.String(), Backup: d.Backup, Place: d.Target, Form: d.Form, Outcome: d.Outcome, Began: d.Began.UTC(), Ended: d.Ended.UTC(),
			RPOSeconds: d.RPO, RTOSeconds: d.RTO, Bytes: d.Bytes, Blobs: d.Blobs, Leaves: d.Leaves, Records: d.Records,
			Steps: []wire.DrillStep{}, Faults: []string{}, Signed: r.Value.Signed,
		}
		for _, s := range d.Steps {
			one.Steps = append(one.Steps, wire.DrillStep(s))
		}
		for _, f := range d.Faults {
			one.Faults = append(one.Faults, f.String())
		}
		if c := d.Recomputed; c != nil {
			one.Recomputed = &wire.Recomputed{Tables: c.Tables, Differ: append([]string{}, c.Differ...), Skipped: c.Skipped}
			if !c.Run.IsZero() {
				one.Recomputed.Run = c.Run.String()
			}
		}
		all = append(all, one)
	}
	return all, page.Next, err
}

// Schedule is the schedule for the API.
func (a Account) Schedule(ctx context.Context, by store.Principal) (wire.BackupSchedule, error) {
	s, err := a.Keeper.Schedule(ctx, by)
	out := wire.BackupSchedule{
		Configured: true, Places: a.Places, Attempted: moment(s.Attempted), Succeeded: moment(s.Succeeded), Next: moment(s.Next),
		Drilled: moment(s.Drilled), NextDrill: moment(s.NextDrill),
	}
	if w := s.Working; w != nil {
		out.Working = &wire.BackupWork{Kind: w.Kind, Began: w.Began.UTC(), What: w.What, Done: w.Done, Total: w.Total}
	}
	return out, err
}

// AskBackup has a backup begin soon.
func (a Account) AskBackup(ctx context.Context, by store.Principal) error {
	return a.Keeper.AskBackup(ctx, by)
}

// AskDrill has a full drill begin soon.
func (a Account) AskDrill(ctx context.Context, by store.Principal) error {
	return a.Keeper.AskDrill(ctx, by)
}

// moment is a time that may be missing.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
