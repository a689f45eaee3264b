package kv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// Inventory is what a walk through a whole file found.
type Inventory struct {
	TxID        uint64 // number of the commit that was walked
	Spaces      int
	Collections int
	Records     uint64
	Pages, Free int64 // pages in use of the file, and of those that hold nothing
	// Settled: both meta pages say the same, as Close leaves them. Either alone would do.
	Settled bool
	// SpareMetaDamaged: one meta page is unreadable, and the other was used. After a clean stop that is damage without
	// loss. After a crash it may be a write that was cut off, never one that was acknowledged.
	SpareMetaDamaged bool
}

// anyCommit has verify walk the newest commit.
const anyCommit = ^uint64(0)

// errMetaGone: the commit that was to be walked is no longer named by a meta page.
var errMetaGone = errors.New("a newer commit has taken the place of the one to be checked")

// Verify walks through a database file that nobody writes, such as a copy from [DB.WriteTo]: meta pages, every page
// reachable once, keys in order, every record's checksum, every collection's tally. It trusts nothing in it. The error
// is a [CorruptError] with the first damaged place, or of reading.
func Verify(ctx context.Context, path string) (Inventory, error) {
	f, err := os.Open(path)
	if err != nil {
		return Inventory{}, fmt.Errorf("opening the database file: %w", err)
	}
	defer f.Close()
	return verify(ctx, f, path, anyCommit)
}

// meta is bbolt's meta page (internal/common/meta.go of v1.5): the root of one commit.
type meta struct {
	pageSize          uint32
	root, pages, txid uint64
	freelist          uint64
}

const (
	metaAt    = 16 // behind the page's head
	metaSize  = 64
	metaMagic = 0xED0CDAED

	branchPage = 0x01
	leafPage   = 0x02

	pageHead    = 16
	elementSize = 16

	noFreelist = ^uint64(0)
)

// readMeta reads one meta page; ok is false where it is not whole.
func readMeta(f io.ReaderAt, at int64) (m meta, ok bool) {
	var b [metaAt + metaSize]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		return meta{}, false
	}
	n, u32, u64 := b[metaAt:], binary.NativeEndian.Uint32, binary.NativeEndian.Uint64
	sum := fnv.New64a()
	sum.Write(n[:metaSize-8])
	if u32(n) != metaMagic || u32(n[4:]) != 2 || u64(n[56:]) != sum.Sum64() {
		return meta{}, false
	}
	return meta{pageSize: u32(n[8:]), root: u64(n[16:]), freelist: u64(n[32:]), pages: u64(n[40:]), txid: u64(n[48:])}, true
}

// chooseMeta finds the meta page of a commit as bbolt does: the newest whole one.
func chooseMeta(f io.ReaderAt, path string, txid uint64) (m meta, found Inventory, err error) {
	first, ok0 := readMeta(f, 0)
	second, ok1 := readMeta(f, pageSize)
	switch {
	case !ok0 && !ok1:
		return m, found, CorruptError{path, "neither of the two meta pages is whole"}
	case txid != anyCommit && ok0 && first.txid == txid:
		m = first
	case txid != anyCommit && ok1 && second.txid == txid:
		m = second
	case txid != anyCommit:
		return m, found, errMetaGone
	case ok0 && (!ok1 || first.txid > second.txid):
		m = first
	default:
		m = second
	}
	found.SpareMetaDamaged = !ok0 || !ok1
	found.Settled = ok0 && ok1 && first.root == second.root && first.pages == second.pages
	return m, found, nil
}

func verify(ctx context.Context, f *os.File, path string, txid uint64) (Inventory, error) {
	info, err := f.Stat()
	if err != nil {
		return Inventory{}, fmt.Errorf("reading the database file: %w", err)
	}
	m, found, err := chooseMeta(f, path, txid)
	if err != nil {
		return found, err
	}
	switch {
	case m.pageSize != pageSize:
		return found, CorruptError{path, fmt.Sprintf("pages of %d bytes, need %d", m.pageSize, pageSize)}
	case m.freelist != noFreelist:
		return found, CorruptError{path, "written by something else: it has a list of free pages"}
	case m.pages < 3 || m.pages > uint64(info.Size()/pageSize):
		return found, CorruptError{path, fmt.Sprintf("file of %d bytes, need %d pages of %d: cut off", info.Size(), m.pages, pageSize)}
	}
	found.TxID, found.Pages = m.txid, int64(m.pages)
	pages, unmap, err := mapFile(f, int64(m.pages)*pageSize)
	if err != nil {
		return found, fmt.Errorf("mapping the database file: %w", err)
	}
	w := &walk{file: pages, path: path, pages: m.pages, seen: make([]uint64, m.pages/64+1), ctx: ctx.Err, found: &found}
	w.mark(0, 2)
	// The file may be cut off or its disk fail while it is read: that is a fault of the processor.
	err = guard(place(path), func() error { return w.root(m.root) })
	found.Free = found.Pages - w.reached
	return found, errors.Join(err, unmap())
}

