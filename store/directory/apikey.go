package directory

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// An API key is written qrs_<key id>_<secret>_<check>: so scanners of source code know it, and one that was cut short costs
// no look into the store. The key id is public; the check is a CRC-32 (IEEE) of what is before it.
const (
	keyPrefix    = "qrs"
	keyIDBytes   = 10
	secretBytes  = 32
	secretDigits = 43 // 62^43 > 2^256
	checkDigits  = 6
)

// base62 are the digits, letters last, in the order of math/big.
func base62(b []byte, digits int) string {
	text := new(big.Int).SetBytes(b).Text(62)
	return strings.Repeat("0", max(0, digits-len(text))) + text
}

func keyCheck(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	return base62([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}, checkDigits)
}

func (d *Directory) drawKeyID() string {
	return strings.ToLower(base32.NewEncoding(crockford).WithPadding(base32.NoPadding).EncodeToString(d.draw(keyIDBytes)))
}

// drawKey is a new key with that id.
func (d *Directory) drawKey(id string) string {
	text := keyPrefix + "_" + id + "_" + base62(d.draw(secretBytes), secretDigits)
	return text + "_" + keyCheck(text)
}

// keyID reads the id of a well-formed key.
func keyID(text string) (string, bool) {
	parts := strings.Split(text, "_")
	if len(text) > 100 || len(parts) != 4 || parts[0] != keyPrefix || len(parts[2]) != secretDigits || parts[1] == "" {
		return "", false
	}
	return parts[1], keyCheck(text[:len(text)-len(parts[3])-1]) == parts[3]
}

// notForKeys are the verbs that no API key may have: with them it could outlive its revocation.
func notForKeys() []store.Verb {
	return []store.Verb{
		rights.UserAdd, rights.UserChange, rights.UserDisable, rights.UserSelf, rights.TenantChange,
		rights.SignIn, rights.StepUp, rights.SignOut, rights.SessionList, rights.SessionClose,
		rights.APIKeyAdd, rights.APIKeyRotate, rights.OperatorAdd, rights.OperatorChange,
		rights.PasswordRequest, rights.PasswordReset, rights.InvitationAccept, rights.NoticeRead, rights.NoticeSend, rights.SetUp, rights.SettingChange,
	}
}

// NewAPIKey is a key to be.
type NewAPIKey struct {
	Name    string    // for the owner, 1 to 200 characters
	Scopes  []string  // verbs, as in store.Permissions; each one that the owner may, none about users, sessions and keys
	Expires time.Time // zero: in 90 days; at most 366 days from now
}

// APIKeyInfo is a key as its owner sees it.
type APIKeyInfo struct {
	ID      store.ID   `json:"id"`
	Owner   store.ID   `json:"owner"`
	Name    string     `json:"name"`
	KeyID   string     `json:"key_id"` // the public part, as in qrs_<key id>_...
	Scopes  []string   `json:"scopes"`
	Created time.Time  `json:"created"`
	Expires time.Time  `json:"expires"`
	Used    time.Time  `json:"used,omitzero"` // last, to within five minutes
	Revoked *time.Time `json:"revoked,omitempty"`
}

func (d *Directory) viewKey(r store.Record[apiKey]) APIKeyInfo {
	k := r.Value
	return APIKeyInfo{r.ID, k.Owner, k.Name, k.KeyID, k.Scopes, k.Created, k.Expires, latest(k.Used, d.seen.at(r.ID)), k.Revoked}
}

// AddAPIKey makes a key of the caller's, which may do what its scopes say as long as the caller itself may. The key is
// returned to be shown once.
func (d *Directory) AddAPIKey(ctx context.Context, by store.Principal, n NewAPIKey) (APIKeyInfo, Secret, error) {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return APIKeyInfo{}, Secret{}, err
	}
	id := d.drawKeyID()
	key := d.drawKey(id)
	var added APIKeyInfo
	err = t.Update(ctx, store.Action{Verb: rights.APIKeyAdd}, func(tx *store.WriteTx) error {
		k, err := n.record(by, tx.Now())
		if err != nil {
			return err
		}
		if err := d.roomForKey(tx, by.User()); err != nil {
			return err
		}
		k.KeyID, k.Secrets = id, []keySecret{{Digest: digest(key)}}
		r := store.Record[apiKey]{ID: tx.NewID(), Value: k}
		tx.Of(r.ID)
		added = d.viewKey(r)
		return errors.Join(save(tx, d.keys, r), d.keyIDs.Set(tx, id, r.ID))
	})
	if err != nil {
		return APIKeyInfo{}, Secret{}, err
	}
	return added, NewSecret(key), nil
}

