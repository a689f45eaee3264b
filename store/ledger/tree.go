package ledger

import (
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// HashReader reads stored hashes by their storage index (see StoredIndex); it returns as many
// as asked for, or an error. The indexes of a call are mostly increasing.
type HashReader = tlog.HashReader

// HashReaderFunc is a function as a HashReader.
type HashReaderFunc = tlog.HashReaderFunc

// StoredIndex is where the hash of node n at a level (0: leaves) is stored. All levels share one dense
// numbering from 0, in which a node follows the last leaf below it, so that storage only grows.
func StoredIndex(level int, n int64) int64 { return tlog.StoredHashIndex(level, n) }

// StoredCount is how many hashes are stored for a tree of size leaves.
func StoredCount(size int64) int64 { return tlog.StoredHashCount(size) }

// StoredHashes are the hashes to store for the leaf at index, from storage index StoredIndex(0, index) on: the
// leaf and each subtree that it completes, 1 + log2(index) at most and two on average. It reads
// up to log2(index) earlier ones. Many appends in a row are cheaper with a Tree.
func StoredHashes(index int64, leaf Hash, r HashReader) ([]Hash, error) {
	if index < 0 || index >= MaxSize {
		return nil, fmt.Errorf("storing leaf %d: a log has at most %d entries", index, int64(MaxSize))
	}
	hashes, err := tlog.StoredHashesForRecordHash(index, leaf, r)
	if err != nil {
		return nil, fmt.Errorf("storing leaf %d: %w", index, err)
	}
	return hashes, nil
}

// Root is the hash of the tree of the first size leaves (RFC 6962 §2.1: Merkle Tree Hash), by one read of
// at most 1 + log2(size) hashes. The root of the empty tree is the SHA-256 of nothing.
func Root(size int64, r HashReader) (Hash, error) {
	if err := checkSize(size); err != nil {
		return Hash{}, err
	}
	root, err := tlog.TreeHash(size, r)
	if err != nil {
		return Hash{}, fmt.Errorf("root of %d leaves: %w", size, err)
	}
	return root, nil
}

func checkSize(size int64) error {
	// The library's arithmetic does not end for sizes above 2^62: hostile sizes stop here.
	if size < 0 || size > MaxSize {
		return fmt.Errorf("tree of %d leaves: a size is between 0 and %d", size, int64(MaxSize))
	}
	return nil
}

// Tree is the right edge of a growing tree: the roots of the perfect subtrees that make it up, which is
// all that appending needs. It takes any number of leaves without reading stored hashes. The zero
// Tree is empty. Not for concurrent use; Clone makes a copy to go back to.
type Tree struct {
	size int64
	// edge are the roots of the perfect subtrees from left to right, one for each bit of size.
	edge []Hash
	head Hash
}

// OpenTree is the tree of the first size leaves, by one read of at most 2 + log2(size) stored hashes.
func OpenTree(size int64, r HashReader) (*Tree, error) {
	if err := checkSize(size); err != nil {
		return nil, err
	}
	t := &Tree{size: size}
	if size == 0 {
		return t, nil
	}
	var indexes []int64
	for low, rest := int64(0), size; rest > 0; {
		level := bits.Len64(uint64(rest)) - 1
		indexes = append(indexes, StoredIndex(level, low>>level))
		low += 1 << level
		rest -= 1 << level
	}
	indexes = append(indexes, StoredIndex(0, size-1))
	hashes, err := r.ReadHashes(indexes)
	if err != nil {
		return nil, fmt.Errorf("opening the tree of %d leaves: %w", size, err)
	}
	if len(hashes) != len(indexes) {
		return nil, fmt.Errorf("opening the tree of %d leaves: %d hashes were asked for, %d read", size, len(indexes), len(hashes))
	}
	t.edge, t.head = hashes[:len(hashes)-1:len(hashes)-1], hashes[len(hashes)-1]
	return t, nil
}

// Append adds a leaf. The hashes are to be stored from storage index first on. It panics beyond MaxSize.
func (t *Tree) Append(leaf Hash) (first int64, hashes []Hash) {
	if t.size >= MaxSize {
		panic("ledger: append to a full tree")
	}
	first = StoredIndex(0, t.size)
	completed := bits.TrailingZeros64(uint64(t.size + 1))
	hashes = make([]Hash, 1, 1+completed)
	hashes[0] = leaf
	t.add(leaf, func(node Hash) { hashes = append(hashes, node) })
	return first, hashes
}

// add appends a leaf and reports each node above it that became complete.
func (t *Tree) add(leaf Hash, completed func(Hash)) {
	node := leaf
	for n := t.size; n&1 == 1; n >>= 1 {
		node = tlog.NodeHash(t.edge[len(t.edge)-1], node)
		t.edge = t.edge[:len(t.edge)-1]
		if completed != nil {
			completed(node)
		}
	}
	t.edge = append(t.edge, node)
	t.size++
	t.head = leaf
}

// Size is the number of leaves.
func (t *Tree) Size() int64 { return t.size }

// Head is the last leaf: what the next entry's Header.Previous must be. Zero when empty.
func (t *Tree) Head() Hash { return t.head }

// Root is the hash of the whole tree, the same as the function Root.
func (t *Tree) Root() Hash {
	if t.size == 0 {
		return emptyRoot()
	}
	root := t.edge[len(t.edge)-1]
	for i := len(t.edge) - 2; i >= 0; i-- {
		root = tlog.NodeHash(t.edge[i], root)
	}
	return root
}

// Clone is an independent copy.
func (t *Tree) Clone() *Tree {
	return &Tree{size: t.size, edge: append([]Hash(nil), t.edge...), head: t.head}
}

func emptyRoot() Hash {
	root, err := tlog.TreeHash(0, nil)
	if err != nil {
		panic("ledger: " + err.Error())
	}
	return root
}

// ErrNotVerified marks every error that says that evidence is malformed, incomplete or does not hold. Errors of
// reading it are not marked.
var ErrNotVerified = errors.New("not verified")

// ProveInclusion is the proof that the leaf at index is in the tree of the first size leaves (RFC 6962
// §2.1.1: Merkle audit path, from the leaf upwards), by one read of at most log2(size) + 1 hashes.
func ProveInclusion(size, index int64, r HashReader) ([]Hash, error) {
	if err := checkSize(size); err != nil {
		return nil, err
	}
	if index < 0 || index >= size {
		return nil, fmt.Errorf("proving entry %d: the tree has %d leaves, numbered from 0", index, size)
	}
	proof, err := tlog.ProveRecord(size, index, r)
	if err != nil {
		return nil, fmt.Errorf("proving entry %d of %d: %w", index, size, err)
	}
	return proof, nil
}

// CheckInclusion verifies a proof by ProveInclusion. Errors are ErrNotVerified.
func CheckInclusion(proof []Hash, size int64, root Hash, index int64, leaf Hash) error {
	if err := checkSize(size); err != nil {
		return fmt.Errorf("%w: %w", ErrNotVerified, err)
	}
	if index < 0 || index >= size {
		return fmt.Errorf("%w: entry %d is not among the %d of the tree", ErrNotVerified, index, size)
	}
	if err := tlog.CheckRecord(proof, size, root, index, leaf); err != nil {
		return fmt.Errorf("%w: entry %d is not in the tree of %d leaves with root %s", ErrNotVerified, index, size, root)
	}
	return nil
}

// ProveConsistency is the proof that the tree of the first size leaves begins with that of the first earlier
// leaves (RFC 6962 §2.1.2), by one read. For an earlier size of 0 it is empty.
func ProveConsistency(size, earlier int64, r HashReader) ([]Hash, error) {
	if err := checkSizes(size, earlier); err != nil {
		return nil, err
	}
	if earlier == 0 {
		return nil, nil
	}
	proof, err := tlog.ProveTree(size, earlier, r)
	if err != nil {
		return nil, fmt.Errorf("proving that %d leaves begin with %d: %w", size, earlier, err)
	}
	return proof, nil
}

// CheckConsistency verifies a proof by ProveConsistency: that nothing of the earlier tree was changed or
// taken away. Errors are ErrNotVerified. The empty tree is the beginning of every tree.
func CheckConsistency(proof []Hash, size int64, root Hash, earlier int64, earlierRoot Hash) error {
	if err := checkSizes(size, earlier); err != nil {
		return fmt.Errorf("%w: %w", ErrNotVerified, err)
	}
	var holds bool
	if earlier == 0 {
		holds = len(proof) == 0 && earlierRoot == emptyRoot() && (size > 0 || root == emptyRoot())
	} else {
		holds = tlog.CheckTree(proof, size, root, earlier, earlierRoot) == nil
	}
	if !holds {
		return fmt.Errorf("%w: the tree of %d leaves with root %s does not begin with that of %d leaves with root %s",
			ErrNotVerified, size, root, earlier, earlierRoot)
	}
	return nil
}

func checkSizes(size, earlier int64) error {
	if err := checkSize(size); err != nil {
		return err
	}
	if earlier < 0 || earlier > size {
		return fmt.Errorf("earlier tree of %d leaves: it has between 0 and %d", earlier, size)
	}
	return nil
}
