package backup

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"filippo.io/age"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// Progress says what is being done, and how many bytes of how many are.
type Progress func(what string, done, total int64)

// packSize is how many bytes of blobs go into a pack, unless a single one is larger.
const packSize = 64 << 20

// kept is where a blob is: a line of the index.
type kept struct {
	Tenant store.ID      `json:"tenant"`
	Blob   string        `json:"blob"`
	Bytes  int64         `json:"bytes"`
	Digest ledger.Digest `json:"sha256"`
	Pack   string        `json:"pack"` // name of the object
	At     int64         `json:"at"`   // byte in it
}

// making is one backup on its way to targets.
type making struct {
	folder   string // for files that are being made
	name     string
	program  string
	snapshot *store.Snapshot
	to       []age.Recipient
	names    []string
	with     []age.Identity // reads earlier indexes
	until    time.Time      // objects are held
	progress Progress
	database Object // staged in folder, for all targets
	keys     Object
	left     error // of key files from before an erasure, on the target at hand
}

// newName begins with the time, so that names are in the order of time.
func newName(at time.Time) string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	return at.UTC().Format("20060102t150405z") + "-" + hex.EncodeToString(random[:])
}

func (m *making) file(kind string) string { return filepath.Join(m.folder, kind+".staged") }

// stage encrypts what every target gets alike.
func (m *making) stage(ctx context.Context) (err error) {
	s := m.snapshot
	m.database, err = encrypt(m.file(kindDatabase), kindDatabase, m.to, func(w io.Writer) error {
		f, err := os.Open(s.Database)
		if err != nil {
			return err
		}
		from := &counting{until(ctx, f), func(n int64) { m.progress("encrypting the database", n, s.Bytes) }, 0}
		_, err = io.CopyBuffer(onlyWriter{w}, from, make([]byte, 1<<20))
		return errors.Join(err, f.Close())
	})
	if err != nil {
		return fmt.Errorf("encrypting the database: %w", err)
	}
	if err := os.Remove(s.Database); err != nil {
		return err
	}
	m.database.Name = databases + m.name
	// By generation, so that those of before an erasure are found.
	m.keys, err = encrypt(m.file(kindKeys), kindKeys, m.to, func(w io.Writer) error { _, err := w.Write(s.Keys); return err })
	if err != nil {
		return fmt.Errorf("encrypting the key file: %w", err)
	}
	m.keys.Name = fmt.Sprintf("%s%020d-%s", keys, s.Generation, m.name)
	return nil
}

// onlyWriter keeps io.Copy from asking for more than writing.
type onlyWriter struct{ io.Writer }

// counting tells how much was read.
type counting struct {
	r    io.Reader
	tell func(int64)
	n    int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.tell(c.n)
	return n, err
}

// send makes the backup on one target. The manifest is the commit point.
func (m *making) send(ctx context.Context, t Target, db *store.DB) (*Manifest, int64, error) {
	before, err := m.before(ctx, t, db)
	if err != nil {
		return nil, 0, err
	}
	out := &Manifest{
		Version: 1, Backup: m.name, Install: m.snapshot.Install, Time: m.snapshot.Time, Program: m.program, Format: m.snapshot.Format,
		Transaction: m.snapshot.Transaction, Generation: m.snapshot.Generation, Root: m.snapshot.Root, Recipients: m.names,
		Heads: m.snapshot.Heads, Keys: m.snapshot.KeyIDs, Anchor: string(m.snapshot.Anchor), FormatFile: string(m.snapshot.FormatFile),
	}
	sent := &sending{making: m, t: t, manifest: out}
	if err := sent.keyFile(ctx); err != nil {
		return nil, sent.bytes, err
	}
	if err := sent.blobs(ctx, before); err != nil {
		return nil, sent.bytes, err
	}
	if err := sent.put(ctx, m.file(kindDatabase), m.database, m.until); err != nil {
		return nil, sent.bytes, err
	}
	if err := sent.index(ctx); err != nil {
		return nil, sent.bytes, err
	}
	if err := putErasures(ctx, t, m.snapshot.Erased, db); err != nil {
		return nil, sent.bytes, err
	}
	if m.left = dropKeys(ctx, t, m.snapshot.Erased); ctx.Err() != nil {
		return nil, sent.bytes, ctx.Err()
	}
	signed, err := db.SignDocument(out)
	if err != nil {
		return nil, sent.bytes, fmt.Errorf("signing the manifest: %w", err)
	}
	return out, sent.bytes, putBytes(ctx, t, manifests+m.name, signed, m.until)
}

// earlier is what a target holds already.
type earlier struct {
	at    map[store.StoredBlob]kept
	packs map[string]Object
}

