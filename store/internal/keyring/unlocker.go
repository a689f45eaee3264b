package keyring

import (
	"context"
	"crypto/hpke"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"golang.org/x/crypto/argon2"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// Methods of the unlockers that this package makes itself.
const (
	MethodPassphrase = "passphrase"
	MethodKeyFile    = "key-file"
	MethodRecovery   = "recovery"
)

// MinPassphrase is the shortest passphrase in bytes that a slot is made for. Existing slots open with whatever fits.
const MinPassphrase = 12

const (
	maxSlots   = 16
	maxWrapped = 8 << 10 // of one slot; AWS KMS gives up to 6,144 bytes
	maxText    = 2048    // of a method or a reference
)

// Wrapper is a key that stays where it is, in AWS KMS or a token, and wraps by call. Both methods must bind the
// wrapped bytes to the whole context. Their errors reach the user as they are.
type Wrapper interface {
	Wrap(ctx context.Context, secret []byte, context map[string]string) ([]byte, error)
	Unwrap(ctx context.Context, wrapped []byte, context map[string]string) ([]byte, error)
}

// Unlocker opens one kind of slot. The zero Unlocker is refused; make one with [Passphrase], [KeyFile], [Recovery] or
// [External]. It holds a secret or the way to one: it prints as "keyring.Unlocker(redacted)".
type Unlocker struct {
	_         [0]func()
	method    string
	reference string
	wrapper   Wrapper // of External
	// seed is 32 bytes from which the slot's key pair follows. fresh: for a new slot, whose secret must be good enough.
	seed func(install [16]byte, argon argonParameters, fresh bool) ([]byte, error)
}

// Method is the kind of slot that u opens.
func (u Unlocker) Method() string { return u.method }

// Format prints the same words for every verb.
func (u Unlocker) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "keyring.Unlocker(redacted)") }

// MarshalText refuses.
func (u Unlocker) MarshalText() ([]byte, error) {
	return nil, errors.New("an unlocker cannot be written as text or JSON")
}

// Passphrase unlocks with words that a person knows, stretched by Argon2id (RFC 9106; 64 MiB, 3 passes, 4 lanes for new
// slots). It keeps words: the caller clears them when done. A new slot asks for at least [MinPassphrase] bytes.
func Passphrase(words []byte) Unlocker {
	return Unlocker{method: MethodPassphrase, seed: func(_ [16]byte, a argonParameters, fresh bool) ([]byte, error) {
		switch {
		case len(words) == 0:
			return nil, errors.New("the passphrase is empty: type it or give it on standard input")
		case fresh && len(words) < MinPassphrase:
			return nil, fmt.Errorf("the passphrase has %d bytes: choose at least %d, five or more random words for example", len(words), MinPassphrase)
		}
		return argon2.IDKey(words, a.Salt[:], a.Time, a.Memory, a.Threads, 32), nil
	}}
}

// External unlocks by a key that stays elsewhere. method names its kind ("aws-kms", "pkcs11"), reference which one it is;
// both are readable in the key file.
func External(method, reference string, w Wrapper) Unlocker {
	return Unlocker{method: method, reference: reference, wrapper: w}
}

// argonParameters are those of RFC 9106, as a slot stores them; memory in KiB.
type argonParameters struct {
	Salt    [16]byte
	Time    uint32
	Memory  uint32
	Threads uint8
}

// argonOfNewSlots is the second recommendation of RFC 9106 section 4.
var argonOfNewSlots = argonParameters{Time: 3, Memory: 64 << 10, Threads: 4}

// check holds the parameters of a file that anybody may have written within what this host can be asked for, and above
// what would give the passphrase away.
func (a argonParameters) check() error {
	if a.Time < 1 || a.Time > 16 || a.Memory < 19<<10 || a.Memory > 1<<20 || a.Threads < 1 || a.Threads > 16 {
		return fmt.Errorf("Argon2id parameters out of bounds: time %d (1 to 16), memory %d KiB (%d to %d), threads %d (1 to 16)",
			a.Time, a.Memory, 19<<10, 1<<20, a.Threads)
	}
	return nil
}

// The public half of a slot is a key pair of X-Wing (ML-KEM-768 with X25519), so that the root in a stolen file is as safe from a
// quantum computer as under a symmetric key. Its private key is a seed of 32 bytes. The KEM's number is in the slot.
const kemOfSlots = 0x647a // X-Wing in the IANA registry of HPKE KEMs

func keyPair(seed []byte) (hpke.PrivateKey, error) { return hpke.MLKEM768X25519().NewPrivateKey(seed) }

// place is what a slot's wrapping is bound to.
type place struct {
	install        [16]byte
	rootGeneration uint32
}

// info is the HPKE info of a slot.
func (p place) info(s *slot) []byte {
	b := append([]byte("qrsd slot\x00"), p.install[:]...)
	b = binary.BigEndian.AppendUint32(b, p.rootGeneration)
	b = append(b, s.id[:]...)
	return append(b, s.method...)
}

