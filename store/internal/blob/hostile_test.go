package blob

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// attacker is a directory whose files are changed or made by somebody who can write them.
type attacker struct {
	*Dir
	path string
	key  *envelope.Key
}

var somewhere = envelope.Place{Space: [16]byte{1}, Record: []byte("here")}

func attack(t testing.TB) attacker {
	t.Helper()
	path := t.TempDir()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	key, err := envelope.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return attacker{d, path, key}
}

func (a attacker) keyOf(id envelope.KeyID) (*envelope.Key, error) {
	if id != a.key.ID() {
		return nil, errors.New("no such key")
	}
	return a.key, nil
}

func (a attacker) write(t testing.TB, content []byte) (Ref, []byte) {
	t.Helper()
	w, err := a.Create(a.key, somewhere)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	ref, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(a.path, FileName(ref.ID)))
	if err != nil {
		t.Fatal(err)
	}
	return ref, raw
}

// put replaces a blob's file and reads it: a range, each byte's frame far from the end and its digest, and whole.
// Nothing wrong may come out.
func (a attacker) put(t testing.TB, ref Ref, raw, content []byte) error {
	t.Helper()
	if err := os.WriteFile(filepath.Join(a.path, FileName(ref.ID)), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := a.Dir.Open(ref, a.keyOf, somewhere)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	// Backwards by halves: such reads never complete the digest.
	part := make([]byte, (len(content)+1)/2)
	for _, at := range []int{len(content) / 2, 0} {
		n, err := r.ReadAt(part, int64(at))
		if !bytes.HasPrefix(content[at:], part[:n]) {
			t.Fatalf("%d wrong bytes were handed out by a range", n)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	whole, err := a.Dir.Open(ref, a.keyOf, somewhere)
	if err != nil {
		return err
	}
	defer func() { _ = whole.Close() }()
	got, err := io.ReadAll(whole)
	if !bytes.HasPrefix(content, got) {
		t.Fatalf("%d wrong bytes were handed out", len(got))
	}
	return err
}

func text(size int) []byte {
	return bytes.Repeat([]byte("EventId,Loss\n17,1234.56\n"), size/24+1)[:size]
}

func random(size int) []byte {
	out := make([]byte, size)
	rand.Read(out)
	return out
}

// TestEveryByte: each byte of a small blob flipped, and each length cut off, is detected.
func TestEveryByte(t *testing.T) {
	a := attack(t)
	content := text(3000)
	ref, raw := a.write(t, content)
	if err := a.put(t, ref, raw, content); err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for _, flip := range []byte{1, 0x80, 0xFF} {
			changed := bytes.Clone(raw)
			changed[i] ^= flip
			if err := a.put(t, ref, changed, content); err == nil {
				t.Fatalf("byte %d of %d flipped: nothing noticed", i, len(raw))
			}
		}
		if err := a.put(t, ref, raw[:i], content); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut off at %d: %v", i, err)
		}
		short := ref
		short.Stored = int64(i)
		if err := a.put(t, short, raw[:i], content); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut off at %d, and expected to be: %v", i, err)
		}
	}
	long := ref
	long.Stored++
	if err := a.put(t, long, append(bytes.Clone(raw), 0), content); !errors.Is(err, ErrDamaged) {
		t.Errorf("a byte more: %v", err)
	}
}

// TestSomeBytesOfMany: the same in a blob of many segments and frames.
func TestSomeBytesOfMany(t *testing.T) {
	a := attack(t)
	content := random(2*FrameSize + 1000)
	ref, raw := a.write(t, content)
	rapid.Check(t, func(rt *rapid.T) {
		at := rapid.IntRange(0, len(raw)-1).Draw(rt, "at")
		changed := bytes.Clone(raw)
		changed[at] ^= byte(rapid.IntRange(1, 255).Draw(rt, "flip"))
		if a.put(t, ref, changed, content) == nil {
			rt.Fatalf("byte %d: nothing noticed", at)
		}
	})
}

