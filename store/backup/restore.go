package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"filippo.io/age"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// RestoreOptions say what is restored, and where to.
type RestoreOptions struct {
	Backup     string         // its name; "" is the newest that a drill has verified, else the newest
	Identities []age.Identity // one of them must be of a recipient
	Dir        string         // of the new store: not there, or an empty folder
	Anchor     string         // the anchor that was kept elsewhere; "" is the backup's own
	// AcceptRollback restores a backup that is older than Anchor. The first unlock has to accept it too.
	AcceptRollback bool
	Progress       Progress // nil: nobody

	withoutBlobs bool // of a quick drill
}

// Restored is what Restore has put in place. The store is locked; Conclude proves it.
type Restored struct {
	Backup   string          `json:"backup"`
	Manifest *Manifest       `json:"-"`
	Erased   []store.Erasure `json:"-"` // known of the target; the first unlock repeats them
	// LaterKeys: the key file of the backup was removed from the target with an erasure, and a later one was taken.
	LaterKeys bool  `json:"later_keys"`
	Blobs     int   `json:"blobs"`
	Bytes     int64 `json:"bytes"` // written

	signed []byte
}

// Restore puts a backup in a new place, durable and locked. Every byte is held to the manifest. Errors: store.ErrNotFound (no such
// backup), store.ErrExists (there is something at Dir), *store.RollbackError (behind Anchor), ErrIdentity, ErrDamaged, ErrManifest, those of
// target and disk. After an error nothing is at Dir.
func Restore(ctx context.Context, t Target, o RestoreOptions) (out *Restored, err error) {
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	a, err := store.Assemble(o.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Abandon()) }()
	m, signed, err := choose(ctx, t, o.Backup)
	if err != nil {
		return nil, err
	}
	if m.Format > store.FormatVersion {
		return nil, &store.LaterFormatError{Format: m.Format, Known: store.FormatVersion}
	}
	if o.Anchor != "" {
		var back *store.RollbackError
		if err := store.BehindAnchor(o.Anchor, m.Heads); err != nil && !(errors.As(err, &back) && o.AcceptRollback) {
			return nil, err
		}
	}
	r := &restoring{t: t, o: o, a: a, out: &Restored{Backup: m.Backup, Manifest: m, signed: signed}}
	if err := r.parts(ctx); err != nil {
		return nil, err
	}
	if err := a.Finish([]byte(m.Anchor), []byte(m.FormatFile), r.out.Erased, store.Options{Anchor: o.Anchor}); err != nil {
		return nil, fmt.Errorf("putting the store in its place: %w", err)
	}
	return r.out, nil
}

// choose finds the backup that is meant.
func choose(ctx context.Context, t Target, name string) (*Manifest, []byte, error) {
	if name == "" {
		all, err := List(ctx, t)
		if err != nil {
			return nil, nil, err
		}
		m := newest(all, true)
		if m == nil {
			m = newest(all, false)
		}
		if m == nil {
			return nil, nil, fmt.Errorf("%s holds no backup that can be read: %w", t.Name(), store.ErrNotFound)
		}
		name = m.Backup
	}
	return readManifest(ctx, t, name)
}

type restoring struct {
	t   Target
	o   RestoreOptions
	a   *store.Assembly
	out *Restored
}

// parts writes database, key file and blobs. The key file comes first: it is small, and shows a wrong identity at once.
func (r *restoring) parts(ctx context.Context) (err error) {
	m := r.out.Manifest
	if r.out.Erased, err = readErasures(ctx, r.t); err != nil {
		return err
	}
	if err := r.keyFile(ctx, m.one(kindKeys)); err != nil {
		return err
	}
	if err := r.object(ctx, m.one(kindDatabase), r.a.Database(), "restoring the database"); err != nil {
		return err
	}
	if r.o.withoutBlobs {
		return nil
	}
	return r.blobs(ctx)
}

// object writes an object into a new file.
func (r *restoring) object(ctx context.Context, o Object, path, what string) error {
	from, finish, err := open(ctx, r.t, o, r.o.Identities)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return errors.Join(err, finish())
	}
	n, err := io.CopyBuffer(onlyWriter{f}, &counting{from, func(n int64) { r.o.Progress(what, n, o.Plain) }, 0}, make([]byte, 1<<20))
	r.out.Bytes += n
	if err != nil { // what comes after it is not worth reading
		_ = finish()
		return errors.Join(err, f.Close())
	}
	return errors.Join(finish(), f.Close())
}

