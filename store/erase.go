package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Certificate of erasure: what was destroyed, when, and what remains. Version 1. It is signed when all that it says was done.
type Certificate struct {
	Version     int       `json:"version"`
	Install     ID        `json:"install"`
	Tenant      ID        `json:"tenant"`
	Erased      time.Time `json:"erased"` // when the keys were destroyed
	Keys        []string  `json:"keys_destroyed"`
	Generation  uint64    `json:"key_file_generation"`
	Rewritten   time.Time `json:"database_rewritten"` // without what was left; no earlier than that
	AuditSize   int64     `json:"audit_entries"`
	Unreadable  string    `json:"unreadable"`
	Remains     string    `json:"remains"`
	NotAttested string    `json:"not_attested"`
	// Signed is the same as a signed note (C2SP), under the key that signs the appliance's checkpoints.
	Signed string `json:"signed,omitempty"`
}

type certificateRecord struct {
	Certificate Certificate     `json:"certificate"`
	Erasure     keyring.Erasure `json:"erasure"`
}

var certificates = Define[certificateRecord]("certificates", 1)

// purging is the verb of an intent under the tenant's own id: its keys are destroyed, and what they had encrypted is not
// yet known to be deleted and the database rewritten. It goes with the certificate, in one transaction.
var purging = rights.TenantPurge.String()

// EraseTenant destroys a tenant's keys, so that nothing of its data can be read any more, and then what they had
// encrypted: records, blobs, free pages of the database (it is rewritten). Its audit log stays and verifies, with
// users as ids. The certificate, signed at the end, is kept by the appliance. What fails in between or is cut short by a
// crash is gone on with by the next call and by every unlock. unlockers reach the services of slots that wrap by call.
//
// Errors: *DeniedError, the same for tenants that exist and others; ErrNotFound; ErrErased for one whose erasure is
// complete (see Certificate); those of the key services and the disk.
func (db *DB) EraseTenant(ctx context.Context, p Principal, tenant ID, unlockers ...Unlocker) (*Certificate, error) {
	t := db.appliance(p)
	if err := t.permit(ctx, Action{Verb: rights.TenantErase, Object: tenant}); err != nil {
		return nil, err
	}
	db.ring.Attach(unlockers...)
	if err := db.eraseKeys(ctx, t, tenant); err != nil {
		return nil, err
	}
	if err := db.purgeMarked(ctx, t); err != nil {
		return nil, fmt.Errorf("the keys of tenant %s are destroyed; deleting what is left of its data goes on with the same command, or at the next unlock: %w", tenant, err)
	}
	record, err := db.certificateOf(ctx, tenant)
	return &record.Value.Certificate, err
}

// eraseKeys takes an erasure to the point where the keys are destroyed and the tenant is marked to be purged.
func (db *DB) eraseKeys(ctx context.Context, t *Tenant, tenant ID) error {
	a := Action{Verb: rights.TenantErase, Object: tenant}
	switch {
	case tenant == Appliance:
		return t.settle(ctx, a, errors.New("erase: the appliance itself cannot be erased; remove its directory"))
	case db.isErased(tenant):
		return db.goOnErasing(ctx, t, a)
	}
	if _, err := db.tenantState(ctx, tenant); err != nil {
		return t.settle(ctx, a, err)
	}
	if err := db.openKeys(ctx, tenant); err != nil {
		return t.settle(ctx, a, err)
	}
	return t.changeKeys(ctx, keyChange{
		verb: rights.TenantErase, intent: intent{Object: tenant},
		do:   func() ([]keyring.Event, error) { return db.ring.Erase(ctx, []keyring.Owner{dataOwner(tenant)}) },
		then: func(tx *WriteTx) error { return db.markErased(tx, tenant) },
	})
}

// goOnErasing is for a tenant whose keys are destroyed already: what its erasure stopped at is done, or there is nothing
// left to do, which is ErrErased.
func (db *DB) goOnErasing(ctx context.Context, t *Tenant, a Action) error {
	open, err := db.openIntents(ctx)
	if err != nil {
		return t.settle(ctx, a, err)
	}
	marked := false
	for _, r := range open {
		if r.Value.Object != a.Object {
			continue
		}
		if r.Value.Verb == rights.TenantErase.String() {
			if err := db.concludeErasure(ctx, t, a, r); err != nil {
				return err
			}
			marked = true
		}
		marked = marked || r.Value.Verb == purging
	}
	if !marked {
		return t.settle(ctx, a, fmt.Errorf("tenant %s: %w", a.Object, ErrErased))
	}
	return nil
}