// walk goes through the tree of one commit.
type walk struct {
	file    []byte // all of its pages
	path    string
	pages   uint64       // page numbers are below
	seen    []uint64     // a bit for each page that was reached
	reached int64        // their number
	ctx     func() error // asked now and then
	found   *Inventory
}

// deepest is beyond any tree of 2^48 pages: more is a damaged file leading in circles.
const deepest = 100

func (w *walk) fault(page uint64, format string, args ...any) error {
	return CorruptError{fmt.Sprintf("%s, page %d", w.path, page), fmt.Sprintf(format, args...)}
}

// mark notes pages as reached and reports whether all were new.
func (w *walk) mark(page, n uint64) bool {
	for i := page; i < page+n; i++ {
		if w.seen[i/64]>>(i%64)&1 != 0 {
			return false
		}
		w.seen[i/64] |= 1 << (i % 64)
	}
	w.reached += int64(n)
	return true
}

// read returns one page with the pages that it overflows into.
func (w *walk) read(page uint64, depth int) ([]byte, error) {
	if depth >= deepest {
		return nil, w.fault(page, "%d levels deep", depth)
	}
	if page < 2 || page >= w.pages {
		return nil, w.fault(page, "outside of the file's %d pages", w.pages)
	}
	if w.reached&1023 == 0 {
		if err := w.ctx(); err != nil {
			return nil, err
		}
	}
	b := w.file[page*pageSize:]
	overflow := uint64(binary.NativeEndian.Uint32(b[12:]))
	if id := binary.NativeEndian.Uint64(b); id != page {
		return nil, w.fault(page, "calls itself page %d", id)
	}
	if overflow >= w.pages-page {
		return nil, w.fault(page, "overflows into %d pages, beyond the end", overflow)
	}
	if !w.mark(page, 1+overflow) {
		return nil, w.fault(page, "reached twice")
	}
	return b[:(1+overflow)*pageSize], nil
}

// order sees to it that keys rise throughout one tree, and that each branch's key is a lower bound of what lies below it.
type order struct {
	last  []byte // a copy
	equal bool   // the next may be equal: last was a branch's
	any   bool
}

func (o *order) next(key []byte, branch bool) bool {
	c := bytes.Compare(o.last, key)
	if o.any && (c > 0 || c == 0 && !o.equal) {
		return false
	}
	o.last, o.equal, o.any = append(o.last[:0], key...), branch, true
	return true
}

// item is one element of a leaf.
type item struct {
	page       uint64
	key, value []byte
	bucket     bool
}

// tree calls fn with the items of the tree below a page, in order. fn may go into further trees at depth+1 and deeper.
func (w *walk) tree(page uint64, depth int, o *order, fn func(it item, depth int) error) error {
	b, err := w.read(page, depth)
	if err != nil {
		return err
	}
	return w.elements(page, b, depth, o, fn)
}

// elements does the same for a page that is at hand: read, or inline in its parent.
func (w *walk) elements(page uint64, b []byte, depth int, o *order, fn func(it item, depth int) error) error {
	flags, count := binary.NativeEndian.Uint16(b[8:]), int(binary.NativeEndian.Uint16(b[10:]))
	if flags != branchPage && flags != leafPage {
		return w.fault(page, "neither branch nor leaf (flags %#x)", flags)
	}
	if pageHead+count*elementSize > len(b) || flags == branchPage && count == 0 {
		return w.fault(page, "%d elements in %d bytes", count, len(b))
	}
	for i := range count {
		at := pageHead + i*elementSize
		if flags == branchPage {
			if err := w.branch(page, b, at, depth, o, fn); err != nil {
				return err
			}
			continue
		}
		it, err := w.leaf(page, b, at)
		if err != nil {
			return err
		}
		if !o.next(it.key, false) {
			return w.fault(page, "key %d of %d is out of order", i, count)
		}
		if err := fn(it, depth); err != nil {
			return err
		}
	}
	return nil
}

// branch follows the element at an offset of a branch page.
func (w *walk) branch(page uint64, b []byte, at, depth int, o *order, fn func(it item, depth int) error) error {
	pos, size := uint64(binary.NativeEndian.Uint32(b[at:])), uint64(binary.NativeEndian.Uint32(b[at+4:]))
	child := binary.NativeEndian.Uint64(b[at+8:])
	key, ok := part(b, uint64(at)+pos, size)
	if !ok {
		return w.fault(page, "a key lies outside of it")
	}
	if !o.next(key, true) {
		return w.fault(page, "a branch's key is out of order")
	}
	return w.tree(child, depth+1, o, fn)
}

