package keyring

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// CheckpointSeries is the series of checkpoint keys that every ring is made with.
const CheckpointSeries = "checkpoint"

// PublicKey is the public half of a checkpoint key, current or old.
type PublicKey struct {
	Series  string
	Number  uint32 // 1, 2, 3 ... of this series
	Created time.Time
	Key     ed25519.PublicKey
	Current bool // its private half exists
}

// AddSigner makes the next key of a series of checkpoint keys, or the first of a new series, and destroys the private half of the one
// before. Events: the key made, the key destroyed. Errors: ErrLocked, a name that is empty or too long, those of the file.
func (r *Ring) AddSigner(ctx context.Context, series string) ([]Event, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	return r.change(ctx, func(e *edit) error { return e.addSigner(series) })
}

func (e *edit) addSigner(name string) error {
	if name == "" || len(name) > maxText {
		return fmt.Errorf("a series of checkpoint keys has a name of 1 to %d bytes, not %d", maxText, len(name))
	}
	seed, err := envelope.NewKey(e.ring.rand)
	if err != nil {
		return err
	}
	defer seed.Wipe()
	next := signerRecord{name: name, number: 1, created: e.ring.seconds(), id: seed.ID(), live: true}
	_ = seed.Expose(func(secret []byte) error {
		copy(next.public[:], ed25519.NewKeyFromSeed(secret)[ed25519.PublicKeySize:])
		return nil
	})
	at := len(e.signers)
	for i := range e.signers {
		s := &e.signers[i]
		if s.name == name {
			next.number = s.number + 1
			if s.live {
				e.event(Destroyed, CheckpointKey, Event{Name: name, KeyID: s.id, Version: s.number})
				s.live, s.wrapped = false, wrapped{}
			}
		}
		if s.name > name {
			at = min(at, i)
		}
	}
	next.wrapped = wrapped(e.root.wrap.Wrap(seed, signerContext(e.install, name, next.number)))
	e.signers = slices.Insert(e.signers, at, next)
	e.event(Created, CheckpointKey, Event{Name: name, KeyID: next.id, Version: next.number})
	return nil
}

// text is the key as a C2SP signed note knows it, under the name of the log that it signs for.
func (s *signerRecord) text(origin string) (string, error) {
	text, err := note.NewEd25519VerifierKey(origin, s.public[:])
	if err == nil {
		_, err = note.NewVerifier(text) // looks at the name
	}
	if err != nil {
		return "", fmt.Errorf("checkpoint key for %q: %w: a log's name must be text without blanks and plus signs", origin, err)
	}
	return text, nil
}

func (s *signerRecord) verifier(origin string) (note.Verifier, error) {
	text, err := s.text(origin)
	if err != nil {
		return nil, err
	}
	return note.NewVerifier(text)
}

// Signer is the current checkpoint key of a series, to sign for the log that is named origin. It stays usable after Lock for
// whoever holds it. Errors: ErrLocked, ErrUnknownKey, ErrTampered, an origin that no note can have.
func (r *Ring) Signer(series, origin string) (note.Signer, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.root == nil {
		return nil, ErrLocked
	}
	for i := range r.state.signers {
		if s := &r.state.signers[i]; s.name == series && s.live {
			return r.signer(s, origin)
		}
	}
	return nil, fmt.Errorf("checkpoint keys %q: %w", series, ErrUnknownKey)
}

func (r *Ring) signer(s *signerRecord, origin string) (note.Signer, error) {
	v, err := s.verifier(origin)
	if err != nil {
		return nil, err
	}
	seed, err := r.root.wrap.Unwrap(s.wrapped[:], signerContext(r.state.install, s.name, s.number))
	if err != nil {
		return nil, fmt.Errorf("checkpoint key %d of %q: %w: %w", s.number, s.name, ErrTampered, err)
	}
	defer seed.Wipe()
	signer := &checkpointSigner{name: origin, hash: v.KeyHash()}
	_ = seed.Expose(func(secret []byte) error { signer.key = ed25519.NewKeyFromSeed(secret); return nil })
	return signer, nil
}

// checkpointSigner is a note.Signer that shows its key to nobody.
type checkpointSigner struct {
	_    [0]func()
	name string
	hash uint32
	key  ed25519.PrivateKey
}

func (s *checkpointSigner) Name() string                    { return s.name }
func (s *checkpointSigner) KeyHash() uint32                 { return s.hash }
func (s *checkpointSigner) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

func (s *checkpointSigner) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "keyring.Signer(redacted)")
}

func (s *checkpointSigner) MarshalText() ([]byte, error) {
	return nil, errors.New("a checkpoint key cannot be written as text or JSON")
}

// CheckpointKeys lists the checkpoint keys of a series, oldest first; of all series if it is "". Known while locked.
func (r *Ring) CheckpointKeys(series string) []PublicKey {
	var all []PublicKey
	for _, s := range r.published().signers {
		if series == "" || s.name == series {
			all = append(all, PublicKey{s.name, s.number, stamp(s.created), slices.Clone(s.public[:]), s.live})
		}
	}
	return all
}

// PublicKeys is the series as C2SP verifier keys ("name+hash+key") under the name of a log, oldest first. Known while locked.
// Errors: ErrUnknownKey, an origin that no note can have.
func (r *Ring) PublicKeys(series, origin string) ([]string, error) {
	return eachSigner(r, series, func(s *signerRecord) (string, error) { return s.text(origin) })
}

// Verifiers checks what any key of the series, current or old, has signed for the log that is named origin. Known while locked.
// Errors: ErrUnknownKey, an origin that no note can have.
func (r *Ring) Verifiers(series, origin string) ([]note.Verifier, error) {
	return eachSigner(r, series, func(s *signerRecord) (note.Verifier, error) { return s.verifier(origin) })
}

func eachSigner[T any](r *Ring, series string, of func(*signerRecord) (T, error)) (all []T, err error) {
	for _, s := range r.published().signers {
		if s.name != series {
			continue
		}
		x, err := of(&s)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("checkpoint keys %q: %w", series, ErrUnknownKey)
	}
	return all, nil
}