// TestSegmentsOutOfPlace: segments are those of this file, in this order, all of them.
func TestSegmentsOutOfPlace(t *testing.T) {
	a := attack(t)
	content := random(FrameSize + 10*SegmentSize)
	ref, raw := a.write(t, content)
	other, otherRaw := a.write(t, content)
	start := headerStart + int(binary.BigEndian.Uint16(raw[headerStart-2:]))
	const sealed = SegmentSize + tagSize
	at := func(raw []byte, i int) []byte { return raw[start+i*sealed : start+(i+1)*sealed] }
	for name, change := range map[string]func(raw []byte) []byte{
		"two swapped": func(raw []byte) []byte {
			two := bytes.Clone(at(raw, 2))
			copy(at(raw, 2), at(raw, 3))
			copy(at(raw, 3), two)
			return raw
		},
		"one twice":          func(raw []byte) []byte { copy(at(raw, 3), at(raw, 2)); return raw },
		"of another blob":    func(raw []byte) []byte { copy(at(raw, 2), at(otherRaw, 2)); return raw },
		"all of another":     func(raw []byte) []byte { return append(raw[:start], otherRaw[start:]...) },
		"header of another":  func(raw []byte) []byte { return append(bytes.Clone(otherRaw[:start]), raw[start:]...) },
		"the other blob":     func([]byte) []byte { return bytes.Clone(otherRaw) },
		"with our id":        func([]byte) []byte { out := bytes.Clone(otherRaw); copy(out[len(magic):], ref.ID[:]); return out },
		"one dropped":        func(raw []byte) []byte { return slices.Delete(raw, start+2*sealed, start+3*sealed) },
		"last dropped":       func(raw []byte) []byte { return raw[:start+(len(raw)-start)/sealed*sealed] },
		"one put in":         func(raw []byte) []byte { return slices.Insert(raw, start+2*sealed, at(otherRaw, 2)...) },
		"whole one appended": func(raw []byte) []byte { return append(raw, at(otherRaw, 0)...) },
	} {
		changed := change(bytes.Clone(raw))
		if err := a.put(t, ref, changed, content); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		fitted := ref
		fitted.Stored = int64(len(changed))
		if err := a.put(t, fitted, changed, content); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s, with the length as expected: %v", name, err)
		}
	}
	// The attack of all that swaps whole files is seen by the id; with the right ids all is well.
	if err := a.put(t, other, otherRaw, content); err != nil {
		t.Error(err)
	}
}

// forge writes a blob with a payload of the attacker's own making, as a stolen key or a bug of ours could.
func (a attacker) forge(t testing.TB, payload []byte, size int64) Ref {
	t.Helper()
	w, err := a.Create(a.key, somewhere)
	if err != nil {
		t.Fatal(err)
	}
	w.payload = payload
	w.flush(true)
	w.step("naming", func() error { return a.disk.rename(FileName(w.id)+partSuffix, FileName(w.id)) })
	if w.err != nil {
		t.Fatal(w.err)
	}
	_ = w.closeFile()
	return Ref{ID: w.id, Size: size, Stored: w.stored}
}

func (a attacker) readAll(ref Ref) (int64, error) {
	r, err := a.Dir.Open(ref, a.keyOf, somewhere)
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.Close() }()
	return io.Copy(io.Discard, r)
}

