package seal

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/qrsrisk/qrsd/internal/canonical"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// Sign makes the seal of a run: the statement in its one form, in a signed envelope (canonical JSON, to be kept as it is).
//
// It refuses a statement whose parts contradict each other, as Verify would: an entry that the leaf does not commit to, tables
// that are not those of the entry, a proof that does not hold, a seed that is not the spec's. What needs keys, the checkpoint's
// signature, it does not look at.
func Sign(ctx context.Context, s Statement, signer Signer) ([]byte, error) {
	if err := s.Predicate.complete(); err != nil {
		return nil, fmt.Errorf("sealing run %s: %w", s.Predicate.Run, err)
	}
	payload, err := encodeStatement(PredicateType, s.Predicate, s.Subjects)
	if err != nil {
		return nil, fmt.Errorf("sealing run %s: %w", s.Predicate.Run, err)
	}
	document, err := decodeStatement[Predicate](PredicateType, payload)
	if err != nil {
		return nil, fmt.Errorf("sealing run %s: %w", s.Predicate.Run, err)
	}
	for _, c := range evidence(&document.Predicate, subjectsOf(document.Subject)) {
		if !c.OK {
			return nil, fmt.Errorf("sealing run %s: %s: %s", s.Predicate.Run, c.Name, c.Reason)
		}
	}
	e := envelope{Payload: payload, PayloadType: PayloadType}
	if err := e.sign(ctx, signer); err != nil {
		return nil, fmt.Errorf("sealing run %s: %w", s.Predicate.Run, err)
	}
	text := e.encode()
	if len(text) > MaxSeal {
		return nil, fmt.Errorf("sealing run %s: the seal has %d bytes, at most %d are allowed", s.Predicate.Run, len(text), MaxSeal)
	}
	return text, nil
}

// complete writes empty lists as such, not as null, and fills what follows from the rest.
func (p *Predicate) complete() error {
	if p.Ledger.Proof == nil {
		p.Ledger.Proof = []ledger.Hash{}
	}
	if p.Build.Flags == nil {
		p.Build.Flags = map[string]string{}
	}
	if p.Build.Modules == nil {
		p.Build.Modules = []Module{}
	}
	p.Time = p.Time.UTC()
	spec, err := canonical.Transform(p.Spec)
	if err != nil {
		return fmt.Errorf("the spec: %w", err)
	}
	p.Spec, p.SpecDigest = spec, sha256.Sum256(spec)
	return nil
}

// NewPosition is an output's place in the ledger: header, box, entry (canonical lineage record) and salt as kept in the
// log, and a signed checkpoint of size leaves with root, with the leaf's audit path.
func NewPosition(h ledger.Header, box, entry []byte, salt [16]byte, c ledger.Checkpoint, signed []byte, proof []ledger.Hash) Position {
	return Position{
		Box: box, Checkpoint: string(signed), Entry: entry, Header: h.Canonical(), Index: int64(h.Sequence), Leaf: ledger.LeafHash(h, box),
		Proof: proof, Root: c.Root, Salt: salt[:], Size: c.Size,
	}
}