// context is the same for wrapping by call. KMS shows it in its own log.
func (p place) context() map[string]string {
	return map[string]string{
		"install":         hex.EncodeToString(p.install[:]),
		"purpose":         "qrsd root key",
		"root-generation": strconv.FormatUint(uint64(p.rootGeneration), 10),
	}
}

// newSlot makes a slot for u, without a root in it yet.
func newSlot(rand io.Reader, install [16]byte, now int64, u Unlocker) (slot, error) {
	if u.method == "" || (u.seed == nil) == (u.wrapper == nil) {
		return slot{}, errors.New("no way to unlock was given")
	}
	if len(u.method) > maxText || len(u.reference) > maxText {
		return slot{}, fmt.Errorf("the name of a %q key has more than %d bytes", u.method, maxText)
	}
	s := slot{method: u.method, reference: u.reference, created: now}
	if _, err := io.ReadFull(rand, s.id[:]); err != nil {
		return slot{}, fmt.Errorf("drawing a slot's id: %w", err)
	}
	if u.wrapper != nil {
		return s, nil
	}
	s.argon = argonOfNewSlots
	if _, err := io.ReadFull(rand, s.argon.Salt[:]); err != nil {
		return slot{}, fmt.Errorf("drawing a salt: %w", err)
	}
	seed, err := u.seed(install, s.argon, true)
	if err != nil {
		return slot{}, err
	}
	defer clear(seed)
	pair, err := keyPair(seed)
	if err != nil {
		return slot{}, fmt.Errorf("making the slot's key pair: %w", err)
	}
	s.kem = kemOfSlots
	s.public = pair.PublicKey().Bytes()
	return s, nil
}

// give puts the root into the slot: to its public half, or by a call of one of the unlockers.
func (s *slot) give(ctx context.Context, r *root, at place, unlockers []Unlocker) error {
	payload := r.payload()
	defer clear(payload)
	if s.kem == 0 {
		u := slices.IndexFunc(unlockers, s.isFor)
		if u < 0 {
			return fmt.Errorf("slot %x, %s %s: %w", s.id, s.method, s.reference, ErrNotAttached)
		}
		out, err := unlockers[u].wrapper.Wrap(ctx, payload, at.context())
		if err == nil && (len(out) == 0 || len(out) > maxWrapped) {
			err = fmt.Errorf("it answered with %d bytes", len(out))
		}
		if err != nil {
			return fmt.Errorf("wrapping the root key with %s %s: %w", s.method, s.reference, err)
		}
		s.wrapped = out
		return nil
	}
	public, err := hpke.MLKEM768X25519().NewPublicKey(s.public)
	if err == nil {
		s.wrapped, err = hpke.Seal(public, hpke.HKDFSHA256(), hpke.AES256GCM(), at.info(s), payload)
	}
	if err != nil {
		return fmt.Errorf("wrapping the root key for slot %x, %s: %w", s.id, s.method, err)
	}
	return nil
}

func (s *slot) isFor(u Unlocker) bool {
	return u.method == s.method && u.reference == s.reference && (u.wrapper != nil) == (s.kem == 0)
}

// open takes the root out of the slot. ErrWrongKey where the secret is another one.
func (s *slot) open(ctx context.Context, rand io.Reader, at place, u Unlocker) (*root, error) {
	payload, err := s.unwrap(ctx, at, u)
	if err != nil {
		return nil, err
	}
	defer clear(payload)
	if len(payload) != len(envelope.KeyID{})+envelope.SecretSize {
		return nil, fmt.Errorf("slot %x, %s, holds %d bytes: %w", s.id, s.method, len(payload), ErrTampered)
	}
	return restoreRoot(rand, envelope.KeyID(payload[:8]), payload[8:]), nil
}

func (s *slot) unwrap(ctx context.Context, at place, u Unlocker) ([]byte, error) {
	if s.kem == 0 {
		payload, err := u.wrapper.Unwrap(ctx, s.wrapped, at.context())
		if err != nil {
			return nil, fmt.Errorf("unwrapping the root key with %s %s: %w", s.method, s.reference, err)
		}
		return payload, nil
	}
	seed, err := u.seed(at.install, s.argon, false)
	if err != nil {
		return nil, err
	}
	defer clear(seed)
	pair, err := keyPair(seed)
	if err != nil {
		return nil, fmt.Errorf("making the slot's key pair: %w", err)
	}
	if subtle.ConstantTimeCompare(pair.PublicKey().Bytes(), s.public) != 1 {
		return nil, fmt.Errorf("%s: %w", s.method, ErrWrongKey)
	}
	payload, err := hpke.Open(pair, hpke.HKDFSHA256(), hpke.AES256GCM(), at.info(s), s.wrapped)
	if err != nil { // the right secret, but not what was wrapped for it
		return nil, fmt.Errorf("slot %x, %s: %w", s.id, s.method, ErrTampered)
	}
	return payload, nil
}