// keyFile takes the backup's own, or the newest where that was removed with an erasure.
func (r *restoring) keyFile(ctx context.Context, own Object) error {
	err := r.object(ctx, own, r.a.KeyFile(), "restoring the key file")
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	all, listed := List(ctx, r.t)
	if listed != nil {
		return listed
	}
	there, listed := r.t.List(ctx, keys)
	if listed != nil {
		return listed
	}
	for _, l := range slices.Backward(all) {
		if l.Manifest == nil {
			continue
		}
		o := l.Manifest.one(kindKeys)
		if slices.ContainsFunc(there, func(s Stored) bool { return s.Name == o.Name }) {
			r.out.LaterKeys = true
			return r.object(ctx, o, r.a.KeyFile(), "restoring the key file")
		}
	}
	return fmt.Errorf("neither the key file of this backup nor a later one is on the target: %w", err)
}

// blobs reads each pack once, in its order.
func (r *restoring) blobs(ctx context.Context) error {
	of := map[string][]kept{}
	err := readIndex(ctx, r.t, r.out.Manifest.one(kindIndex), r.o.Identities, func(k kept) error {
		of[k.Pack] = append(of[k.Pack], k)
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range r.out.Manifest.of(kindPack) {
		if err := r.pack(ctx, p, of[p.Name]); err != nil {
			return err
		}
		delete(of, p.Name)
	}
	for name, blobs := range of {
		return fmt.Errorf("%s: %w: the index names %d blobs in %.80q, which the manifest does not have", r.t.Name(), ErrDamaged, len(blobs), name)
	}
	return nil
}

func (r *restoring) pack(ctx context.Context, o Object, blobs []kept) error {
	slices.SortFunc(blobs, func(a, b kept) int { return int(min(1, max(-1, a.At-b.At))) })
	from, finish, err := open(ctx, r.t, o, r.o.Identities)
	if err != nil {
		return err
	}
	at := int64(0)
	for _, k := range blobs {
		if k.At < at {
			err = fmt.Errorf("%s, %s: %w: two blobs at byte %d", r.t.Name(), o.Name, ErrDamaged, k.At)
			break
		}
		if _, err = io.CopyN(io.Discard, from, k.At-at); err == nil {
			err = r.blob(from, k)
		}
		if err != nil {
			err = fmt.Errorf("blob %s of tenant %s: %w", k.Blob, k.Tenant, err)
			break
		}
		at = k.At + k.Bytes
		r.out.Blobs++
		r.out.Bytes += k.Bytes
		r.o.Progress("restoring blobs", int64(r.out.Blobs), int64(r.out.Manifest.Blobs))
	}
	if err != nil {
		_ = finish()
		return err
	}
	return finish()
}

func (r *restoring) blob(from io.Reader, k kept) error {
	f, err := r.a.CreateBlob(store.StoredBlob{Tenant: k.Tenant, Name: k.Blob, Bytes: k.Bytes})
	if err != nil {
		return err
	}
	m := newMeter()
	_, err = io.CopyN(io.MultiWriter(f, m), from, k.Bytes)
	if err == nil && m.sum() != k.Digest {
		err = fmt.Errorf("%w: it has another digest than the index says", ErrDamaged)
	}
	return errors.Join(err, f.Close())
}

// Conclude proves a restored store that was unlocked: the manifest is signed by its own key, and every log is the one that was backed
// up. It enters the restore in the store's audit log. The error wraps ErrDamaged where something differs.
func Conclude(ctx context.Context, db *store.DB, by store.Principal, r *Restored) error {
	if err := r.signedBy(db); err != nil {
		return err
	}
	faults, err := db.HoldHeads(ctx, by, r.Manifest.Heads)
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		var lines []string
		for _, f := range faults {
			lines = append(lines, f.String())
		}
		return fmt.Errorf("the restored store: %w: %s", ErrDamaged, strings.Join(lines, "; "))
	}
	t, err := db.Tenant(ctx, by, store.Appliance)
	if err != nil {
		return err
	}
	return t.Update(ctx, store.Action{Verb: rights.BackupRestore}, func(*store.WriteTx) error { return nil })
}

// signedBy verifies the manifest with the keys of a store.
func (r *Restored) signedBy(db *store.DB) error {
	if _, err := db.OpenDocument(r.signed); err != nil {
		return fmt.Errorf("the manifest of %s is not signed by this installation: %w", r.Backup, err)
	}
	return nil
}
