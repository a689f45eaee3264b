package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/qrsrisk/qrsd/store/ledger"
)

// The world of the tests: one installation, one log, keys and salts from fixed bytes.
var (
	testInstall = [16]byte(bytes.Repeat([]byte{0x11}, 16))
	testLog     = [16]byte(bytes.Repeat([]byte{0x22}, 16))
	testOrigin  = ledger.Origin(testInstall, testLog)
	testTime    = time.Date(2026, 6, 1, 12, 0, 0, 123456789, time.UTC)
)

// signer is the key of a name made from one byte.
func signer(t testing.TB, name string, seed byte) (note.Signer, string) {
	t.Helper()
	secret := bytes.Repeat([]byte{seed}, ed25519.SeedSize)
	public := ed25519.NewKeyFromSeed(secret).Public().(ed25519.PublicKey)
	verifier, err := note.NewEd25519VerifierKey(name, public)
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.SplitN(verifier, "+", 3)
	s, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + fields[1] + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, secret...)))
	if err != nil {
		t.Fatal(err)
	}
	return s, verifier
}

func verifiers(t testing.TB, keys ...string) note.Verifiers {
	t.Helper()
	var list []note.Verifier
	for _, k := range keys {
		v, err := note.NewVerifier(k)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return note.VerifierList(list...)
}

// storedHashes keep a tree in memory.
type storedHashes []ledger.Hash

func (s storedHashes) ReadHashes(indexes []int64) ([]ledger.Hash, error) {
	out := make([]ledger.Hash, len(indexes))
	for i, x := range indexes {
		if x >= int64(len(s)) {
			return nil, fmt.Errorf("stored hash %d of %d", x, len(s))
		}
		out[i] = s[x]
	}
	return out, nil
}

// testEntries is a log of n entries with its stored hashes; each box is the plaintext behind some bytes.
type testEntries struct {
	entries []ledger.Exported
	stored  storedHashes
	tree    ledger.Tree
}

func entries(n int) *testEntries {
	l := &testEntries{}
	for i := range n {
		entry := fmt.Appendf(nil, `{"action":"portfolio.import","object":"%032x","sequence":%d}`, i*7, i)
		salt := [16]byte(sha256.New().Sum(binary.BigEndian.AppendUint64([]byte("saltsalt"), uint64(i)))[:16])
		x := ledger.Exported{Entry: entry, Salt: salt, Box: append([]byte("box:"), entry...), Header: ledger.Header{
			Log: testLog, Sequence: uint64(i), Previous: l.tree.Head(), Commitment: ledger.Commit(salt, entry)}}
		_, hashes := l.tree.Append(ledger.LeafHash(x.Header, x.Box))
		l.stored = append(l.stored, hashes...)
		l.entries = append(l.entries, x)
	}
	return l
}

// prove fills in the proofs in the tree of all entries.
func (l *testEntries) prove(t testing.TB) {
	t.Helper()
	for i := range l.entries {
		proof, err := ledger.ProveInclusion(int64(len(l.entries)), int64(i), l.stored)
		if err != nil {
			t.Fatal(err)
		}
		l.entries[i].Proof = proof
	}
}

func (l *testEntries) checkpoint() ledger.Checkpoint {
	return ledger.Checkpoint{Origin: testOrigin, Size: l.tree.Size(), Root: l.tree.Root(), Time: testTime}
}

// TestGoldenLeaf fixes what is hashed for ever. Do not change these values to fix a build: every proof that was
// ever given out would fail.
func TestGoldenLeaf(t *testing.T) {
	h := ledger.Header{Log: testLog, Sequence: 0x0102030405060708 >> 8, Previous: ledger.Hash{31: 0xAA}, Commitment: ledger.Hash{0: 0xBB}}
	header := "01" + strings.Repeat("22", 16) + "0001020304050607" + strings.Repeat("00", 31) + "aa" + "bb" + strings.Repeat("00", 31)
	if got := hex.EncodeToString(h.Canonical()); got != header {
		t.Errorf("header\n%s, want\n%s", got, header)
	}
	// The hash by the words of the documentation.
	raw, _ := hex.DecodeString("00" + header)
	if got, want := ledger.LeafHash(h, []byte("ciphertext")), sha256.Sum256(append(raw, "ciphertext"...)); got != want {
		t.Errorf("leaf %x, want %x", got, want)
	}
	const leaf = "e/vXlJCIeoHSslzMLoQ6cJWfbFbrIusxgUjDfLonHk0="
	if got := ledger.LeafHash(h, []byte("ciphertext")).String(); got != leaf {
		t.Errorf("leaf %s, want %s", got, leaf)
	}
	const commitment = "nZIW2kVlAF5TdInov237dYT/FS1cDrKFJe5LN4C97rY="
	if got := ledger.Commit([16]byte{1, 2, 3}, []byte(`{"a":1}`)).String(); got != commitment {
		t.Errorf("commitment %s, want %s", got, commitment)
	}
}

func TestParseHeader(t *testing.T) {
	h := ledger.Header{Log: testLog, Sequence: 7, Previous: ledger.Hash{1}, Commitment: ledger.Hash{2}}
	if got, err := ledger.ParseHeader(h.Canonical()); err != nil || got != h {
		t.Errorf("got %v, %v", got, err)
	}
	raw := h.Canonical()
	version := append([]byte{2}, raw[1:]...)
	first, late := h, h
	first.Sequence, late.Sequence = 0, ledger.MaxSize
	for name, c := range map[string]struct {
		raw  []byte
		want string
	}{
		"short":                {raw[:len(raw)-1], "88 bytes"},
		"long":                 {append(bytes.Clone(raw), 0), "90 bytes"},
		"empty":                {nil, "0 bytes"},
		"version":              {version, "version 2"},
		"first with before":    {first.Canonical(), "names a predecessor"},
		"sequence of no entry": {late.Canonical(), "at most"},
	} {
		if _, err := ledger.ParseHeader(c.raw); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestCommitmentBinds: salt and text both count, and the border between them.
func TestCommitmentBinds(t *testing.T) {
	base := ledger.Commit([16]byte{}, []byte("text"))
	if base == ledger.Commit([16]byte{15: 1}, []byte("text")) || base == ledger.Commit([16]byte{}, []byte("texu")) ||
		base == ledger.Commit([16]byte{}, []byte("\x00text")) {
		t.Error("two different inputs have one commitment")
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add(ledger.Header{Log: testLog, Sequence: 7}.Canonical())
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if h, err := ledger.ParseHeader(raw); err == nil && !bytes.Equal(h.Canonical(), raw) {
			t.Fatalf("%x became %x", raw, h.Canonical())
		}
	})
}

func TestChain(t *testing.T) {
	l := entries(20)
	chain := ledger.NewChain(testLog)
	for i, x := range l.entries {
		if _, err := chain.Next(x.Header, x.Box); err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
		if i == 9 { // the same from here, by the tree's own hashes
			tree, err := ledger.OpenTree(10, l.stored)
			if err != nil {
				t.Fatal(err)
			}
			chain = ledger.ResumeChain(testLog, tree)
		}
	}
	if chain.Root() != l.tree.Root() || chain.Head() != l.tree.Head() || chain.Size() != 20 {
		t.Errorf("root %s, head %s, size %d", chain.Root(), chain.Head(), chain.Size())
	}
}

// TestChainNamesTheFirstBadEntry: what a hostile disk can do to a stored entry.
func TestChainNamesTheFirstBadEntry(t *testing.T) {
	for name, c := range map[string]struct {
		do    func(*[]ledger.Exported)
		entry int64
		field string
	}{
		"box changed":        {func(x *[]ledger.Exported) { (*x)[5].Box[9] ^= 1 }, 6, "previous"},
		"commitment changed": {func(x *[]ledger.Exported) { (*x)[5].Header.Commitment[9] ^= 1 }, 6, "previous"},
		"previous changed":   {func(x *[]ledger.Exported) { (*x)[5].Header.Previous[9] ^= 1 }, 5, "previous"},
		"sequence changed":   {func(x *[]ledger.Exported) { (*x)[5].Header.Sequence++ }, 5, "sequence"},
		"other log":          {func(x *[]ledger.Exported) { (*x)[5].Header.Log[0]++ }, 5, "log"},
		"dropped":            {func(x *[]ledger.Exported) { *x = append((*x)[:5], (*x)[6:]...) }, 5, "sequence"},
		"twice":              {func(x *[]ledger.Exported) { (*x)[6] = (*x)[5] }, 6, "sequence"},
		"first names before": {func(x *[]ledger.Exported) { (*x)[0].Header.Previous[0] = 1 }, 0, "previous"},
	} {
		l := entries(9)
		c.do(&l.entries)
		chain := ledger.NewChain(testLog)
		var err error
		for _, x := range l.entries {
			if _, err = chain.Next(x.Header, x.Box); err != nil {
				break
			}
		}
		checkFault(t, name, err, 0, c.entry, c.field)
	}
}
