package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/qrsrisk/qrsd/store/ledger"
)

// ErrIdentity is an identity that opens none of what is in a backup.
var ErrIdentity = errors.New("this identity opens nothing of the backup: it is of none of its recipients")

// ErrDamaged is an object of a backup that is not what was written.
var ErrDamaged = errors.New("damaged")

// recipients are those that a backup is encrypted to.
type recipients struct {
	names  []string
	all    []age.Recipient
	hybrid bool // post-quantum; age does not mix the two kinds
}

// parseRecipients reads the owner's, age1... each.
func parseRecipients(names []string) (r recipients, err error) {
	if len(names) == 0 {
		return r, errors.New("no recipient is named: with the host, everything that could read its backups would be lost; make an identity with age-keygen, keep it elsewhere, and name its recipient (age1...)")
	}
	kinds := map[bool]bool{}
	for _, name := range names {
		one, err := age.ParseRecipients(strings.NewReader(name + "\n"))
		if err != nil || len(one) != 1 {
			return r, fmt.Errorf("recipient %.80q: %v; it is the public line of age-keygen, age1... (an identity, AGE-SECRET-KEY-..., does not belong here)", shown(name), err)
		}
		_, hybrid := one[0].(*age.HybridRecipient)
		kinds[hybrid], r.hybrid = true, hybrid
		r.all, r.names = append(r.all, one[0]), append(r.names, name)
	}
	if len(kinds) > 1 {
		return r, errors.New("recipients of both kinds are named, age1... and age1pq...: the weaker kind would undo the other; name one kind")
	}
	return r, nil
}

// CheckRecipient is the fault of what is no recipient.
func CheckRecipient(name string) error { _, err := parseRecipients([]string{name}); return err }

// shown keeps a secret that was given by mistake out of messages.
func shown(name string) string {
	if strings.HasPrefix(strings.ToUpper(name), "AGE-SECRET-KEY") {
		return "AGE-SECRET-KEY-(not shown)"
	}
	return name
}

// meter counts and hashes what passes.
type meter struct {
	n    int64
	hash hash.Hash
}

func newMeter() *meter { return &meter{hash: sha256.New()} }

func (m *meter) Write(p []byte) (int, error) {
	m.n += int64(len(p))
	return m.hash.Write(p)
}

func (m *meter) sum() (d ledger.Digest) { m.hash.Sum(d[:0]); return d }

// encrypt writes what fill gives, compressed where that is worth it, encrypted, into a new file at path.
func encrypt(path, kind string, to []age.Recipient, fill func(io.Writer) error) (o Object, err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	outer, inner := newMeter(), newMeter()
	sealed, err := age.Encrypt(io.MultiWriter(file, outer), to...)
	if err != nil {
		return o, err
	}
	var packed io.WriteCloser = nothing{sealed}
	if compressed(kind) {
		if packed, err = zstd.NewWriter(sealed, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20)); err != nil {
			return o, err
		}
	}
	if err := fill(io.MultiWriter(packed, inner)); err != nil {
		return o, err
	}
	if err := packed.Close(); err != nil {
		return o, err
	}
	if err := sealed.Close(); err != nil {
		return o, err
	}
	return Object{Kind: kind, Bytes: outer.n, Digest: outer.sum(), Plain: inner.n, PlainDigest: inner.sum()}, nil
}

// compressed reports whether a kind of object is: blobs are already, and the key file is random.
func compressed(kind string) bool { return kind == kindDatabase || kind == kindIndex }

type nothing struct{ io.Writer }

func (nothing) Close() error { return nil }

// open decrypts an object while it is read from the target. What was read is what was written when close returns nil, which
// reads the rest.
func open(ctx context.Context, t Target, o Object, with []age.Identity) (r io.Reader, finish func() error, err error) {
	from, err := t.Get(ctx, o.Name)
	if err != nil {
		return nil, nil, err
	}
	outer, inner := newMeter(), newMeter()
	raw := io.TeeReader(io.LimitReader(until(ctx, from), o.Bytes+1), outer)
	fail := func(err error) (io.Reader, func() error, error) {
		return nil, nil, errors.Join(inObject(ctx, t, o, err), from.Close())
	}
	plain, err := age.Decrypt(raw, with...)
	if err != nil {
		return fail(err)
	}
	unpack := func() {}
	if compressed(o.Kind) {
		z, err := zstd.NewReader(plain, zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return fail(err)
		}
		plain, unpack = z, z.Close
	}
	plain = io.TeeReader(io.LimitReader(plain, o.Plain+1), inner)
	return &named{plain, func(err error) error { return inObject(ctx, t, o, err) }}, func() (err error) {
		defer unpack()
		if _, err = io.Copy(io.Discard, plain); err == nil {
			_, err = io.Copy(io.Discard, raw)
		}
		switch {
		case err != nil:
		case outer.n != o.Bytes || outer.sum() != o.Digest:
			err = fmt.Errorf("%w: its %d bytes have another digest than the manifest says", ErrDamaged, outer.n)
		case inner.n != o.Plain || inner.sum() != o.PlainDigest:
			err = fmt.Errorf("%w: what is in it, %d bytes, has another digest than the manifest says", ErrDamaged, inner.n)
		}
		if err != nil {
			err = inObject(ctx, t, o, err)
		}
		return errors.Join(err, from.Close())
	}, nil
}

// inObject names the object. What age and zstd refuse is damage, unless the identity is the wrong one, or reading failed.
func inObject(ctx context.Context, t Target, o Object, err error) error {
	var none *age.NoIdentityMatchError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &none):
		err = fmt.Errorf("%w (%s)", ErrIdentity, strings.Join(none.StanzaTypes, ", "))
	case !errors.Is(err, ErrDamaged) && !isReading(err):
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return fmt.Errorf("%s, %s: %w", t.Name(), o.Name, err)
}

// isReading reports whether an error is of the disk or the network.
func isReading(err error) bool {
	var file *os.PathError
	var net interface{ Timeout() bool }
	return errors.As(err, &file) || errors.As(err, &net)
}

// named gives errors of a stream their place.
type named struct {
	r  io.Reader
	at func(error) error
}

func (n *named) Read(p []byte) (int, error) {
	count, err := n.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = n.at(err)
	}
	return count, err
}
