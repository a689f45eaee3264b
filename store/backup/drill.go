package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"github.com/qrsrisk/qrsd/store"
)

// Forms of a drill.
const (
	Quick = "quick" // after every backup: database, key file and new objects
	Full  = "full"  // everything, and a run computed again
)

// Outcomes of backups, drills and their steps.
const (
	Done    = "done"
	Failed  = "failed"
	Skipped = "skipped"
)

// Report is what a drill found: version 1.
type Report struct {
	Version int       `json:"version"`
	Install store.ID  `json:"install"`
	Program string    `json:"program"`
	Backup  string    `json:"backup"`
	Target  string    `json:"target"`
	Form    string    `json:"form"` // quick or full
	Outcome string    `json:"outcome"`
	Began   time.Time `json:"began"`
	Ended   time.Time `json:"ended"`
	// RPO is how old the backup was when the drill began, which is what a loss of the host then would have cost; RTO is how long it took
	// until the restored store was unlocked and proved. Seconds; RTO is 0 where it was not.
	RPO    float64       `json:"rpo_seconds"`
	RTO    float64       `json:"rto_seconds"`
	Steps  []Step        `json:"steps"`
	Faults []store.Fault `json:"faults"`
	Bytes  int64         `json:"bytes"` // restored
	Blobs  int           `json:"blobs"` // restored
	Leaves int64         `json:"leaves,omitempty"`
	// Records and Recomputed are of a full drill.
	Records    int64       `json:"records,omitempty"`
	Recomputed *Recomputed `json:"recomputed,omitempty"`
}

// Step is a part of a drill.
type Step struct {
	Name    string  `json:"name"`
	Outcome string  `json:"outcome"`
	Seconds float64 `json:"seconds"`
	Detail  string  `json:"detail,omitempty"`
}

// Recomputed is a run of the restored store that was computed again.
type Recomputed struct {
	Tenant  store.ID `json:"tenant"`
	Run     store.ID `json:"run"`
	Tables  int      `json:"tables"`            // whose digests were compared
	Differ  []string `json:"differ,omitempty"`  // names of those that differ
	Skipped string   `json:"skipped,omitempty"` // why there was none to compute
}

// drilling is a drill at work.
type drilling struct {
	t         Target
	m         *Manifest
	signed    []byte
	with      []age.Identity
	folder    string // scratch
	live      *store.DB
	by        store.Principal
	now       func() time.Time
	progress  Progress
	recompute func(context.Context, *store.DB) (Recomputed, error)
	previous  map[string]bool // objects that an earlier drill has read whole

	report Report
	copy   *store.DB
}

// run restores the backup into the scratch folder and proves it there. What is wrong with the backup is in the report; an error is
// that of ctx alone.
func (d *drilling) run(ctx context.Context) (*Report, error) {
	d.report.Began, d.report.Faults, d.report.Steps = d.now().UTC(), []store.Fault{}, []Step{}
	d.report.RPO = d.report.Began.Sub(d.m.Time).Seconds()
	dir := filepath.Join(d.folder, "drill")
	err := errors.Join(os.RemoveAll(dir), d.steps(ctx, dir))
	if d.copy != nil {
		err = errors.Join(err, d.copy.Close())
	}
	err = errors.Join(err, os.RemoveAll(dir), os.RemoveAll(dir+".restoring"))
	d.report.Ended, d.report.Outcome = d.now().UTC(), Done
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil && len(d.report.Faults) == 0 {
		d.fault(err)
	}
	if len(d.report.Faults) > 0 {
		d.report.Outcome = Failed
	}
	return &d.report, nil
}

func (d *drilling) fault(err error) {
	d.report.Faults = append(d.report.Faults, store.Fault{Where: d.m.Backup + " on " + d.t.Name(), Reason: err.Error()})
}

// step times a part and keeps its error. The next part is only begun where it succeeded.
func (d *drilling) step(name string, fn func() (detail string, err error)) error {
	began := time.Now()
	detail, err := fn()
	s := Step{Name: name, Outcome: Done, Seconds: time.Since(began).Seconds(), Detail: detail}
	if err != nil {
		s.Outcome, s.Detail = Failed, err.Error()
		d.fault(err)
	}
	d.report.Steps = append(d.report.Steps, s)
	return err
}

func (d *drilling) steps(ctx context.Context, dir string) error {
	began := time.Now()
	full := d.report.Form == Full
	restored := &Restored{}
	for _, s := range []struct {
		name string
		fn   func() (string, error)
		when bool
	}{
		{"manifest", func() (string, error) { return d.manifest() }, true},
		{"objects", func() (string, error) { return d.objects(ctx) }, !full},
		{"restore", func() (_ string, err error) {
			restored, err = d.restore(ctx, dir)
			return d.restoredDetail(restored), err
		}, true},
		{"pages", func() (string, error) { return d.open(dir) }, true},
		{"unlock", func() (string, error) { return "", d.copy.UnlockCopy(ctx, d.by, d.live) }, true},
		{"heads", func() (string, error) { return d.heads(ctx, began) }, true},
		{"check", func() (string, error) { return d.check(ctx) }, full},
	} {
		if !s.when {
			continue
		}
		if err := d.step(s.name, s.fn); err != nil {
			return nil //nolint:nilerr // it is in the report
		}
	}
	if full && d.recompute != nil {
		_ = d.step("recompute", func() (string, error) { return d.computeAgain(ctx) })
	}
	return nil
}