// before reads the index of the newest backup on the target that this installation has signed. Where there is none, or its index cannot be
// read, there is nothing to build on: then all blobs are sent again.
func (m *making) before(ctx context.Context, t Target, db *store.DB) (e earlier, err error) {
	all, err := List(ctx, t)
	if err != nil {
		return e, err
	}
	last := newest(all, false)
	if last == nil {
		return e, nil
	}
	if last.Install != m.snapshot.Install {
		return e, fmt.Errorf("%s holds backups of the installation %s, this is %s: give each a folder or prefix of its own: %w", t.Name(), last.Install, m.snapshot.Install, store.ErrConflict)
	}
	if last, err = newestGenuine(ctx, t, all, db); err != nil || last == nil {
		return e, err
	}
	there, err := t.List(ctx, packs)
	if err != nil {
		return e, err
	}
	size := map[string]int64{}
	for _, s := range there {
		size[s.Name] = s.Bytes
	}
	e = earlier{map[store.StoredBlob]kept{}, map[string]Object{}}
	for _, p := range last.of(kindPack) {
		if size[p.Name] == p.Bytes { // one that is gone or cut off is made again
			e.packs[p.Name] = p
		}
	}
	err = readIndex(ctx, t, last.one(kindIndex), m.with, func(k kept) error {
		if _, ok := e.packs[k.Pack]; ok {
			e.at[store.StoredBlob{Tenant: k.Tenant, Name: k.Blob, Bytes: k.Bytes}] = k
		}
		return nil
	})
	if errors.Is(err, ErrDamaged) || errors.Is(err, ErrIdentity) || errors.Is(err, fs.ErrNotExist) {
		return earlier{}, nil
	}
	return e, err
}

// readIndex calls each for every blob of a backup.
func readIndex(ctx context.Context, t Target, o Object, with []age.Identity, each func(kept) error) error {
	r, finish, err := open(ctx, t, o, with)
	if err != nil {
		return err
	}
	lines := json.NewDecoder(bufio.NewReaderSize(r, 1<<16))
	for {
		var k kept
		if err = lines.Decode(&k); errors.Is(err, io.EOF) {
			return finish()
		}
		if err == nil {
			err = each(k)
		}
		if err != nil {
			return errors.Join(err, finish())
		}
	}
}

// sending is a backup on its way to one target.
type sending struct {
	*making
	t        Target
	manifest *Manifest
	bytes    int64 // sent
	lines    []kept
	used     map[string]bool // packs
}

// put sends a staged file.
func (s *sending) put(ctx context.Context, path string, o Object, until time.Time) error {
	if err := putFile(ctx, s.t, o.Name, path, until); err != nil {
		return err
	}
	s.bytes += o.Bytes
	s.progress("sending to "+s.t.Name(), s.bytes, -1)
	s.manifest.Objects = append(s.manifest.Objects, o)
	return nil
}

// putFile sends a file.
func putFile(ctx context.Context, t Target, name, path string, until time.Time) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		err = t.Put(ctx, name, io.NewSectionReader(f, 0, info.Size()), until)
	}
	return errors.Join(err, f.Close())
}

func putBytes(ctx context.Context, t Target, name string, b []byte, until time.Time) error {
	return t.Put(ctx, name, io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b))), until)
}

// keyFile sends the key file; it is never held, so that an erasure can remove it.
func (s *sending) keyFile(ctx context.Context) error {
	return s.put(ctx, s.file(kindKeys), s.keys, time.Time{})
}

