package ledger_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	merkle "github.com/transparency-dev/merkle/testonly"
	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/store/ledger"
)

// grow is a tree of n made-up leaves with its stored hashes.
func grow(n int) (*ledger.Tree, storedHashes) {
	var tree ledger.Tree
	var stored storedHashes
	for i := range n {
		_, hashes := tree.Append(leafOf(i))
		stored = append(stored, hashes...)
	}
	return &tree, stored
}

func leafOf(i int) ledger.Hash { return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i))) }

func bytesOf(hashes []ledger.Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i, h := range hashes {
		out[i] = h[:]
	}
	return out
}

// TestAgainstASecondImplementation compares roots and all proofs of all sizes up to 70 with transparency-dev/merkle.
func TestAgainstASecondImplementation(t *testing.T) {
	const most = 70
	theirs := merkle.New(rfc6962.DefaultHasher)
	_, stored := grow(most)
	for i := range most {
		leaf := leafOf(i)
		theirs.Append(leaf[:])
	}
	for size := int64(0); size <= most; size++ {
		root, err := ledger.Root(size, stored)
		if err != nil || string(root[:]) != string(theirs.HashAt(uint64(size))) {
			t.Fatalf("root of %d: %x, %v", size, root, err)
		}
		for i := range size {
			p, err := ledger.ProveInclusion(size, i, stored)
			if err != nil {
				t.Fatal(err)
			}
			want, err := theirs.InclusionProof(uint64(i), uint64(size))
			if err != nil || !slices.EqualFunc(bytesOf(p), want, func(a, b []byte) bool { return string(a) == string(b) }) {
				t.Fatalf("inclusion of %d in %d: %x, want %x, %v", i, size, p, want, err)
			}
			leaf := leafOf(int(i))
			if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(i), uint64(size), leaf[:], bytesOf(p), root[:]); err != nil {
				t.Fatal(err)
			}
			if err := ledger.CheckInclusion(p, size, root, i, leaf); err != nil {
				t.Fatal(err)
			}
		}
		for earlier := range size + 1 {
			checkConsistency(t, theirs, stored, size, earlier)
		}
	}
}

func checkConsistency(t *testing.T, theirs *merkle.Tree, stored storedHashes, size, earlier int64) {
	t.Helper()
	p, err := ledger.ProveConsistency(size, earlier, stored)
	if err != nil {
		t.Fatal(err)
	}
	root, _ := ledger.Root(size, stored)
	old, _ := ledger.Root(earlier, stored)
	if err := ledger.CheckConsistency(p, size, root, earlier, old); err != nil {
		t.Fatal(err)
	}
	if earlier > 0 {
		if err := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(earlier), uint64(size), bytesOf(p), old[:], root[:]); err != nil {
			t.Fatalf("%d in %d: %v", earlier, size, err)
		}
		want, err := theirs.ConsistencyProof(uint64(earlier), uint64(size))
		if err != nil || len(want) != len(p) {
			t.Fatalf("%d in %d: %d hashes, want %d, %v", earlier, size, len(p), len(want), err)
		}
	}
	old[3] ^= 1
	if err := ledger.CheckConsistency(p, size, root, earlier, old); !errors.Is(err, ledger.ErrNotVerified) {
		t.Fatalf("another root of %d passes as the beginning of %d: %v", earlier, size, err)
	}
}

// TestTreeAgainstStoredHashes: the edge alone makes the same nodes, roots and heads as reading them back, wherever it is
// reopened.
func TestTreeAgainstStoredHashes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, 300).Draw(t, "size")
		more := rapid.IntRange(0, 50).Draw(t, "more")
		_, stored := grow(size)
		tree, err := ledger.OpenTree(int64(size), stored)
		if err != nil {
			t.Fatal(err)
		}
		kept := tree.Clone()
		for i := size; i < size+more; i++ {
			want, err := ledger.StoredHashes(int64(i), leafOf(i), stored)
			if err != nil {
				t.Fatal(err)
			}
			first, hashes := tree.Append(leafOf(i))
			if !slices.Equal(hashes, want) || first != int64(len(stored)) || first != ledger.StoredIndex(0, int64(i)) {
				t.Fatalf("leaf %d: %v at %d, want %v at %d", i, hashes, first, want, len(stored))
			}
			stored = append(stored, hashes...)
			if root, err := ledger.Root(int64(i+1), stored); err != nil || root != tree.Root() || tree.Head() != leafOf(i) {
				t.Fatalf("size %d: root %v, want %v, %v", i+1, tree.Root(), root, err)
			}
		}
		if int64(len(stored)) != ledger.StoredCount(int64(size+more)) {
			t.Fatalf("%d hashes stored for %d leaves", len(stored), size+more)
		}
		if root, _ := ledger.Root(int64(size), stored); kept.Root() != root || kept.Size() != int64(size) {
			t.Fatal("the clone moved with the tree")
		}
	})
}

