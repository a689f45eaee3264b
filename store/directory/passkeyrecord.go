package directory

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/qrsrisk/qrsd/store"
)

// passkeysRecord are the passkeys of a user; its id is the user's. Apart from the credential, which every request reads.
type passkeysRecord struct {
	Handle []byte    `json:"handle"` // the user's towards authenticators: random, so that it says nothing (WebAuthn level 3 section 14.6.1)
	All    []passkey `json:"all"`    // oldest first
}

// passkey is a credential record of WebAuthn (level 3 section 4) with what its owner calls it.
type passkey struct {
	ID         store.ID   `json:"id"`
	Name       string     `json:"name"`
	Credential []byte     `json:"credential"` // the id that the authenticator gave it
	PublicKey  []byte     `json:"public_key"` // COSE_Key
	Flags      byte       `json:"flags"`      // of the authenticator data, as of last: user verified, backup eligible, backed up ...
	Count      uint32     `json:"count"`      // of signatures; 0 where the authenticator does not count
	Transports []string   `json:"transports,omitempty"`
	AAGUID     []byte     `json:"aaguid,omitempty"`
	Attachment string     `json:"attachment,omitempty"`
	Format     string     `json:"format,omitempty"` // of the attestation, and its type
	Type       string     `json:"type,omitempty"`
	Created    time.Time  `json:"created"`
	Used       time.Time  `json:"used,omitzero"`
	Copied     *time.Time `json:"copied,omitempty"`
}

// backupEligible is the flag of a passkey that its authenticator may copy to other devices (WebAuthn level 3 section 6.1.3).
const backupEligible = 1 << 3

func (p passkey) view() Passkey {
	v := Passkey{ID: p.ID, Name: p.Name, Created: p.Created, Used: p.Used, Synced: p.Flags&backupEligible != 0, Copied: p.Copied, Attached: p.Attachment}
	if len(p.AAGUID) == 16 && !bytes.Equal(p.AAGUID, make([]byte, 16)) {
		text := hex.EncodeToString(p.AAGUID)
		v.AAGUID = text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
	}
	return v
}

// holder is a user towards authenticators.
type holder struct {
	handle      []byte
	email, name string
	passkeys    []passkey
}

// holder reads the user's passkeys. A user without any gets a handle when the first one is begun.
func (d *Directory) holder(tx store.Reader, a account) (holder, error) {
	r, err := find(tx, d.passkeys, a.user.ID)
	return holder{r.Value.Handle, a.user.Value.Email, a.user.Value.Name, r.Value.All}, err
}

// proofOfPasskey is an answer that holds: the signature fits the public key, the user was verified.
type proofOfPasskey struct {
	credential []byte
	flags      byte
	count      uint32
}

// advance takes an answer that holds, in the transaction of what it is for: the passkey must be in place still, and its counter must
// have grown, unless it does not count (WebAuthn level 3 section 7.2 step 22). A refusal is noted with the passkey.
func (d *Directory) advance(tx *store.WriteTx, user store.ID, p proofOfPasskey) error {
	r, err := find(tx, d.passkeys, user)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(r.Value.All, func(k passkey) bool { return bytes.Equal(k.Credential, p.credential) })
	if i < 0 {
		return because{ErrWrongCredentials, "passkey not known"} // removed since it was read
	}
	now, k := tx.Now(), &r.Value.All[i]
	if p.count <= k.Count && (p.count > 0 || k.Count > 0) {
		k.Copied = &now
		if err := save(tx, d.passkeys, r); err != nil {
			return err
		}
		return ErrPasskeyCopied
	}
	k.Count, k.Flags, k.Used = p.count, p.flags, now
	return save(tx, d.passkeys, r)
}

// dropPasskeys takes all passkeys of a user away. The handle stays, so that authenticators replace what they have.
func (d *Directory) dropPasskeys(tx *store.WriteTx, a *account) error {
	r, err := find(tx, d.passkeys, a.user.ID)
	if err != nil || len(r.Value.All) == 0 {
		return err
	}
	for _, k := range r.Value.All {
		err = errors.Join(err, d.passkeyIDs.Remove(tx, digest(string(k.Credential))))
	}
	r.Value.All, a.credential.Value.Passkeys = nil, 0
	return errors.Join(err, save(tx, d.passkeys, r))
}

// answerOf takes the ceremony that a known user's answer belongs to, which is over then, and holds the answer to it.
func (d *Directory) answerOf(ctx context.Context, tenant, user store.ID, what purpose, answer PasskeyAnswer, from store.Source) (proofOfPasskey, error) {
	var none proofOfPasskey
	if d.noPasskeys != nil {
		return none, d.noPasskeys
	}
	b, ok := d.ceremonies.take(d.now(), answer.Ceremony)
	if !ok || b.purpose != what || b.tenant != tenant || b.user != user {
		return none, ErrNoCeremony
	}
	r, err := d.receive(ctx, from, b.tenant)
	if err != nil {
		return none, err
	}
	c := candidate{tenant: b.tenant, reception: r}
	h, err := d.readHolder(ctx, &c, b.user)
	if err != nil {
		return none, err
	}
	said, err := readAssertion(answer.Response)
	if err != nil {
		return none, err
	}
	return d.authenticators.holds(b.challenge, h, said)
}

// readHolder reads account and passkeys of a user before any transaction.
func (d *Directory) readHolder(ctx context.Context, c *candidate, user store.ID) (h holder, err error) {
	return h, c.reception.Read(ctx, func(tx *store.ReadTx) error {
		if c.account, err = d.account(tx, user); err != nil {
			return err
		}
		h, err = d.holder(tx, c.account)
		return err
	})
}

// maxAnswer bounds what is read of an answer: an attestation may hold certificates, an assertion is much smaller.
const maxAnswer = 64 << 10

// because is an error that is told in the words of another, while the audit log gets its own class.
type because struct {
	error
	class string
}

// AuditReason is the class that the store enters.
func (b because) AuditReason() string { return b.class }

func (b because) Unwrap() error { return b.error }

// checkAnswer bounds an answer before it is parsed.
func checkAnswer(answer []byte) error {
	if len(answer) == 0 || len(answer) > maxAnswer {
		return because{fmt.Errorf("the passkey's answer has %d bytes, which is not between 1 and %d: %w", len(answer), maxAnswer, ErrPasskeyRefused), "passkey's answer malformed"}
	}
	return nil
}