// roomForKey refuses one key more than an owner may have at a time. Revoked and expired ones do not count.
func (d *Directory) roomForKey(tx *store.WriteTx, owner store.ID) error {
	n := 0
	err := each(tx, d.keys, func(r store.Record[apiKey]) error {
		if k := r.Value; k.Owner == owner && k.Revoked == nil && tx.Now().Before(k.Expires) {
			n++
		}
		return nil
	})
	if err == nil && n >= maxAPIKeys {
		err = ErrTooManyAPIKeys
	}
	return err
}

func (n NewAPIKey) record(by store.Principal, now time.Time) (k apiKey, err error) {
	k = apiKey{Owner: by.User(), Created: now, Expires: n.Expires}
	if k.Owner.IsZero() {
		return k, fmt.Errorf("API key: it belongs to an account, and whoever works on the host has none: %w", &store.DeniedError{Verb: rights.APIKeyAdd, Role: by.Role()})
	}
	if k.Name, err = normaliseName(n.Name); err != nil {
		return k, err
	}
	if k.Expires.IsZero() {
		k.Expires = now.Add(apiKeyLife)
	}
	if !k.Expires.After(now) || k.Expires.After(now.Add(maxAPIKeyLife)) {
		return k, store.Invalid("expires", "API key: expiry %s is not within the next 366 days", k.Expires.Format(time.DateOnly))
	}
	if len(n.Scopes) == 0 {
		return k, store.Invalid("scopes", "API key: no scopes; name the verbs that it is for, such as run.submit")
	}
	for _, name := range n.Scopes {
		v, ok := rights.FindVerb(name)
		switch {
		case !ok:
			return k, store.Invalid("scopes", "API key: scope %q is no verb", name)
		case !by.May(v):
			return k, store.Invalid("scopes", "API key: scope %s is more than its owner may", name)
		}
		if err := notForKey(by.Role(), v); err != nil {
			return k, err
		}
	}
	k.Scopes = slices.Compact(slices.Sorted(slices.Values(n.Scopes)))
	return k, nil
}

// APIKeys lists the caller's keys, or for administrators all of the tenant, in order of creation.
func (d *Directory) APIKeys(ctx context.Context, by store.Principal) (all []APIKeyInfo, err error) {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return nil, err
	}
	return all, t.View(ctx, store.Action{Verb: rights.APIKeyList}, func(tx *store.ReadTx) error {
		all = nil
		return each(tx, d.keys, func(r store.Record[apiKey]) error {
			if ownOr(by, r.Value.Owner, rights.APIKeyList) == nil {
				all = append(all, d.viewKey(r))
			}
			return nil
		})
	})
}

// RotateAPIKey gives the caller's key a new secret. The one before stays good for overlap, up to seven days; any earlier
// one ends now. Expiry and scopes stay.
func (d *Directory) RotateAPIKey(ctx context.Context, by store.Principal, id store.ID, overlap time.Duration) (Secret, error) {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return Secret{}, err
	}
	var key string
	err = t.Update(ctx, store.Action{Verb: rights.APIKeyRotate, Object: id}, func(tx *store.WriteTx) error {
		r, err := d.keys.Get(tx, id)
		if err != nil {
			return err
		}
		k := &r.Value
		switch {
		case k.Owner != by.User():
			return &store.DeniedError{Verb: rights.APIKeyRotate, Role: by.Role()}
		case overlap < 0 || overlap > maxOverlap:
			return store.Invalid("overlap_seconds", "API key: an overlap of %s is not between 0 and 7 days", overlap)
		case k.Revoked != nil || !tx.Now().Before(k.Expires):
			return fmt.Errorf("API key %s was revoked or has expired; make a new one: %w", k.KeyID, store.ErrConflict)
		}
		key = d.drawKey(k.KeyID)
		last := k.Secrets[len(k.Secrets)-1]
		until := tx.Now().Add(overlap)
		last.Until = &until
		k.Secrets = []keySecret{last, {Digest: digest(key)}}
		return save(tx, d.keys, r)
	})
	if err != nil {
		return Secret{}, err
	}
	return NewSecret(key), nil
}

// RevokeAPIKey ends a key at once: one's own, or as administrator anybody's. It stays in the list.
func (d *Directory) RevokeAPIKey(ctx context.Context, by store.Principal, id store.ID) error {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return err
	}
	return t.Update(ctx, store.Action{Verb: rights.APIKeyRevoke, Object: id}, func(tx *store.WriteTx) error {
		r, err := d.keys.Get(tx, id)
		if err != nil {
			return err
		}
		if err := ownOr(by, r.Value.Owner, rights.APIKeyRevoke); err != nil {
			return err
		}
		if r.Value.Revoked != nil {
			return nil
		}
		now := tx.Now()
		r.Value.Revoked, r.Value.Secrets = &now, nil
		return errors.Join(save(tx, d.keys, r), d.keyIDs.Remove(tx, r.Value.KeyID))
	})
}