// frameOf is a zstd frame that declares its size and may be lied about.
func frameOf(t testing.TB, content []byte, options ...zstd.EOption) []byte {
	t.Helper()
	e, err := zstd.NewWriter(nil, append([]zstd.EOption{zstd.WithSingleSegment(true), zstd.WithEncoderCRC(false)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	return e.EncodeAll(content, nil)
}

// withIndex puts an index behind one frame.
func withIndex(stored []byte, plain uint32, size int64) []byte {
	return appendIndex(bytes.Clone(stored), []frame{{0, uint32(len(stored)), plain}}, size)
}

// TestBombs: what would grow beyond its frame is refused, with no more memory than a frame takes.
func TestBombs(t *testing.T) {
	a := attack(t)
	huge := frameOf(t, make([]byte, 256<<20))
	liar := frameOf(t, make([]byte, 64<<20))
	if n := binary.LittleEndian.Uint32(liar[5:]); n != 64<<20 {
		t.Fatalf("the frame declares %d where 4 bytes were looked for", n)
	}
	binary.LittleEndian.PutUint32(liar[5:], FrameSize)
	modest := frameOf(t, make([]byte, 2000))
	var stream bytes.Buffer
	e, _ := zstd.NewWriter(&stream)
	_, _ = e.Write(make([]byte, 64<<20))
	_ = e.Close()
	skippable := append([]byte{0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4}, modest...)
	for name, c := range map[string]struct {
		payload []byte
		size    int64
	}{
		"declares more than a frame":  {withIndex(huge, FrameSize, FrameSize), FrameSize},
		"holds more than it declares": {withIndex(liar, FrameSize, FrameSize), FrameSize},
		"declares nothing":            {withIndex(stream.Bytes(), FrameSize, FrameSize), FrameSize},
		"holds less":                  {withIndex(modest, 3000, 3000), 3000},
		"holds more":                  {withIndex(modest, 1000, 1000), 1000},
		"two frames":                  {withIndex(append(bytes.Clone(modest), modest...), 2000, 2000), 2000},
		"skippable frame":             {withIndex(skippable, 2000, 2000), 2000},
		"no frame":                    {withIndex(random(100), 2000, 2000), 2000},
		"frame cut off":               {withIndex(modest[:len(modest)-1], 2000, 2000), 2000},
	} {
		ref := a.forge(t, c.payload, c.size)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n, err := a.readAll(ref)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrDamaged) || n > 0 {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
			t.Errorf("%s: %d bytes were allocated", name, grown)
		}
	}
}

// TestHostileIndex: lengths that do not fit one another or the reference are refused before anything is read by them.
func TestHostileIndex(t *testing.T) {
	a := attack(t)
	good := frameOf(t, make([]byte, 2000))
	stored := uint32(len(good))
	index := func(size int64, frames ...frame) []byte { return appendIndex(bytes.Clone(good), frames, size) }
	count := func(before []byte, n uint32, size uint64) []byte {
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(bytes.Clone(before), n), size)
	}
	for name, c := range map[string]struct {
		payload []byte
		size    int64
		want    string
	}{
		"size of the reference": {index(2000, frame{0, stored, 2000}), 2001, "the reference says 2001"},
		"size of the trailer":   {index(2001, frame{0, stored, 2000}), 2000, "the reference says 2000"},
		"no frames":             {index(2000), 2000, "0 frames"},
		"frames of no content":  {index(0, frame{0, stored, 0}), 0, "1 frames for 0 bytes"},
		"stored too long":       {index(2000, frame{0, stored + 1, 2000}), 2000, "the index begins"},
		"stored too short":      {index(2000, frame{0, stored - 1, 2000}), 2000, "the index begins"},
		"gap before the index":  {appendIndex(append(bytes.Clone(good), 0), []frame{{0, stored, 2000}}, 2000), 2000, "the index begins"},
		"stored nothing":        {index(2000, frame{0, 0, 2000}), 2000, "frame 0 has lengths"},
		"stored beyond":         {appendIndex(make([]byte, 3<<20), []frame{{0, 3 << 20, 2000}}, 2000), 2000, "frame 0 has lengths"},
		"plain too long":        {index(2000, frame{0, stored, 2001}), 2000, "frame 0 has lengths"},
		"plain too short":       {index(2000, frame{0, stored, 1999}), 2000, "frame 0 has lengths"},
		"a frame too many":      {index(2000, frame{0, stored, 2000}, frame{0, 1, 0}), 2000, "2 frames"},
		"frames without room":   {count(nil, 3, 3*FrameSize), 3 * FrameSize, "an index of 3 frames"},
		"more than can be":      {count(good, 1<<32-1, 1<<52), 1 << 52, "frames for"},
		"huge size":             {count(good, 1, 1<<63), 1<<63 - 1, "the reference says"},
		"size one bit off":      {count(good, 1, 2000|1<<63), 2000, "the reference says"},
		"nothing":               {nil, 0, "a payload of 0 bytes"},
		"trailer cut off":       {index(2000, frame{0, stored, 2000})[:len(good)+18], 2000, "the reference says"},
	} {
		_, err := a.Dir.Open(a.forge(t, c.payload, c.size), a.keyOf, somewhere)
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := a.readAll(a.forge(t, index(2000, frame{0, stored, 2000}), 2000)); err == nil {
		t.Error("a digest of zeros was taken")
	}
}

// TestSegmentLayout: the last segment is never empty, and the nonces are those of the documentation.
func TestSegmentLayout(t *testing.T) {
	a := attack(t)
	for payload, segments := range map[int]int64{1: 1, SegmentSize: 1, SegmentSize + 1: 2, 2 * SegmentSize: 2} {
		ref := a.forge(t, make([]byte, payload), 0)
		raw, err := os.ReadFile(filepath.Join(a.path, FileName(ref.ID)))
		if err != nil {
			t.Fatal(err)
		}
		header := int64(headerStart) + int64(binary.BigEndian.Uint16(raw[headerStart-2:]))
		if want := header + int64(payload) + segments*tagSize; ref.Stored != want || int64(len(raw)) != want {
			t.Errorf("payload of %d: %d bytes, want %d", payload, len(raw), want)
		}
	}
	if got := nonce(0x0102030405060708, false); !bytes.Equal(got, []byte{0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0}) {
		t.Errorf("nonce %x", got)
	}
	if got := nonce(1, true); !bytes.Equal(got, []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1}) {
		t.Errorf("nonce %x", got)
	}
}

// FuzzPayload: whatever the payload, reading ends, with at most the promised bytes.
func FuzzPayload(f *testing.F) {
	a := attack(f)
	good := frameOf(f, make([]byte, 2000))
	f.Add(withIndex(good, 2000, 2000), int64(2000))
	f.Add(appendIndex(nil, nil, 0), int64(0))
	f.Fuzz(func(t *testing.T, payload []byte, size int64) {
		ref := a.forge(t, payload, size)
		n, err := a.readAll(ref)
		if n > max(size, 0) || err == nil && n != size {
			t.Fatalf("%d bytes of %d, %v", n, size, err)
		}
		if err := a.Remove(ref.ID); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzFile: any bytes in place of a blob's file.
func FuzzFile(f *testing.F) {
	a := attack(f)
	content := text(300)
	ref, raw := a.write(f, content)
	f.Add(raw)
	f.Add(raw[:headerStart])
	f.Fuzz(func(t *testing.T, changed []byte) {
		fitted := ref
		fitted.Stored = int64(len(changed))
		if err := a.put(t, fitted, changed, content); err == nil && !bytes.Equal(changed, raw) {
			t.Fatal("other bytes were taken")
		}
	})
}