func (d *drilling) manifest() (string, error) {
	r := &Restored{Backup: d.m.Backup, signed: d.signed}
	return "", r.signedBy(d.live)
}

// objects reads those of a backup that are not restored by a quick drill, and that no drill has read before.
func (d *drilling) objects(ctx context.Context) (string, error) {
	all, err := d.t.List(ctx, packs)
	if err != nil {
		return "", err
	}
	size := map[string]int64{}
	for _, s := range all {
		size[s.Name] = s.Bytes
	}
	count := 0
	for _, o := range append(d.m.of(kindPack), d.m.one(kindIndex)) {
		switch {
		case o.Kind == kindPack && size[o.Name] != o.Bytes:
			return "", fmt.Errorf("%s, %s: %w: it has %d bytes there, the manifest says %d", d.t.Name(), o.Name, ErrDamaged, size[o.Name], o.Bytes)
		case d.previous[o.Name]:
			continue
		}
		_, finish, err := open(ctx, d.t, o, d.with)
		if err == nil {
			err = finish()
		}
		if err != nil {
			return "", err
		}
		count++
	}
	return fmt.Sprintf("%d read, of %d packs", count, len(d.m.of(kindPack))), nil
}

func (d *drilling) restore(ctx context.Context, dir string) (*Restored, error) {
	r, err := Restore(ctx, d.t, RestoreOptions{Backup: d.m.Backup, Identities: d.with, Dir: dir, Progress: d.progress, withoutBlobs: d.report.Form == Quick})
	if err != nil {
		return nil, err
	}
	d.report.Bytes, d.report.Blobs = r.Bytes, r.Blobs
	return r, nil
}

func (d *drilling) restoredDetail(r *Restored) string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf("%d bytes, %d blobs", r.Bytes, r.Blobs)
}

// open walks through every page of the database.
func (d *drilling) open(dir string) (_ string, err error) {
	d.progress("walking the database", 0, -1)
	d.copy, err = store.Open(dir, store.Options{Ballast: -1, Now: d.now})
	return "", err
}

// heads holds every log to the manifest. With it the store is back: that is the RTO.
func (d *drilling) heads(ctx context.Context, began time.Time) (string, error) {
	faults, err := d.copy.HoldHeads(ctx, d.by, d.m.Heads)
	if err != nil {
		return "", err
	}
	for _, h := range d.m.Heads {
		d.report.Leaves += h.Size
	}
	d.report.RTO = time.Since(began).Seconds()
	return d.found(faults, fmt.Sprintf("%d logs of %d leaves", len(d.m.Heads), d.report.Leaves))
}

// found makes faults an error; they are in the report with their places.
func (d *drilling) found(faults []store.Fault, detail string) (string, error) {
	if len(faults) == 0 {
		return detail, nil
	}
	d.report.Faults = append(d.report.Faults, faults...)
	return "", fmt.Errorf("the restored store has %d faults: %w", len(faults), ErrDamaged)
}

func (d *drilling) check(ctx context.Context) (string, error) {
	r, err := d.copy.Check(ctx, d.by, func(what string, done int64) { d.progress("verifying "+what, done, -1) })
	if err != nil {
		return "", err
	}
	d.report.Records = r.Records
	return d.found(r.Faults, fmt.Sprintf("%d records, %d blobs, %d logs", r.Records, r.Blobs, len(r.Logs)))
}

func (d *drilling) computeAgain(ctx context.Context) (string, error) {
	d.progress("computing a run again", 0, -1)
	r, err := d.recompute(ctx, d.copy)
	if err != nil {
		return "", fmt.Errorf("computing a run of the restored store again: %w", err)
	}
	d.report.Recomputed = &r
	switch {
	case r.Skipped != "":
		return r.Skipped, nil
	case len(r.Differ) > 0:
		return "", fmt.Errorf("run %s, computed again, differs in %d of %d tables (%s): %w", r.Run, len(r.Differ), r.Tables, r.Differ[0], ErrDamaged)
	}
	return fmt.Sprintf("run %s: %d tables are the same", r.Run, r.Tables), nil
}

// VerifyReport is what Verify found.
type VerifyReport struct {
	Backup  string        `json:"backup"`
	Target  string        `json:"target"`
	Objects int           `json:"objects"` // read whole
	Bytes   int64         `json:"bytes"`
	Faults  []store.Fault `json:"faults"`
}

// Verify reads every object of a backup and holds it to the manifest, without restoring it. It needs an identity and no store; what the
// bytes mean is proved by a drill. "" is the newest backup.
func Verify(ctx context.Context, t Target, name string, with []age.Identity, progress Progress) (*VerifyReport, error) {
	m, _, err := choose(ctx, t, name)
	if err != nil {
		return nil, err
	}
	r := &VerifyReport{Backup: m.Backup, Target: t.Name(), Faults: []store.Fault{}}
	total := m.StoredBytes()
	for _, o := range m.Objects {
		from, finish, err := open(ctx, t, o, with)
		if err == nil {
			_, err = io.Copy(io.Discard, from)
			err = errors.Join(err, finish())
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, ErrIdentity):
			return nil, err
		case err != nil:
			r.Faults = append(r.Faults, store.Fault{Where: o.Name, Reason: err.Error()})
		}
		r.Objects++
		if r.Bytes += o.Bytes; progress != nil {
			progress("verifying "+m.Backup, r.Bytes, total)
		}
	}
	return r, nil
}
