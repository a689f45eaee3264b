package directory

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// How long things last.
const (
	oneTimeLife       = 7 * 24 * time.Hour // of a password that somebody else set
	invitationLife    = 7 * 24 * time.Hour
	enrolmentLife     = 15 * time.Minute
	apiKeyLife        = 90 * 24 * time.Hour // unless asked otherwise
	maxAPIKeyLife     = 366 * 24 * time.Hour
	maxAPIKeys        = 100 // of one owner, in use
	maxOverlap        = 7 * 24 * time.Hour
	sessionsOfOne     = 20 // the oldest ends when one more begins
	addressesOfOne    = 8  // remembered per account
	wrongCodes        = 5  // of the second factor before it is barred
	firstBar, lastBar = time.Minute, 24 * time.Hour
)

// KnownPasswords is a list of passwords that leaked somewhere.
type KnownPasswords interface {
	// Known reports whether the password, in NFKC, is in the list. It must not keep or send it.
	Known(password string) bool
}

// Options of a directory. The zero value is right for production.
type Options struct {
	// Breached refuses new passwords that are known. nil: only the built-in rules do (see Directory.SetPassword).
	Breached KnownPasswords
	// Limits are the rates of sign-ins.
	Limits Limits
	// Sessions are how long sessions last, Hash is what a new hash of a password costs.
	Sessions SessionLimits
	Hash     HashCost
	// SecondFactorOptional lets administrators, approvers and operators do without a second factor, for throw-away appliances. A tenant's
	// policy can still ask for it.
	SecondFactorOptional bool
	// RelyingParty is the site that passkeys are for. Zero: there are none, and their verbs refuse. One that is wrong makes them
	// refuse too; see RelyingParty.Validate.
	RelyingParty RelyingParty
	// Rand and Now are entropy and clock; nil is the system's.
	Rand io.Reader
	Now  func() time.Time
}

// Directory is the directory of all tenants of a store. It is safe for many goroutines.
type Directory struct {
	db      *store.DB
	options Options
	rand    io.Reader
	now     func() time.Time
	hasher  *hasher
	limiter *limiter
	seen    *sightings
	setUp   setUpCode
	// callers are who showed session tokens, by the token's digest; keysKept API keys, by their public part.
	callers  kept[caller]
	keysKept kept[keyAndOwner]
	// resetFloor is resetFloor, which tests shorten.
	resetFloor time.Duration
	passkeySigning
	collections
}

// Open gives the directory of a store. Call Flush before the store is closed.
func Open(db *store.DB, o Options) *Directory {
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Limits, o.Sessions, o.Hash = o.Limits.filled(), o.Sessions.filled(), o.Hash.filled()
	d := &Directory{db: db, options: o, rand: o.Rand, now: o.Now, hasher: newHasher(o.Hash), limiter: newLimiter(), seen: newSightings(), resetFloor: resetFloor, collections: defineCollections()}
	d.passkeySigning = newPasskeySigning(o.RelyingParty, d.draw(strangersKey))
	return d
}

// HostOperator is whoever works on the appliance's host with the store's key, by the name of the host account. It may add and
// disable users of any tenant, mend the accounts of operators, and never is one.
func HostOperator(account string, source store.Source) store.Principal {
	return rights.HostOperator(store.Appliance, account, source)
}

// tenant opens a tenant for a principal. An operator of the appliance comes as the operator of that tenant, so that what is
// done stands in the tenant's own log.
func (d *Directory) tenant(ctx context.Context, by store.Principal, tenant store.ID) (*store.Tenant, error) {
	if by.Role() == store.Operator && by.Tenant() == store.Appliance {
		by = rights.Within(by, tenant)
	}
	return d.db.Tenant(ctx, by, tenant)
}

// digest is what is kept of a token: SHA-256, in hexadecimal digits. Tokens have 256 random bits, so it need not be slow.
func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// save inserts a record that was not there, or replaces it.
func save[T any](tx *store.WriteTx, c store.Collection[T], r store.Record[T]) error {
	if r.Version == 0 {
		return c.Insert(tx, r.ID, r.Value)
	}
	_, err := c.Put(tx, r)
	return err
}

// find reads a record; one that is not there is empty, in version 0.
func find[T any](tx store.Reader, c store.Collection[T], id store.ID) (store.Record[T], error) {
	r, err := c.Get(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return store.Record[T]{ID: id}, nil
	}
	return r, err
}

// each calls fn for every record of a collection.
func each[T any](tx store.Reader, c store.Collection[T], fn func(store.Record[T]) error) error {
	const atOnce = 1000
	for after := store.Cursor(""); ; {
		page, err := c.List(tx, after, atOnce)
		if err != nil {
			return err
		}
		for _, r := range page.Records {
			if err := fn(r); err != nil {
				return err
			}
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}
