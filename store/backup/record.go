package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"filippo.io/age"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Backup is the store's account of a backup on one target.
type Backup struct {
	ID            store.ID  `json:"id"`
	Name          string    `json:"name"`
	Target        string    `json:"target"`
	Began         time.Time `json:"began"`
	Ended         time.Time `json:"ended"`
	Snapshot      time.Time `json:"snapshot,omitzero"` // what was committed by then is in it
	Outcome       string    `json:"outcome"`           // done or failed
	Reason        string    `json:"reason,omitempty"`
	DatabaseBytes int64     `json:"database_bytes"`
	SentBytes     int64     `json:"sent_bytes"`   // to the target, by this backup
	StoredBytes   int64     `json:"stored_bytes"` // that the backup takes there, with what it shares
	Blobs         int       `json:"blobs"`
	Drill         string    `json:"drill,omitempty"` // outcome of the quick drill
	Pruned        []string  `json:"pruned,omitempty"`
}

// Drill is the store's account of a drill.
type Drill struct {
	Report Report `json:"report"`
	// Signed is the report as a signed note (C2SP), under the key that signs the installation's checkpoints.
	Signed string `json:"signed"`
}

// state is one record, under the appliance's id: what is due follows from it, so that the schedule survives restarts.
type state struct {
	Identity    string    `json:"identity"`        // of the appliance's own, X25519
	Hybrid      string    `json:"hybrid_identity"` // the same, post-quantum
	Attempted   time.Time `json:"attempted,omitzero"`
	Succeeded   time.Time `json:"succeeded,omitzero"` // on every target, drill included
	Drilled     time.Time `json:"drilled,omitzero"`   // in full, without a fault
	DrillTried  time.Time `json:"drill_tried,omitzero"`
	AskedBackup time.Time `json:"asked_backup,omitzero"` // by somebody, and not begun yet
	AskedDrill  time.Time `json:"asked_drill,omitzero"`
}

var (
	backups = store.Define[Backup]("backups", 1)
	drills  = store.Define[Drill]("drills", 1)
	states  = store.Define[state]("backup-state", 1)
)

// ownIdentity opens what the appliance has encrypted.
type ownIdentity struct {
	identity  age.Identity
	recipient age.Recipient
}

func (s state) identity(hybrid bool) (ownIdentity, error) {
	if hybrid {
		i, err := age.ParseHybridIdentity(s.Hybrid)
		if err != nil {
			return ownIdentity{}, fmt.Errorf("the appliance's own identity: %w", err)
		}
		return ownIdentity{i, i.Recipient()}, nil
	}
	i, err := age.ParseX25519Identity(s.Identity)
	if err != nil {
		return ownIdentity{}, fmt.Errorf("the appliance's own identity: %w", err)
	}
	return ownIdentity{i, i.Recipient()}, nil
}

// identities are both, to read with: the owner may have gone over from one kind to the other.
func (s state) identities() (all []age.Identity, err error) {
	for _, hybrid := range []bool{false, true} {
		own, err := s.identity(hybrid)
		if err != nil {
			return nil, err
		}
		all = append(all, own.identity)
	}
	return all, nil
}

func newState() (s state, err error) {
	classic, err := age.GenerateX25519Identity()
	if err != nil {
		return s, err
	}
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		return s, err
	}
	return state{Identity: classic.String(), Hybrid: hybrid.String()}, nil
}

// ensureState changes the state, which the first call makes.
func (k *Keeper) ensureState(ctx context.Context, t *store.Tenant, fn func(*state)) (s state, err error) {
	err = t.Update(ctx, store.Action{Verb: rights.BackupCreate}, func(tx *store.WriteTx) (err error) {
		if err := change(tx, fn); err != nil {
			return err
		}
		r, err := states.Get(tx, store.Appliance)
		s = r.Value
		return err
	})
	return s, err
}

// change changes the state within a transaction.
func change(tx *store.WriteTx, fn func(*state)) error {
	r, err := states.Get(tx, store.Appliance)
	if errors.Is(err, store.ErrNotFound) {
		if r.Value, err = newState(); err != nil {
			return err
		}
		fn(&r.Value)
		return states.Insert(tx, store.Appliance, r.Value)
	}
	if err != nil {
		return err
	}
	fn(&r.Value)
	_, err = states.Put(tx, r)
	return err
}

