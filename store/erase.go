package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Certificate of erasure: what was destroyed, when, and what remains. Version 1.
type Certificate struct {
	Version     int       `json:"version"`
	Install     ID        `json:"install"`
	Tenant      ID        `json:"tenant"`
	Erased      time.Time `json:"erased"`
	Keys        []string  `json:"keys_destroyed"`
	Generation  uint64    `json:"key_file_generation"`
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

// EraseTenant destroys a tenant's keys, so that nothing of its data can be read any more, and then what they had
// encrypted: records, blobs, free pages of the database (it is compacted). Its audit log stays and verifies, with
// users as ids. The certificate is kept by the appliance. After a crash the next unlock finishes the erasure.
func (db *DB) EraseTenant(ctx context.Context, p Principal, tenant ID, unlockers ...Unlocker) (*Certificate, error) {
	if err := db.ready(); err != nil {
		return nil, err
	}
	if tenant == Appliance {
		return nil, errors.New("erase: the appliance itself cannot be erased; remove its directory")
	}
	if _, err := db.tenantState(ctx, tenant); err != nil {
		return nil, err
	}
	if err := db.openKeys(ctx, tenant); err != nil {
		return nil, err
	}
	db.ring.Attach(unlockers...)
	in := intent{Object: tenant}
	err := db.appliance(p).changeKeys(ctx, keyChange{
		verb: rights.TenantErase, intent: in,
		do:   func() ([]keyring.Event, error) { return db.ring.Erase(ctx, []keyring.Owner{dataOwner(tenant)}) },
		then: func(tx *WriteTx) error { return db.certify(tx, in) },
	})
	if err != nil {
		return nil, err
	}
	if err := db.purgeErased(ctx); err != nil {
		return nil, err
	}
	return db.Certificate(ctx, p, tenant)
}

// tenantState is the appliance's record of a tenant.
func (db *DB) tenantState(ctx context.Context, id ID) (r Record[tenantState], err error) {
	err = db.kv.View(ctx, func(from *kv.ReadTx) (err error) {
		r, err = tenantStates.Get(&ReadTx{db.system(), from}, id)
		return err
	})
	return r, err
}

// Certificate is the certificate of a tenant's erasure.
func (db *DB) Certificate(ctx context.Context, p Principal, tenant ID) (*Certificate, error) {
	if err := db.ready(); err != nil {
		return nil, err
	}
	var c Certificate
	err := db.appliance(p).View(ctx, Action{Verb: rights.TenantErase, Object: tenant}, func(tx *ReadTx) error {
		r, err := certificates.Get(tx, tenant)
		c = r.Value.Certificate
		return err
	})
	return &c, err
}

// isErased reports whether the tenant is on the list of erasures, which is part of the key file.
func (db *DB) isErased(id ID) bool {
	for _, e := range db.ring.Erased() {
		if ID(e.Owner.Space) == id && e.Owner.Hierarchy == keyring.Data {
			return true
		}
	}
	return false
}

// purgeErased removes what is left of erased tenants: after an erasure, after a crash within one, and after an older
// database was put back. It goes by the key file's list and by the certificates, so that neither of the two files
// brings a tenant back when it alone is restored from before.
func (db *DB) purgeErased(ctx context.Context) error {
	if err := db.applyCertificates(ctx); err != nil {
		return err
	}
	compact := false
	for _, e := range db.ring.Erased() {
		if e.Owner.Hierarchy != keyring.Data {
			continue
		}
		purged, err := db.purge(ctx, e)
		if err != nil {
			return fmt.Errorf("erase tenant %s: %w", ID(e.Owner.Space), err)
		}
		compact = compact || purged
	}
	if !compact {
		return nil
	}
	if err := db.kv.Compact(ctx); err != nil {
		return fmt.Errorf("compact after an erasure: %w", err)
	}
	return nil
}

// applyCertificates brings erasures into a key file that was put back from before them.
func (db *DB) applyCertificates(ctx context.Context) error {
	missing := slices.Clone(db.anchor.now().Erased)
	missing = slices.DeleteFunc(missing, func(e keyring.Erasure) bool { return db.isErased(ID(e.Owner.Space)) })
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
	if len(missing) == 0 {
		return nil
	}
	events, err := db.ring.ApplyErased(ctx, missing)
	if err != nil {
		return err
	}
	if err := t.tellTenants(ctx, Action{Verb: rights.TenantErase}, events); err != nil {
		return err
	}
	return db.anchor.keys(db.ring.Generation(), db.ring.Erased())
}

// purge removes one erased tenant's records, signposts and blobs, and reports whether there were any. Its logs stay: the
// leaves of the ledger as unreadable ciphertext, from which its hashes can still be verified.
func (db *DB) purge(ctx context.Context, e keyring.Erasure) (bool, error) {
	id := ID(e.Owner.Space)
	spaces, err := db.spaces(ctx)
	if err != nil {
		return false, err
	}
	there := slices.Contains(spaces, id)
	if err := db.kv.Purge(ctx, id); err != nil {
		return false, err
	}
	posts, err := db.purgeSignposts(ctx, id)
	if err != nil {
		return false, err
	}
	if err := os.RemoveAll(db.blobPath(id)); err != nil {
		return false, err
	}
	db.dropFolder(id)
	if err := db.certifyLate(ctx, e); err != nil {
		return false, err
	}
	return there || posts > 0, nil
}

func (db *DB) purgeSignposts(ctx context.Context, tenant ID) (int, error) {
	var keys [][]byte
	err := db.eachKey(ctx, Appliance, register["signposts"], func(key []byte) {
		if bytes.HasSuffix(key, tenant[:]) {
			keys = append(keys, key)
		}
	})
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	system := db.system()
	return len(keys), system.commit(ctx, system.entry(Action{Verb: rights.TenantErase, Object: tenant}, Done), func(tx *WriteTx) error {
		for _, key := range keys {
			if err := tx.deleteIn(Appliance, register["signposts"], key); err != nil {
				return err
			}
		}
		return nil
	})
}

// certify writes the certificate of an erasure that the key file has just made.
func (db *DB) certify(tx *WriteTx, in intent) error {
	for _, e := range db.ring.Erased() {
		if e.Owner == dataOwner(in.Object) {
			return db.writeCertificate(tx, e)
		}
	}
	return fmt.Errorf("the key file does not list the erasure of tenant %s: %w", in.Object, kv.ErrCorrupt)
}

// certifyLate writes it where the database was put back from before the erasure: which keys there were is not known then.
func (db *DB) certifyLate(ctx context.Context, e keyring.Erasure) error {
	system := db.system()
	id := ID(e.Owner.Space)
	err := db.kv.View(ctx, func(from *kv.ReadTx) error {
		_, err := certificates.Get(&ReadTx{system, from}, id)
		return err
	})
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	return system.commit(ctx, system.entry(Action{Verb: rights.TenantErase, Object: id}, Done), func(tx *WriteTx) error {
		return db.writeCertificate(tx, e)
	})
}

func (db *DB) writeCertificate(tx *WriteTx, e keyring.Erasure) error {
	id := ID(e.Owner.Space)
	c, err := db.certificate(tx, e)
	if err != nil {
		return err
	}
	if err := certificates.Insert(tx, id, certificateRecord{*c, e}); err != nil {
		return err
	}
	state, err := tenantStates.Get(tx, id)
	if errors.Is(err, ErrNotFound) { // an older database that never knew it
		return nil
	}
	if err != nil {
		return err
	}
	state.Value.Erased = &c.Erased
	_, err = tenantStates.Put(tx, state)
	return err
}

func (db *DB) certificate(tx *WriteTx, e keyring.Erasure) (*Certificate, error) {
	id := ID(e.Owner.Space)
	c := &Certificate{
		Version: 1, Install: db.format.Install, Tenant: id, Erased: e.At.UTC(), Generation: e.Generation, Keys: []string{},
		Unreadable:  "All key-encryption and data keys of the tenant were destroyed. Records, blobs and ledger texts encrypted under them can no longer be read; what was left of them in the database and the blob folder was deleted, and the database rewritten.",
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