// concludeErasure ends an erasure that was announced, from wherever it stopped.
func (db *DB) concludeErasure(ctx context.Context, t *Tenant, a Action, r Record[intent]) error {
	db.changing.Lock()
	defer db.changing.Unlock()
	tenant := r.Value.Object
	if err := db.openOwner(auditOwner(tenant)); err != nil {
		return err
	}
	if _, err := db.ring.Erase(ctx, []keyring.Owner{dataOwner(tenant)}); err != nil {
		return err
	}
	return t.concludeKeys(ctx, a, r.ID, db.destroyed(tenant), func(tx *WriteTx) error { return db.markErased(tx, tenant) })
}

// markErased notes that a tenant's keys are destroyed and that what they had encrypted is to be purged.
func (db *DB) markErased(tx *WriteTx, tenant ID) error {
	e, err := db.erasure(tenant)
	if err != nil {
		return err
	}
	err = intents.Insert(tx, tenant, intent{Verb: purging, Object: tenant, Generation: e.Generation})
	if err != nil && !errors.Is(err, ErrExists) {
		return err
	}
	state, err := tenantStates.Get(tx, tenant)
	if errors.Is(err, ErrNotFound) { // an older database that never knew it
		return nil
	}
	if err != nil || state.Value.Erased != nil {
		return err
	}
	at := e.At.UTC()
	state.Value.Erased = &at
	_, err = tenantStates.Put(tx, state)
	return err
}

// erasure is the key file's account of a tenant's erasure.
func (db *DB) erasure(tenant ID) (keyring.Erasure, error) {
	for _, e := range db.ring.Erased() {
		if e.Owner == dataOwner(tenant) {
			return e, nil
		}
	}
	return keyring.Erasure{}, fmt.Errorf("the key file does not list the erasure of tenant %s: %w", tenant, kv.ErrCorrupt)
}

// tenantState is the appliance's record of a tenant.
func (db *DB) tenantState(ctx context.Context, id ID) (r Record[tenantState], err error) {
	err = db.kv.View(ctx, func(from *kv.ReadTx) (err error) {
		r, err = tenantStates.Get(&ReadTx{db.system(), from}, id)
		return err
	})
	return r, err
}

// Certificate is the certificate of a tenant's erasure. ErrNotFound: the tenant is not erased, or its erasure is not
// complete yet (EraseTenant goes on with it).
func (db *DB) Certificate(ctx context.Context, p Principal, tenant ID) (*Certificate, error) {
	var c Certificate
	err := db.appliance(p).View(ctx, Action{Verb: rights.CertificateRead, Object: tenant}, func(tx *ReadTx) error {
		r, err := certificates.Get(tx, tenant)
		c = r.Value.Certificate
		return err
	})
	return &c, err
}

// certificateOf reads it for the store itself.
func (db *DB) certificateOf(ctx context.Context, tenant ID) (r Record[certificateRecord], err error) {
	err = db.kv.View(ctx, func(from *kv.ReadTx) (err error) {
		r, err = certificates.Get(&ReadTx{db.system(), from}, tenant)
		return err
	})
	return r, err
}

// isErased reports whether the tenant is on the list of erasures, which is part of the key file.
func (db *DB) isErased(id ID) bool { return db.ring.IsErased(dataOwner(id)) }

// destroyed is what an erasure destroyed, from the key file's list.
func (db *DB) destroyed(tenant ID) (all []keyring.Event) {
	e, err := db.erasure(tenant)
	if err != nil {
		return nil
	}
	for _, id := range e.Keys {
		all = append(all, keyring.Event{Kind: keyring.Destroyed, Object: keyring.DataKeys, Owner: e.Owner, KeyID: id})
	}
	return all
}

// purgeErased removes what is left of erased tenants: after a crash within an erasure, and after an older database or blob
// folder was put back. It goes by the key file's list and by the certificates, so that neither of the two files brings a
// tenant back when it alone is restored from before.
func (db *DB) purgeErased(ctx context.Context) error {
	if err := db.applyCertificates(ctx); err != nil {
		return err
	}
	if err := db.markLeft(ctx); err != nil {
		return err
	}
	return db.purgeMarked(ctx, db.system())
}