// present reads the state for the appliance itself; it leaves no entry.
func (k *Keeper) present(ctx context.Context) (s state, err error) {
	r, err := k.db.Receive(ctx, rights.Unidentified(store.Source{Address: "host"}), store.Appliance)
	if err != nil {
		return s, err
	}
	err = r.Read(ctx, func(tx *store.ReadTx) error {
		found, err := states.Get(tx, store.Appliance)
		s = found.Value
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return state{}, nil
	}
	return s, err
}

// Backups lists the account of backups, newest first, up to limit (1 to 1,000) from a cursor.
func (k *Keeper) Backups(ctx context.Context, by store.Principal, after store.Cursor, limit int) (page store.Page[Backup], err error) {
	return page, k.view(ctx, by, func(tx *store.ReadTx) (err error) {
		page, err = backups.ListNewest(tx, after, limit)
		return err
	})
}

// Drills lists the account of drills, newest first.
func (k *Keeper) Drills(ctx context.Context, by store.Principal, after store.Cursor, limit int) (page store.Page[Drill], err error) {
	return page, k.view(ctx, by, func(tx *store.ReadTx) (err error) {
		page, err = drills.ListNewest(tx, after, limit)
		return err
	})
}

// Schedule is when what is done by itself was done, and is due.
type Schedule struct {
	Attempted time.Time // the last backup, zero: none
	Succeeded time.Time // the last without a fault
	Next      time.Time // backup
	Drilled   time.Time // in full, without a fault
	NextDrill time.Time
	// DrillTried is when the last full drill began; after Drilled, with none at work, it had a fault.
	DrillTried time.Time
	Working    *Work
}

// Schedule says so to an operator.
func (k *Keeper) Schedule(ctx context.Context, by store.Principal) (out Schedule, err error) {
	return out, k.view(ctx, by, func(tx *store.ReadTx) error {
		r, err := states.Get(tx, store.Appliance)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		out = k.schedule(r.Value)
		return nil
	})
}

// PresentSchedule is the same for the appliance itself: it leaves no entry.
func (k *Keeper) PresentSchedule(ctx context.Context) (Schedule, error) {
	s, err := k.present(ctx)
	return k.schedule(s), err
}

func (k *Keeper) schedule(s state) Schedule {
	now := k.o.Now().UTC()
	out := Schedule{Attempted: s.Attempted, Succeeded: s.Succeeded, Drilled: s.Drilled, DrillTried: s.DrillTried, Working: k.Working()}
	out.Next, out.NextDrill = s.nextBackup(now, k.o.At), s.nextDrill(now, k.o.DrillEvery)
	return out
}

func (k *Keeper) view(ctx context.Context, by store.Principal, fn func(*store.ReadTx) error) error {
	t, err := k.db.Tenant(ctx, by, store.Appliance)
	if err != nil {
		return err
	}
	return t.View(ctx, store.Action{Verb: rights.BackupRead}, fn)
}

// AskBackup has a backup begin soon, by the keeper's own loop; after one that is at work another.
func (k *Keeper) AskBackup(ctx context.Context, by store.Principal) error {
	return k.ask(ctx, by, rights.BackupCreate, func(s *state) { s.AskedBackup = k.o.Now().UTC() })
}

// AskDrill has a full drill of the newest backup begin soon.
func (k *Keeper) AskDrill(ctx context.Context, by store.Principal) error {
	return k.ask(ctx, by, rights.BackupDrill, func(s *state) { s.AskedDrill = k.o.Now().UTC() })
}

func (k *Keeper) ask(ctx context.Context, by store.Principal, verb store.Verb, fn func(*state)) error {
	t, err := k.db.Tenant(ctx, by, store.Appliance)
	if err != nil {
		return err
	}
	err = t.Update(ctx, store.Action{Verb: verb}, func(tx *store.WriteTx) error {
		return change(tx, fn)
	})
	if err == nil {
		select {
		case k.wake <- struct{}{}:
		default:
		}
	}
	return err
}
