package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// CheckReport is what Check found. The store is good where Faults is empty.
type CheckReport struct {
	Records int64       `json:"records"` // decrypted, each for its own place
	Blobs   int64       `json:"blobs"`   // read to their ends and held to their digests
	Orphans int64       `json:"orphans"` // blobs that no record refers to; no fault
	Logs    []LogReport `json:"logs"`
	Faults  []Fault     `json:"faults"`
}

// maxFaults ends a check that finds no end of faults.
const maxFaults = 100

// checker gathers.
type checker struct {
	db       *DB
	report   CheckReport
	progress func(what string, done int64)
	trail    *trail // what the audit logs say
}

var errTooMany = errors.New("too many faults; the check was ended")

func (c *checker) fault(where, reason string) error {
	c.report.Faults = append(c.report.Faults, Fault{where, reason})
	if len(c.report.Faults) >= maxFaults {
		return errTooMany
	}
	return nil
}

// foundWrong adds to the damage that IsDamage knows what only a check can call so: a value under a key that no longer is,
// or never was. Anything else, such as a check that was cancelled or a disk that does not answer, is no finding.
func foundWrong(err error) bool {
	return IsDamage(err) || errors.Is(err, keyring.ErrUnknownKey) || errors.Is(err, keyring.ErrDestroyed)
}

// found reports err as a fault if it is one, and otherwise returns it: the check could not be carried out.
func (c *checker) found(where string, err error) error {
	if err == nil || errors.Is(err, errTooMany) || !foundWrong(err) {
		return err
	}
	return c.fault(where, err.Error())
}

// Check verifies everything: the pages of the database, all logs (see VerifyLogs), that every record decrypts at its own
// place and is the one that the audit logs say was written there last, with none missing and none too many, and that every
// blob has its digest. Faults are in the report; an error means that it could not be checked.
func (db *DB) Check(ctx context.Context, p Principal, progress func(what string, done int64)) (*CheckReport, error) {
	if err := db.ready(); err != nil {
		return nil, err
	}
	t := &Tenant{db: db, id: p.Tenant(), principal: p}
	a := Action{Verb: rights.StoreCheck}
	if err := t.permit(ctx, a); err != nil {
		return nil, err
	}
	c := &checker{db: db, progress: progress, report: CheckReport{Faults: []Fault{}}, trail: newTrail(db)}
	if progress == nil {
		c.progress = func(string, int64) {}
	}
	err := c.all(ctx)
	if errors.Is(err, errTooMany) {
		err = nil
	}
	return &c.report, t.settle(ctx, a, err)
}

func (c *checker) all(ctx context.Context) error {
	c.progress("database pages", 0)
	if err := c.found(databaseFile, c.db.kv.Check(ctx)); err != nil {
		return err
	}
	tenants, err := c.db.tenantIDs(ctx)
	if err != nil {
		return c.found(databaseFile, err)
	}
	for _, id := range tenants { // the appliance first: its audit log has the heads of the others
		if err := c.tenant(ctx, id); err != nil {
			return err
		}
	}
	if err := c.signposts(ctx); err != nil {
		return err
	}
	if err := c.forgotten(tenants); err != nil {
		return err
	}
	return c.strangers(ctx, tenants)
}

// tenant checks one tenant's logs, records and blobs.
func (c *checker) tenant(ctx context.Context, id ID) error {
	db := c.db
	if err := db.openOwner(dataOwner(id)); err != nil && !errors.Is(err, keyring.ErrErased) {
		if errors.Is(err, keyring.ErrUnknownOwner) {
			return c.fault(fmt.Sprintf("%s, tenant %s", keysFile, id), err.Error())
		}
		return c.found(fmt.Sprintf("%s, tenant %s", keysFile, id), err)
	}
	if err := c.logs(ctx, id); err != nil || db.isErased(id) {
		return err
	}
	t := &Tenant{db: db, id: id}
	err := c.records(ctx, t)
	if err == nil {
		err = c.blobs(ctx, t)
	}
	if errors.Is(err, keyring.ErrErased) { // meanwhile
		return nil
	}
	return err
}