// blobs sends those that the target does not hold, and prolongs how long it holds the others.
func (s *sending) blobs(ctx context.Context, before earlier) error {
	s.used = map[string]bool{}
	var missing []store.StoredBlob
	err := s.snapshot.Blobs(ctx, func(b store.StoredBlob) error {
		s.manifest.Blobs++
		s.manifest.BlobBytes += b.Bytes
		k, ok := before.at[b]
		if !ok {
			missing = append(missing, b)
			return nil
		}
		s.lines = append(s.lines, k)
		if !s.used[k.Pack] {
			s.used[k.Pack] = true
			s.manifest.Objects = append(s.manifest.Objects, before.packs[k.Pack])
			return s.t.Hold(ctx, k.Pack, s.until)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for number := 0; len(missing) > 0; number++ {
		part := nextPack(missing)
		missing = missing[len(part):]
		if err := s.pack(ctx, fmt.Sprintf("%s%s-%d", packs, s.name, number), part); err != nil {
			return err
		}
	}
	return nil
}

// nextPack is as many blobs as a pack takes, one at least.
func nextPack(all []store.StoredBlob) []store.StoredBlob {
	n, size := 1, all[0].Bytes
	for n < len(all) && size+all[n].Bytes <= packSize {
		size += all[n].Bytes
		n++
	}
	return all[:n]
}

// pack sends some blobs as one object.
func (s *sending) pack(ctx context.Context, name string, blobs []store.StoredBlob) error {
	var lines []kept
	o, err := encrypt(s.file(kindPack), kindPack, s.to, func(w io.Writer) error {
		lines = nil
		var at int64
		for _, b := range blobs {
			k, err := s.copyBlob(ctx, w, b)
			if errors.Is(err, fs.ErrNotExist) { // its tenant was erased since
				s.manifest.Blobs--
				s.manifest.BlobBytes -= b.Bytes
				continue
			}
			if err != nil {
				return fmt.Errorf("blob %s of tenant %s: %w", b.Name, b.Tenant, err)
			}
			k.Pack, k.At = name, at
			at += k.Bytes
			lines = append(lines, k)
		}
		return nil
	})
	if err != nil || len(lines) == 0 {
		return err
	}
	o.Name = name
	s.lines = append(s.lines, lines...)
	return s.put(ctx, s.file(kindPack), o, s.until)
}

func (s *sending) copyBlob(ctx context.Context, w io.Writer, b store.StoredBlob) (k kept, err error) {
	f, err := s.snapshot.OpenBlob(b)
	if err != nil {
		return k, err
	}
	m := newMeter()
	n, err := io.Copy(io.MultiWriter(w, m), until(ctx, f))
	if err = errors.Join(err, f.Close()); err == nil && n != b.Bytes {
		err = fmt.Errorf("it has %d bytes, and had %d", n, b.Bytes)
	}
	return kept{Tenant: b.Tenant, Blob: b.Name, Bytes: n, Digest: m.sum()}, err
}

func (s *sending) index(ctx context.Context) error {
	o, err := encrypt(s.file(kindIndex), kindIndex, s.to, func(w io.Writer) error {
		lines := json.NewEncoder(w)
		for _, k := range s.lines {
			if err := lines.Encode(k); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("encrypting the index: %w", err)
	}
	o.Name = indexes + s.name
	return s.put(ctx, s.file(kindIndex), o, s.until)
}

// erasureList is the object erasures: version 1.
type erasureList struct {
	Version int             `json:"version"`
	Erased  []store.Erasure `json:"erased"`
}

// putErasures brings the list of erasures on a target up to date: what this installation knows and what it has written there before;
// what others wrote into it goes.
func putErasures(ctx context.Context, t Target, erased []store.Erasure, db *store.DB) error {
	there, err := readErasures(ctx, t)
	damaged := errors.Is(err, ErrDamaged)
	if err != nil && !damaged {
		return err
	}
	want := slices.Clone(erased)
	genuine, _, err := db.SiftErasures(there)
	if err != nil {
		return err
	}
	for _, e := range genuine {
		if !slices.ContainsFunc(want, e.Equal) {
			want = append(want, e)
		}
	}
	if !damaged && hasAll(there, want) && hasAll(want, there) {
		return nil
	}
	text, err := json.MarshalIndent(erasureList{1, want}, "", "  ")
	if err != nil {
		return err
	}
	return putBytes(ctx, t, erasures, text, time.Time{})
}

// hasAll reports whether a list has all erasures of another, each the same in everything.
func hasAll(list, of []store.Erasure) bool {
	return !slices.ContainsFunc(of, func(e store.Erasure) bool { return !slices.ContainsFunc(list, e.Equal) })
}

func readErasures(ctx context.Context, t Target) ([]store.Erasure, error) {
	text, err := readSmall(ctx, t, erasures, maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list erasureList
	if err := json.Unmarshal(text, &list); err != nil || list.Version != 1 {
		return nil, fmt.Errorf("%s, %s: %w: version %d (%v)", t.Name(), erasures, ErrDamaged, list.Version, err)
	}
	return list.Erased, nil
}

// dropKeys removes key files from before an erasure: with them, older backups could still be read. One that cannot be removed keeps none of
// the others. The next backup tries it again.
func dropKeys(ctx context.Context, t Target, erased []store.Erasure) error {
	var left error
	var last uint64 // generation of the last erasure
	for _, e := range erased {
		last = max(last, e.Generation)
	}
	all, err := t.List(ctx, keys)
	if err != nil {
		return err
	}
	for _, s := range all {
		var generation uint64
		if _, err := fmt.Sscanf(s.Name, keys+"%020d-", &generation); err != nil || generation >= last {
			continue
		}
		left = errors.Join(left, t.Remove(ctx, s.Name))
	}
	switch {
	case errors.Is(left, ErrHeld):
		return fmt.Errorf("the target holds them: take the default retention off the bucket (object_lock alone never holds key files); until their time is over, whoever has them and the root key of then can read the erased tenant: %w", left)
	case left != nil:
		return fmt.Errorf("until they are gone, whoever has them and the root key of then can read the erased tenant: %w", left)
	}
	return nil
}
