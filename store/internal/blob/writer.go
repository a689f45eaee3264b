package blob

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"runtime"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// Writer writes one blob, compressing on several cores. End it with Commit or Abort; Abort after Commit does
// nothing, so it can be deferred. Not for concurrent use.
type Writer struct {
	dir    *Dir
	id     [16]byte
	file   sink
	cipher segmentCipher

	digest hash.Hash
	plain  []byte         // of the frame being filled
	flying []*compression // of full frames, in order
	spare  []*compression
	frames []frame
	size   int64 // plaintext in frames

	payload  []byte // not yet written
	sealed   []byte // room for a segment
	segments int64
	at       int64 // payload in frames
	stored   int64 // written to the file

	err  error
	done bool
}

// compression is a frame on its way. The Writer owns it again when done is received.
type compression struct {
	plain, stored []byte
	done          chan struct{}
}

// maxFlying bounds the memory of a Writer: about 2 MiB each.
const maxFlying = 4

var errDone = errors.New("the blob is already committed or given up")

// Create begins a blob for a place under a data key. Nothing has the blob's name before Commit.
func (d *Dir) Create(key *envelope.Key, place envelope.Place) (*Writer, error) {
	w := &Writer{dir: d, digest: sha256.New()}
	var fileKey [fileKeySize]byte
	rand.Read(w.id[:]) // crypto/rand ends the program where there is no entropy
	rand.Read(fileKey[:])
	defer clear(fileKey[:])
	w.cipher = newSegmentCipher(fileKey[:])
	d.begin(w.id)
	var err error
	if w.file, err = d.disk.create(FileName(w.id) + partSuffix); err != nil {
		d.end(w.id, false)
		return nil, fmt.Errorf("creating a blob: %w", err)
	}
	w.write(appendHeader(nil, w.id, key.Encrypt(placeOf(place, w.id), boxSchema, nil, fileKey[:])))
	if w.err != nil {
		w.Abort()
		return nil, w.err
	}
	return w, nil
}

// Write adds content. After an error only Abort is left.
func (w *Writer) Write(content []byte) (int, error) {
	if w.done {
		return 0, errDone
	}
	written := 0
	for len(content) > 0 && w.err == nil {
		n := min(len(content), FrameSize-len(w.plain))
		w.plain = append(w.plain, content[:n]...)
		content = content[n:]
		written += n
		if len(w.plain) == FrameSize {
			w.endFrame()
		}
	}
	return written, w.err
}

// Commit makes the blob durable under its name: contents, then name, then directory. The Ref may be stored when it
// returns. After an error the blob does not exist, or is an orphan that Sweep collects.
func (w *Writer) Commit() (Ref, error) {
	if w.done {
		return Ref{}, errDone
	}
	defer w.Abort()
	if len(w.plain) > 0 {
		w.endFrame()
	}
	w.land(0)
	w.payload = appendIndex(w.payload, w.frames, w.size)
	w.flush(true)
	ref := Ref{ID: w.id, Size: w.size, Stored: w.stored}
	w.digest.Sum(ref.Digest[:0])
	w.step("syncing", w.file.Sync)
	w.step("closing", w.closeFile)
	w.step("naming", func() error { return w.dir.disk.rename(FileName(w.id)+partSuffix, FileName(w.id)) })
	w.step("syncing the directory of", w.dir.disk.sync)
	if w.err != nil {
		return Ref{}, w.err
	}
	w.done = true
	w.dir.end(w.id, true)
	return ref, nil
}

// Abort gives the blob up and removes its file as far as it can.
func (w *Writer) Abort() {
	if w.done {
		return
	}
	w.done = true
	for _, c := range w.flying {
		<-c.done
	}
	w.flying = nil
	// What cannot be removed is an orphan. Rename may have taken place although it reported an error.
	_ = w.closeFile()
	_ = w.dir.disk.remove(FileName(w.id) + partSuffix)
	_ = w.dir.disk.remove(FileName(w.id))
	w.dir.end(w.id, false)
}

func (w *Writer) closeFile() error {
	if w.file == nil {
		return nil
	}
	err := w.file.Close()
	w.file = nil
	return err
}

// step does one thing unless something before it went wrong.
func (w *Writer) step(doing string, do func() error) {
	if w.err != nil {
		return
	}
	if err := do(); err != nil {
		w.err = fmt.Errorf("%s blob %x: %w", doing, w.id, err)
	}
}

// endFrame starts the compression of what was gathered, and writes what is done once enough is on its way.
func (w *Writer) endFrame() {
	c := &compression{done: make(chan struct{}, 1)}
	if n := len(w.spare); n > 0 {
		c, w.spare = w.spare[n-1], w.spare[:n-1]
	}
	w.plain, c.plain = c.plain[:0], w.plain
	w.flying = append(w.flying, c)
	go func() {
		c.stored = w.dir.codec.compress(c.stored[:0], c.plain)
		c.done <- struct{}{}
	}()
	w.digest.Write(c.plain)
	w.land(min(runtime.GOMAXPROCS(0), maxFlying))
}

// land takes the oldest compressed frames until so many are left on their way, and writes the segments that they fill.
func (w *Writer) land(left int) {
	for len(w.flying) > left {
		c := w.flying[0]
		<-c.done
		w.flying = w.flying[1:]
		w.payload = append(w.payload, c.stored...)
		w.frames = append(w.frames, frame{w.at, uint32(len(c.stored)), uint32(len(c.plain))})
		w.at += int64(len(c.stored))
		w.size += int64(len(c.plain))
		w.spare = append(w.spare, c)
		w.flush(false)
	}
}

// flush writes whole segments. The last stays back until the end, which it must bear the mark of.
func (w *Writer) flush(end bool) {
	rest := w.payload
	for len(rest) > SegmentSize {
		w.segment(rest[:SegmentSize], false)
		rest = rest[SegmentSize:]
	}
	if end {
		w.segment(rest, true)
		rest = nil
	}
	w.payload = w.payload[:copy(w.payload, rest)]
}

func (w *Writer) segment(payload []byte, last bool) {
	w.sealed = w.cipher.seal(w.sealed[:0], payload, w.segments, last)
	w.segments++
	w.write(w.sealed)
}

func (w *Writer) write(raw []byte) {
	w.step("writing", func() error {
		n, err := w.file.Write(raw)
		w.stored += int64(n)
		return err
	})
}