// TestSpoiltProofs: a proof with any one thing changed convinces nobody.
func TestSpoiltProofs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(2, 200).Draw(t, "size")
		index := rapid.Int64Range(0, size-1).Draw(t, "index")
		tree, stored := grow(int(size))
		root, leaf := tree.Root(), leafOf(int(index))
		p, err := ledger.ProveInclusion(size, index, stored)
		if err != nil {
			t.Fatal(err)
		}
		switch rapid.IntRange(0, 5).Draw(t, "spoil") {
		case 0:
			p[rapid.IntRange(0, len(p)-1).Draw(t, "hash")][rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1
		case 1:
			p = p[:len(p)-1]
		case 2:
			p = append(p, ledger.Hash{})
		case 3:
			index = (index + 1) % size
		case 4:
			leaf[0] ^= 1
		case 5:
			root[0] ^= 1
		}
		if err := ledger.CheckInclusion(p, size, root, index, leaf); !errors.Is(err, ledger.ErrNotVerified) {
			t.Fatalf("passes: %v", err)
		}
	})
}

// TestHostileSizes: numbers from a file end in an error, soon.
func TestHostileSizes(t *testing.T) {
	_, stored := grow(3)
	for _, size := range []int64{-1, ledger.MaxSize + 1, 1<<62 + 1, 1<<63 - 1} {
		for name, err := range map[string]error{
			"Root":             second(ledger.Root(size, stored)),
			"OpenTree":         second(ledger.OpenTree(size, stored)),
			"ProveInclusion":   second(ledger.ProveInclusion(size, 0, stored)),
			"ProveConsistency": second(ledger.ProveConsistency(size, 1, stored)),
			"earlier":          second(ledger.ProveConsistency(3, size, stored)),
			"StoredHashes":     second(ledger.StoredHashes(size, ledger.Hash{}, stored)),
			"CheckInclusion":   ledger.CheckInclusion(nil, size, ledger.Hash{}, 0, ledger.Hash{}),
			"CheckConsistency": ledger.CheckConsistency(nil, size, ledger.Hash{}, 1, ledger.Hash{}),
		} {
			if err == nil {
				t.Errorf("%s takes the size %d", name, size)
			}
		}
	}
	for _, index := range []int64{-1, 3, 1 << 40} {
		if _, err := ledger.ProveInclusion(3, index, stored); err == nil {
			t.Errorf("entry %d of 3 is proven", index)
		}
		if ledger.CheckInclusion(nil, 3, ledger.Hash{}, index, ledger.Hash{}) == nil {
			t.Errorf("entry %d of 3 is verified", index)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestReadErrors: what storage reports comes through, and answers of the wrong length are refused.
func TestReadErrors(t *testing.T) {
	broken := errors.New("disk on fire")
	failing := ledger.HashReaderFunc(func([]int64) ([]ledger.Hash, error) { return nil, broken })
	short := ledger.HashReaderFunc(func([]int64) ([]ledger.Hash, error) { return nil, nil })
	for name, do := range map[string]func(ledger.HashReader) error{
		"Root":             func(r ledger.HashReader) error { return second(ledger.Root(5, r)) },
		"OpenTree":         func(r ledger.HashReader) error { return second(ledger.OpenTree(5, r)) },
		"ProveInclusion":   func(r ledger.HashReader) error { return second(ledger.ProveInclusion(5, 2, r)) },
		"ProveConsistency": func(r ledger.HashReader) error { return second(ledger.ProveConsistency(5, 2, r)) },
		"StoredHashes":     func(r ledger.HashReader) error { return second(ledger.StoredHashes(5, ledger.Hash{}, r)) },
	} {
		if err := do(failing); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
		if do(short) == nil {
			t.Errorf("%s takes fewer hashes than it asked for", name)
		}
	}
}

// The goals are 50 microseconds a proof at 100,000 leaves.
func BenchmarkProofs(b *testing.B) {
	const size = 100_000
	tree, stored := grow(size)
	root := tree.Root()
	earlierRoot, err := ledger.Root(size/3, stored)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("root", func(b *testing.B) {
		for b.Loop() {
			if _, err := ledger.Root(size, stored); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("inclusion", func(b *testing.B) {
		for i := int64(0); b.Loop(); i = (i + 7919) % size {
			p, err := ledger.ProveInclusion(size, i, stored)
			if err == nil {
				err = ledger.CheckInclusion(p, size, root, i, leafOf(int(i)))
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("consistency", func(b *testing.B) {
		for b.Loop() {
			p, err := ledger.ProveConsistency(size, size/3, stored)
			if err == nil {
				err = ledger.CheckConsistency(p, size, root, size/3, earlierRoot)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkAppend: header, leaf and tree of an entry with a box of 600 bytes.
func BenchmarkAppend(b *testing.B) {
	var tree ledger.Tree
	box := make([]byte, 600)
	for b.Loop() {
		h := ledger.Header{Log: testLog, Sequence: uint64(tree.Size()), Previous: tree.Head()}
		tree.Append(ledger.LeafHash(h, box))
	}
}

func ExampleTree() {
	var tree ledger.Tree
	var stored storedHashes // in a store: one record per storage index
	for _, box := range []string{"one", "two", "three"} {
		h := ledger.Header{Log: testLog, Sequence: uint64(tree.Size()), Previous: tree.Head()}
		_, hashes := tree.Append(ledger.LeafHash(h, []byte(box)))
		stored = append(stored, hashes...)
	}
	p, _ := ledger.ProveInclusion(tree.Size(), 0, stored)
	fmt.Println(len(p), "hashes prove the first of", tree.Size())
	// Output: 2 hashes prove the first of 3
}