// purgeMarked deletes what is left of the tenants that are marked, rewrites the database without it, and only then signs the
// certificates and takes the marks away. Stopped anywhere, it is called again.
func (db *DB) purgeMarked(ctx context.Context, by *Tenant) error {
	db.changing.Lock()
	defer db.changing.Unlock()
	open, err := db.openIntents(ctx)
	if err != nil {
		return err
	}
	open = slices.DeleteFunc(open, func(r Record[intent]) bool { return r.Value.Verb != purging })
	if len(open) == 0 {
		return nil
	}
	for _, r := range open {
		if err := db.purge(ctx, r.Value.Object); err != nil {
			return fmt.Errorf("purge erased tenant %s: %w", r.Value.Object, err)
		}
	}
	if err := db.dropBefore(true); err != nil {
		return err
	}
	if err := db.kv.Compact(ctx); err != nil {
		return fmt.Errorf("rewrite the database after an erasure: %w", err)
	}
	for _, r := range open {
		a := Action{Verb: rights.TenantPurge, Object: r.Value.Object}
		if err := by.commit(ctx, by.entry(a, Done), func(tx *WriteTx) error { return db.certify(tx, r) }); err != nil {
			return fmt.Errorf("certify the erasure of tenant %s: %w", r.Value.Object, err)
		}
	}
	return nil
}

// purge removes one erased tenant's records, signposts and blobs. Its logs stay: the leaves of the ledger as unreadable
// ciphertext, from which its hashes can still be verified.
func (db *DB) purge(ctx context.Context, id ID) error {
	if err := db.kv.Purge(ctx, id); err != nil {
		return err
	}
	if err := db.purgeSignposts(ctx, id); err != nil {
		return err
	}
	db.dropFolder(id)
	return os.RemoveAll(db.blobPath(id))
}

func (db *DB) purgeSignposts(ctx context.Context, tenant ID) error {
	var keys [][]byte
	err := db.eachKey(ctx, Appliance, register["signposts"], func(key []byte) {
		if bytes.HasSuffix(key, tenant[:]) {
			keys = append(keys, key)
		}
	})
	if err != nil || len(keys) == 0 {
		return err
	}
	system := db.system()
	entry := system.entry(Action{Verb: rights.TenantPurge, Object: tenant}, Done)
	entry.reason = "signposts"
	return system.commit(ctx, entry, func(tx *WriteTx) error {
		for _, key := range keys {
			if err := tx.deleteIn(Appliance, register["signposts"], key); err != nil {
				return err
			}
		}
		return nil
	})
}