// APIKey says who shows this key: its owner, in the owner's present role, narrowed to the key's scopes. It leaves no entry
// unless a known key is refused. Errors: ErrNoAPIKey, ErrOwnerNotInOrder, *ErrTooMany for an address that tries many, store.ErrLocked.
func (d *Directory) APIKey(ctx context.Context, token Secret, from store.Source) (store.Principal, error) {
	id, ok := keyID(token.Reveal())
	if !ok {
		return store.Principal{}, ErrNoAPIKey
	}
	k, err := d.keyAndOwner(ctx, id, from)
	if errors.Is(err, errStrangeKey) {
		return store.Principal{}, d.strangeKey(ctx, from, store.Appliance, store.ID{})
	}
	if err != nil {
		return store.Principal{}, err
	}
	now, key := d.now(), k.key
	if !key.Value.opens(now, token.Reveal()) || k.state != Active {
		return store.Principal{}, d.strangeKey(ctx, from, k.tenant, key.ID)
	}
	if k.held != nil { // none of which a key can do
		return store.Principal{}, d.deny(ctx, from, k.tenant, store.Action{Verb: rights.SignIn, Object: key.ID}, ErrOwnerNotInOrder)
	}
	d.seen.note(sighting{tenant: k.tenant, record: key.ID, at: now}, key.Value.Used)
	if err := d.flushDue(ctx, k.tenant, now); err != nil {
		return store.Principal{}, err
	}
	return principal(key.Value.Owner, k.tenant, k.role, from, key.Value.verbs())
}

// keyAndOwner is what the records say of an API key and of whose it is.
type keyAndOwner struct {
	tenant store.ID
	key    store.Record[apiKey]
	state  State
	role   store.Role
	held   []store.Verb // to what the owner has to do first; nil: to nothing
}

// errStrangeKey says that there is no such key in any tenant.
var errStrangeKey = errors.New("no such key")

// keyAndOwner finds a key by its public part.
func (d *Directory) keyAndOwner(ctx context.Context, id string, from store.Source) (keyAndOwner, error) {
	if k, ok := d.keysKept.find(d.db, id); ok {
		_, err := d.receive(ctx, from, k.tenant) // the store may be locked since, the tenant erased
		return k, noneIfErased(err, ErrNoAPIKey)
	}
	at, err := d.db.Follow(ctx, d.keyIDs, id)
	if err != nil {
		return keyAndOwner{}, err
	}
	if len(at) == 0 {
		return keyAndOwner{}, errStrangeKey
	}
	k := keyAndOwner{tenant: at[0].Tenant}
	changes := d.db.Changes(k.tenant)
	r, err := d.receive(ctx, from, k.tenant)
	if err != nil {
		return keyAndOwner{}, noneIfErased(err, ErrNoAPIKey)
	}
	err = r.Read(ctx, func(tx *store.ReadTx) error {
		if k.key, err = d.keys.Get(tx, at[0].Record); err != nil {
			return err
		}
		owner, err := d.account(tx, k.key.Value.Owner)
		if err != nil {
			return err
		}
		k.state, k.role = owner.user.Value.State, owner.user.Value.Role
		k.held, err = d.scopes(tx, k.tenant, owner)
		return err
	})
	if err != nil {
		return keyAndOwner{}, err
	}
	d.keysKept.keep(id, k, k.tenant, changes)
	return k, nil
}

// strangeKey enters the use of a key that is none any more, or never was, within the limits of the address.
func (d *Directory) strangeKey(ctx context.Context, from store.Source, tenant, key store.ID) error {
	wait, first := d.limiter.take(d.now(), "key "+network(from.Address), d.options.Limits.Address)
	var why = ErrNoAPIKey
	if wait > 0 {
		why = &ErrTooMany{wait}
	}
	if wait > 0 && !first {
		return why
	}
	return d.deny(ctx, from, tenant, store.Action{Verb: rights.SignIn, Object: key}, why)
}

// opens holds a key to its digests, newest and those that overlap.
func (k apiKey) opens(now time.Time, token string) bool {
	if k.Revoked != nil || !now.Before(k.Expires) {
		return false
	}
	sum := sha256.Sum256([]byte(token))
	shown := []byte(hex.EncodeToString(sum[:]))
	fits := false
	for _, s := range k.Secrets {
		if subtle.ConstantTimeCompare(shown, []byte(s.Digest)) == 1 && (s.Until == nil || now.Before(*s.Until)) {
			fits = true
		}
	}
	return fits
}

// verbs are the scopes that still are verbs; an empty list is not nil, which would be all.
func (k apiKey) verbs() []store.Verb {
	all := []store.Verb{}
	for _, name := range k.Scopes {
		if v, ok := rights.FindVerb(name); ok {
			all = append(all, v)
		}
	}
	return all
}
