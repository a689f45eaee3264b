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

// PublicKey is the public half of a checkpoint key, current or old.
type PublicKey struct {
	Name    string // as in signed notes
	Number  uint32 // 1, 2, 3 ... of this name
	Created time.Time
	Key     ed25519.PublicKey
	Current bool // its private half exists
}

// AddSigner makes the first or next checkpoint key of a name and destroys the private half of the one before. The name
// is that of a signed note: no blanks, no plus. Events: the key made, the key destroyed. Errors: ErrLocked, a bad name, those
// of the file.
func (r *Ring) AddSigner(ctx context.Context, name string) ([]Event, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	return r.change(ctx, func(e *edit) error { return e.addSigner(name) })
}

func (e *edit) addSigner(name string) error {
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
	if _, err := next.verifier(); err != nil || len(name) > maxText {
		return fmt.Errorf("checkpoint key %q: the name must be text of at most %d bytes without blanks and plus signs", name, maxText)
	}
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

func (s *signerRecord) verifier() (note.Verifier, error) {
	text, err := note.NewEd25519VerifierKey(s.name, s.public[:])
	if err != nil {
		return nil, err
	}
	return note.NewVerifier(text)
}

// Signer is the current checkpoint key of a name. It stays usable after Lock for whoever holds it. Errors: ErrLocked,
// ErrUnknownKey, ErrTampered.
func (r *Ring) Signer(name string) (note.Signer, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.root == nil {
		return nil, ErrLocked
	}
	for i := range r.state.signers {
		if s := &r.state.signers[i]; s.name == name && s.live {
			return r.signer(s)
		}
	}
	return nil, fmt.Errorf("checkpoint key %q: %w", name, ErrUnknownKey)
}

func (r *Ring) signer(s *signerRecord) (note.Signer, error) {
	seed, err := r.root.wrap.Unwrap(s.wrapped[:], signerContext(r.state.install, s.name, s.number))
	if err != nil {
		return nil, fmt.Errorf("checkpoint key %q: %w: %w", s.name, ErrTampered, err)
	}
	defer seed.Wipe()
	v, err := s.verifier()
	if err != nil {
		return nil, fmt.Errorf("checkpoint key %q: %w", s.name, err)
	}
	signer := &checkpointSigner{name: s.name, hash: v.KeyHash()}
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

// PublicKeys lists the checkpoint keys of a name, oldest first; of all names if name is "". Known while locked.
func (r *Ring) PublicKeys(name string) []PublicKey {
	var all []PublicKey
	for _, s := range r.published().signers {
		if name == "" || s.name == name {
			all = append(all, PublicKey{s.name, s.number, stamp(s.created), slices.Clone(s.public[:]), s.live})
		}
	}
	return all
}

// Verifiers checks notes that any checkpoint key of the name has signed, current and old. Known while locked.
// Error: ErrUnknownKey, where there is none.
func (r *Ring) Verifiers(name string) (note.Verifiers, error) {
	var all []note.Verifier
	for _, s := range r.published().signers {
		if s.name != name {
			continue
		}
		v, err := s.verifier()
		if err != nil {
			return nil, fmt.Errorf("checkpoint key %q: %w", name, err)
		}
		all = append(all, v)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("checkpoint key %q: %w", name, ErrUnknownKey)
	}
	return note.VerifierList(all...), nil
}