// applyCertificates brings erasures into a key file that was put back from before them.
func (db *DB) applyCertificates(ctx context.Context) error {
	noted := db.anchor.noted()
	missing := slices.DeleteFunc(noted, func(e keyring.Erasure) bool { return db.ring.IsErased(e.Owner) })
	t := db.system()
	for after := Cursor(""); ; {
		var page Page[certificateRecord]
		err := db.kv.View(ctx, func(from *kv.ReadTx) (err error) {
			page, err = certificates.List(&ReadTx{t, from}, after, maxPage)
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range page.Records {
			if !db.isErased(r.ID) {
				missing = append(missing, r.Value.Erasure)
			}
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if len(missing) == 0 && !db.anchor.unsettled(db.ring.Erased()) {
		return nil
	}
	genuine, err := db.genuineErasures(ctx, missing)
	if err != nil {
		return err
	}
	if len(genuine) > 0 {
		events, err := db.ring.ApplyErased(ctx, genuine)
		if err != nil {
			return err
		}
		if err := t.tellTenants(ctx, Action{Verb: rights.TenantErase}, events); err != nil {
			return err
		}
	}
	return db.anchor.settled(db.ring.Generation(), db.ring.Erased())
}

// genuineErasures leaves out erasures that this installation has not written: an anchor, and the list at a place of backups, can be
// written to by others, who must neither erase a tenant nor keep the store from being unlocked. What is left out is an alarm and an
// entry of the audit log.
func (db *DB) genuineErasures(ctx context.Context, list []keyring.Erasure) ([]keyring.Erasure, error) {
	genuine, forged, err := db.ring.SiftErased(list)
	if err != nil || len(forged) == 0 {
		return genuine, err
	}
	what := fmt.Sprintf("%d noted erasures were not written by this installation and are left out, the first of %s", len(forged), ID(forged[0].Owner.Space))
	db.alarm(what + ": somebody changed the anchor, or the list of erasures at the place of backups")
	r := db.system().entry(Action{Verb: rights.StoreAlarm}, Done)
	r.reason = what
	return genuine, db.audit(ctx, r)
}

// SiftErasures parts a list of erasures from elsewhere into those that this installation has written and others.
func (db *DB) SiftErasures(list []Erasure) (genuine, forged []Erasure, err error) {
	if err := db.ready(); err != nil {
		return nil, nil, err
	}
	return db.ring.SiftErased(list)
}

// markLeft marks erased tenants of which there is something although their erasure is over, or of which the database knows
// no certificate.
func (db *DB) markLeft(ctx context.Context) error {
	left, err := db.leftOfErased(ctx)
	if err != nil || len(left) == 0 {
		return err
	}
	open, err := db.openIntents(ctx)
	if err != nil {
		return err
	}
	system := db.system()
	for _, id := range left {
		if slices.ContainsFunc(open, func(r Record[intent]) bool { return r.ID == id }) {
			continue
		}
		entry := system.entry(Action{Verb: rights.TenantPurge, Object: id}, Intent)
		if err := system.commit(ctx, entry, func(tx *WriteTx) error { return db.markErased(tx, id) }); err != nil {
			return fmt.Errorf("mark what is left of erased tenant %s: %w", id, err)
		}
	}
	return nil
}

func (db *DB) leftOfErased(ctx context.Context) (left []ID, err error) {
	there, err := db.spaces(ctx)
	if err != nil {
		return nil, err
	}
	err = db.eachKey(ctx, Appliance, register["signposts"], func(key []byte) {
		if id := ID(key[max(0, len(key)-len(ID{})):]); db.isErased(id) {
			there = append(there, id)
		}
	})
	if err != nil {
		return nil, err
	}
	for _, e := range db.ring.Erased() {
		id := ID(e.Owner.Space)
		if e.Owner != dataOwner(id) {
			continue
		}
		if _, err := os.Lstat(db.blobPath(id)); err == nil || slices.Contains(there, id) {
			left = append(left, id)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		} else if _, err := db.certificateOf(ctx, id); errors.Is(err, ErrNotFound) {
			left = append(left, id)
		} else if err != nil {
			return nil, err
		}
	}
	return left, nil
}

// certify ends an erasure: the certificate, unless there is one already, and the end of the mark.
func (db *DB) certify(tx *WriteTx, mark Record[intent]) error {
	if err := intents.remove(tx, mark.ID); err != nil {
		return err
	}
	id := mark.Value.Object
	if _, err := certificates.Get(tx, id); !errors.Is(err, ErrNotFound) {
		return err
	}
	e, err := db.erasure(id)
	if err != nil {
		return err
	}
	c, err := db.certificate(tx, e)
	if err != nil {
		return err
	}
	return certificates.Insert(tx, id, certificateRecord{*c, e})
}

func (db *DB) certificate(tx *WriteTx, e keyring.Erasure) (*Certificate, error) {
	id := ID(e.Owner.Space)
	c := &Certificate{
		Version: 1, Install: db.format.Install, Tenant: id, Erased: e.At.UTC(), Generation: e.Generation, Keys: []string{}, Rewritten: tx.now.Truncate(time.Second),
		Unreadable:  "All key-encryption and data keys of the tenant were destroyed. Records, blobs and ledger texts encrypted under them can no longer be read. What was left of them in the database and the blob folder was deleted, and after that the database file was rewritten without it.",
		Remains:     "The tenant's audit log with users and objects as random ids, and the hashes of its ledger, each verifiable.",
		NotAttested: "Copies of the key file or of the whole directory made earlier, by backups, snapshots or the storage below, are outside the appliance: they expire with their own retention. Overwriting the old key file is no guarantee on copy-on-write or flash storage.",
	}
	var err error
	if c.AuditSize, err = db.logOf(id, AuditLog).size(tx.to); err != nil {
		return nil, err
	}
	for _, k := range e.Keys {
		c.Keys = append(c.Keys, k.String())
	}
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, err
	}
	signer, err := db.signer(db.logOf(Appliance, AuditLog).origin(db))
	if err != nil {
		return nil, err
	}
	signed, err := note.Sign(&note.Note{Text: string(text) + "\n"}, signer)
	c.Signed = string(signed)
	return c, err
}