// leaf reads the element at an offset of a leaf page.
func (w *walk) leaf(page uint64, b []byte, at int) (it item, err error) {
	u32 := func(i int) uint64 { return uint64(binary.NativeEndian.Uint32(b[at+i:])) }
	flags, from, keySize, valueSize := u32(0), uint64(at)+u32(4), u32(8), u32(12)
	key, ok := part(b, from, keySize)
	value, ok2 := part(b, from+keySize, valueSize)
	if !ok || !ok2 || flags > 1 {
		return item{}, w.fault(page, "an element lies outside of it or is of no known kind")
	}
	return item{page, key, value, flags == 1}, nil
}

func part(b []byte, from, size uint64) ([]byte, bool) {
	if from+size > uint64(len(b)) { // both below 2^33
		return nil, false
	}
	return b[from : from+size : from+size], true
}

// bucket goes into the bucket that an item is: a tree of its own, or a page inline in the item.
func (w *walk) bucket(it item, depth int, fn func(it item, depth int) error) error {
	if len(it.value) < 16 {
		return w.fault(it.page, "a bucket of %d bytes", len(it.value))
	}
	if root := binary.NativeEndian.Uint64(it.value); root != 0 {
		return w.tree(root, depth+1, &order{}, fn)
	}
	inline := it.value[16:]
	if len(inline) < pageHead || binary.NativeEndian.Uint16(inline[8:]) != leafPage {
		return w.fault(it.page, "an inline bucket of %d bytes", len(inline))
	}
	return w.elements(it.page, inline, depth, &order{}, fn)
}

// number notes the number that stands in a bucket.
func (w *walk) number(it item, noted *uint64) error {
	n, ok := decodeNumber(it.value)
	if !ok || it.bucket || !bytes.Equal(it.key, numberKey) {
		return w.fault(it.page, "%x is no number of spaces or collections", it.key)
	}
	*noted = n
	return nil
}

// root goes through the spaces.
func (w *walk) root(page uint64) error {
	var noted uint64
	err := w.tree(page, 0, &order{}, func(it item, depth int) error {
		switch {
		case it.bucket && bytes.Equal(it.key, numberBucket):
			return w.bucket(it, depth, func(it item, _ int) error { return w.number(it, &noted) })
		case it.bucket && len(it.key) == 16:
			w.found.Spaces++
			return w.space([16]byte(it.key), it, depth)
		}
		return w.fault(it.page, "%x is no space", it.key)
	})
	if err == nil && noted != uint64(w.found.Spaces) {
		return w.fault(page, "%d spaces, need %d", w.found.Spaces, noted)
	}
	return err
}

// space goes through the collections of a space, each of which is followed by its tally.
func (w *walk) space(space [16]byte, it item, depth int) error {
	var open *collection // its tally is to come
	var counted tally
	var collections, noted uint64
	err := w.bucket(it, depth, func(it item, depth int) error {
		switch {
		case it.bucket && len(it.key) == 2 && open == nil:
			open = &collection{space, binary.BigEndian.Uint16(it.key)}
			counted = tally{}
			collections++
			return w.collection(*open, &counted, it, depth)
		case !it.bucket && open != nil && bytes.Equal(it.key, open.tallyKey()):
			c := *open
			open = nil
			return w.tally(c, counted, it)
		case len(it.key) == 1 && open == nil:
			return w.number(it, &noted)
		}
		return w.fault(it.page, "space %x: %x is no collection, or has no tally", space, it.key)
	})
	w.found.Collections += int(collections)
	switch {
	case err != nil:
		return err
	case open != nil:
		return w.fault(it.page, "%v has no tally", *open)
	case collections != noted:
		return w.fault(it.page, "space %x: %d collections, need %d", space, collections, noted)
	}
	return nil
}

// tally compares what was counted with what stands beside the collection.
func (w *walk) tally(c collection, counted tally, it item) error {
	noted, ok := decodeTally(it.value)
	if !ok || noted != counted {
		return w.fault(it.page, "%v: %d records with sum %x, its tally says %d with %x", c, counted.count, counted.sum, noted.count, noted.sum)
	}
	return nil
}

// collection goes through the records.
func (w *walk) collection(c collection, t *tally, it item, depth int) error {
	return w.bucket(it, depth, func(it item, _ int) error {
		_, sum, reason := splitRecord(c, it.key, it.value)
		if reason != "" || it.bucket {
			return w.fault(it.page, "%v: %s", Address{c.space, c.number, it.key}, reason)
		}
		t.add(sum)
		w.found.Records++
		return nil
	})
}