// logs verifies a tenant's logs and reads from the audit log what must be stored.
func (c *checker) logs(ctx context.Context, id ID) error {
	for _, kind := range []LogKind{AuditLog, Lineage} {
		var each func(int64, []byte) error
		if kind == AuditLog {
			each = c.trail.begin(id)
		}
		r, err := c.db.verifyLog(ctx, c.db.logOf(id, kind), c.trail.heads, each, func(n int64) { c.progress("log leaves", n) })
		if err != nil {
			return err
		}
		c.report.Logs = append(c.report.Logs, r)
		if r.Fault == nil {
			continue
		}
		if kind == AuditLog {
			c.trail.distrust(id)
		}
		if err := c.fault(r.Fault.Where, r.Fault.Reason); err != nil {
			return err
		}
	}
	return nil
}

// records decrypts every record of a tenant, and holds it to the audit log.
func (c *checker) records(ctx context.Context, t *Tenant) error {
	for _, name := range collectionNames() {
		collection := register[name]
		err := c.db.eachBox(ctx, t.id, collection, func(key []byte, b envelope.Box) error {
			c.report.Records++
			c.trail.seen(collection, key, b)
			_, err := t.decrypt(collection, key, b)
			return c.found(fmt.Sprintf("tenant %s, %s %x", t.id, name, key), err)
		})
		if err := c.found(fmt.Sprintf("tenant %s, %s", t.id, name), err); err != nil {
			return err
		}
		c.progress("records", c.report.Records)
	}
	return c.replaced(ctx, t.id)
}

// blobs reads every blob that a record refers to.
func (c *checker) blobs(ctx context.Context, t *Tenant) error {
	used := map[[16]byte]bool{}
	err := c.db.eachBox(ctx, t.id, register["blobs"], func(key []byte, b envelope.Box) error {
		if use, err := t.blobUse(key, b); err == nil { // one that does not decrypt is named among the records
			used[use.Ref.ID] = true
			return c.blob(ctx, t, key, use)
		}
		return nil
	})
	if err != nil {
		return c.found(fmt.Sprintf("tenant %s, blobs", t.id), err)
	}
	dir, err := c.db.blobs(t.id)
	if err != nil {
		return err
	}
	return dir.All(func(id [16]byte, _ int64, _ time.Time) error {
		if !used[id] {
			c.report.Orphans++
		}
		return nil
	})
}

func (c *checker) blob(ctx context.Context, t *Tenant, key []byte, use blobUse) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.report.Blobs++
	c.progress("blobs", c.report.Blobs)
	return c.found(fmt.Sprintf("tenant %s, blob %x of %s", t.id, use.Ref.ID, use.Object), t.readWhole(key, use))
}

// readWhole reads a blob to its end, which holds it to its digest.
func (t *Tenant) readWhole(key []byte, use blobUse) error {
	r, err := t.openUse(key, use)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return errors.Join(err, r.Close())
}

// strangers names spaces of the database that belong to no tenant.
func (c *checker) strangers(ctx context.Context, tenants []ID) error {
	known := map[ID]bool{}
	for _, id := range tenants {
		known[id] = true
		known[c.db.logOf(id, AuditLog).id], known[c.db.logOf(id, Lineage).id] = true, true
	}
	spaces, err := c.db.spaces(ctx)
	if err != nil {
		return c.found(databaseFile, err)
	}
	for _, space := range spaces {
		if !known[space] {
			if err := c.fault(fmt.Sprintf("%s, space %s", databaseFile, space), "belongs to no tenant"); err != nil {
				return err
			}
		}
	}
	return nil
}

// spaces lists the spaces of the database.
func (db *DB) spaces(ctx context.Context) (all []ID, err error) {
	err = db.kv.View(ctx, func(from *kv.ReadTx) error {
		return from.Spaces(func(space [16]byte) (bool, error) {
			all = append(all, ID(space))
			return true, nil
		})
	})
	return all, err
}
