package blob

import (
	"fmt"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// Reencrypt copies a blob under a new file key and a new data key, for when the old data key may be known to others. The
// copy has a Ref of its own: store it in place of the old one, then Remove the old blob. Every segment is authenticated;
// nothing is decompressed, so the digest is carried over.
func (d *Dir) Reencrypt(ref Ref, keyOf func(envelope.KeyID) (*envelope.Key, error), to *envelope.Key, place envelope.Place) (Ref, error) {
	from, err := d.Open(ref, keyOf, place) // checks the index against the Ref
	if err != nil {
		return Ref{}, err
	}
	defer func() { _ = from.Close() }()
	w, err := d.Create(to, place)
	if err != nil {
		return Ref{}, err
	}
	defer w.Abort()
	p := &from.payload
	end := p.size - trailerSize - int64(len(from.frames))*entrySize
	for at := int64(0); at < end && w.err == nil; at += SegmentSize {
		if w.payload, err = p.read(w.payload, at, min(end-at, SegmentSize)); err != nil {
			return Ref{}, fmt.Errorf("re-encrypting: %w", err)
		}
		w.flush(false)
	}
	w.frames, w.size = from.frames, ref.Size
	out, err := w.Commit()
	if err != nil {
		return Ref{}, err
	}
	out.Digest = ref.Digest
	return out, nil
}
