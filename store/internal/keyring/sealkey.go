package keyring

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// sealPublicSize is the size of a public key on P-256 as an uncompressed point (SEC 1 §2.3.3): 4, x, y.
const sealPublicSize = 65

// sealKind says where the private half of a seal key is.
type sealKind uint8

const (
	sealOwn      sealKind = 1 // in this file, as long as the key is the current one
	sealExternal sealKind = 2 // in a key service or a token, which alone signs with it
)

// sealKeyRecord is an ECDSA P-256 key pair that signs seals. Only the last of the list is current. Of those before, the public half stays.
type sealKeyRecord struct {
	number  uint32
	created int64
	retired int64 // 0: current
	kind    sealKind
	id      envelope.KeyID
	public  [sealPublicSize]byte
	wrapped wrapped // the private scalar; zero unless own and current
}

// live reports whether the private half is in the file.
func (s *sealKeyRecord) live() bool { return s.kind == sealOwn && s.retired == 0 }

// SealKey is the public half of a seal key, current or old.
type SealKey struct {
	Number   uint32 // 1, 2, 3 ...
	Created  time.Time
	Retired  time.Time // zero: current
	External bool      // the private half is, or was, in a key service or a token
	Key      *ecdsa.PublicKey
}

// ErrNoSealKey is a key file that has no seal key yet: one of before there were any.
var ErrNoSealKey = errors.New("the key file has no seal key yet")

// ErrSealKeyElsewhere is a current seal key whose private half is not in the key file.
var ErrSealKeyElsewhere = errors.New("the current seal key is in a key service or a token")

// AddSealKey makes the next seal key and destroys the private half of the one before, whose public half stays. Events: the key
// made, the key destroyed. Errors: ErrLocked, those of the file.
func (r *Ring) AddSealKey(ctx context.Context) ([]Event, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	return r.change(ctx, (*edit).addSealKey)
}

// AdoptSealKey makes a key that a service or a token holds the current seal key, and destroys the private half of the one before.
// A key that is current already is left alone, without events. Events: the key adopted, the key destroyed. Errors: ErrLocked, a
// key that is not on P-256 or was retired before, those of the file.
func (r *Ring) AdoptSealKey(ctx context.Context, key *ecdsa.PublicKey) ([]Event, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	public, err := sealPublic(key)
	if err != nil {
		return nil, err
	}
	for _, s := range r.state.sealKeys {
		switch {
		case s.public != public:
		case s.retired == 0 && s.kind == sealExternal:
			return nil, nil
		default:
			return nil, fmt.Errorf("seal key %d of this store was that key already: a key that was retired does not come back; make a new one", s.number)
		}
	}
	return r.change(ctx, func(e *edit) error { return e.adoptSealKey(public) })
}

func sealPublic(key *ecdsa.PublicKey) (public [sealPublicSize]byte, err error) {
	if key == nil || key.Curve != elliptic.P256() {
		return public, errors.New("a seal key must be an ECDSA key on P-256")
	}
	b, err := key.Bytes()
	if err != nil {
		return public, fmt.Errorf("public half of a seal key: %w", err)
	}
	if len(b) != sealPublicSize {
		panic(fmt.Sprintf("keyring: point of %d bytes on P-256", len(b)))
	}
	return [sealPublicSize]byte(b), nil
}

func (e *edit) addSealKey() error {
	secret, key, err := newScalar(e.ring.rand)
	if err != nil {
		return err
	}
	defer secret.Wipe()
	public, err := sealPublic(&key.PublicKey)
	if err != nil {
		return err
	}
	next := e.nextSealKey(sealKeyRecord{kind: sealOwn, id: secret.ID(), public: public})
	next.wrapped = wrapped(e.root.wrap.Wrap(secret, sealContext(e.install, next.number)))
	e.sealKeys = append(e.sealKeys, next)
	return nil
}

func (e *edit) adoptSealKey(public [sealPublicSize]byte) error {
	named, err := envelope.NewKey(e.ring.rand) // for its id, so that entries can tell keys apart
	if err != nil {
		return err
	}
	named.Wipe()
	e.sealKeys = append(e.sealKeys, e.nextSealKey(sealKeyRecord{kind: sealExternal, id: named.ID(), public: public}))
	return nil
}

// nextSealKey retires the current key, and numbers and dates the one that follows it.
func (e *edit) nextSealKey(next sealKeyRecord) sealKeyRecord {
	next.number, next.created = 1, e.ring.seconds()
	if n := len(e.sealKeys); n > 0 {
		last := &e.sealKeys[n-1]
		next.number = last.number + 1
		if last.live() {
			e.event(Destroyed, SealingKey, Event{KeyID: last.id, Version: last.number})
		}
		last.retired, last.wrapped = max(next.created, 1), wrapped{}
	}
	e.event(Created, SealingKey, Event{KeyID: next.id, Version: next.number})
	return next
}

// newScalar draws 256 bits until they are the private half of a key on P-256 (FIPS 186-5 A.2.2), which they are but for one time in 2^32.
func newScalar(rand io.Reader) (*envelope.Key, *ecdsa.PrivateKey, error) {
	const tries = 8
	for range tries {
		secret, err := envelope.NewKey(rand)
		if err != nil {
			return nil, nil, err
		}
		if key, err := scalar(secret); err == nil {
			return secret, key, nil
		}
		secret.Wipe()
	}
	return nil, nil, fmt.Errorf("drawing a seal key: %d draws were out of range: the source of randomness does not work", tries)
}

func scalar(secret *envelope.Key) (key *ecdsa.PrivateKey, err error) {
	err = secret.Expose(func(b []byte) (err error) {
		key, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), b)
		return err
	})
	return key, err
}

// SealSigner is the current seal key, to sign with. It stays usable after Lock for whoever holds it. Errors: ErrLocked, ErrNoSealKey,
// ErrSealKeyElsewhere, ErrTampered.
func (r *Ring) SealSigner() (*SealSigner, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	switch n := len(r.state.sealKeys); {
	case r.root == nil:
		return nil, ErrLocked
	case n == 0:
		return nil, ErrNoSealKey
	case !r.state.sealKeys[n-1].live():
		return nil, ErrSealKeyElsewhere
	default:
		return r.sealSigner(&r.state.sealKeys[n-1])
	}
}

func (r *Ring) sealSigner(s *sealKeyRecord) (*SealSigner, error) {
	tampered := func(err error) error { return fmt.Errorf("seal key %d: %w: %w", s.number, ErrTampered, err) }
	secret, err := r.root.wrap.Unwrap(s.wrapped[:], sealContext(r.state.install, s.number))
	if err != nil {
		return nil, tampered(err)
	}
	defer secret.Wipe()
	key, err := scalar(secret)
	if err != nil {
		return nil, tampered(err)
	}
	if public, err := sealPublic(&key.PublicKey); err != nil || public != s.public {
		return nil, tampered(errors.New("its halves do not belong together"))
	}
	return &SealSigner{key: key}, nil
}

// SealSigner signs with a seal key of the ring and shows it to nobody.
type SealSigner struct {
	_   [0]func()
	key *ecdsa.PrivateKey
}

// Public is the key that verifies.
func (s *SealSigner) Public() *ecdsa.PublicKey { return &s.key.PublicKey }

// Sign is the ECDSA signature of a SHA-256 digest (32 bytes) as ASN.1 DER, with the nonce of RFC 6979: the same digest has the same
// signature. It is not brought to the smaller s.
func (s *SealSigner) Sign(_ context.Context, digest []byte) ([]byte, error) {
	der, err := s.key.Sign(nil, digest, crypto.SHA256) // no source of randomness: RFC 6979
	if err != nil {
		return nil, fmt.Errorf("signing with the seal key: %w", err)
	}
	return der, nil
}

// Format prints the same words for every verb.
func (s *SealSigner) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "keyring.SealSigner(redacted)")
}

// MarshalText refuses.
func (s *SealSigner) MarshalText() ([]byte, error) {
	return nil, errors.New("a seal key cannot be written as text or JSON")
}

// SealKeys lists the seal keys, oldest first; the last is current. Known while locked, but then unverified.
func (r *Ring) SealKeys() []SealKey {
	var all []SealKey
	for _, s := range r.published().sealKeys {
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), s.public[:])
		if err != nil {
			panic("keyring: a point that is not on P-256 was read: " + err.Error()) // decode has looked
		}
		k := SealKey{Number: s.number, Created: stamp(s.created), External: s.kind == sealExternal, Key: key}
		if s.retired != 0 {
			k.Retired = stamp(s.retired)
		}
		all = append(all, k)
	}
	return all
}

func (e *edit) rewrapSealKeys(old, next *root) (err error) {
	for i := range e.sealKeys {
		s := &e.sealKeys[i]
		if !s.live() {
			continue
		}
		if s.wrapped, err = rewrap(old, next, s.wrapped, sealContext(e.install, s.number)); err != nil {
			return fmt.Errorf("seal key %d: %w", s.number, err)
		}
	}
	return nil
}

func (w *writer) sealKey(s *sealKeyRecord) {
	w.u32(s.number)
	w.u64(uint64(s.created))
	w.u64(uint64(s.retired))
	w.raw([]byte{byte(s.kind)})
	w.raw(s.id[:])
	w.raw(s.public[:])
	w.raw(s.wrapped[:])
}

// readSealKeys reads the section that format 2 adds. It is never empty there: without seal keys a state is written in format 1.
func (r *reader) readSealKeys() []sealKeyRecord {
	all := make([]sealKeyRecord, r.count(sealKeySize))
	if len(all) == 0 {
		r.fail("format 2 without seal keys")
	}
	for i := range all {
		r.sealKey(&all[i])
		switch s := &all[i]; {
		case i > 0 && s.number != all[i-1].number+1:
			r.fail("seal keys out of order")
		case (s.retired == 0) != (i == len(all)-1):
			r.fail("seal key %d: the last is current, and no other", s.number)
		case !s.live() && s.wrapped != wrapped{}:
			r.fail("seal key %d: a private half that should not be there", s.number)
		}
	}
	return all
}

func (r *reader) sealKey(s *sealKeyRecord) {
	s.number, s.created, s.retired = r.u32(), r.time(), r.time()
	s.kind = sealKind(r.u8())
	r.into(s.id[:])
	r.into(s.public[:])
	r.into(s.wrapped[:])
	if r.fault != "" {
		return
	}
	if s.kind != sealOwn && s.kind != sealExternal {
		r.fail("seal key %d of kind %d", s.number, s.kind)
	}
	if _, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), s.public[:]); err != nil {
		r.fail("seal key %d: %v", s.number, err)
	}
}
