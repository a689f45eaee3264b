package keyring

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

var updateGolden = flag.Bool("update-golden", false, "write testdata/golden2.* again: only for a new format")

// golden is what the key file in testdata must still do.
type golden struct {
	Passphrase, Recovery string
	Box, Index, Note     string // hex, hex, text
	Space                [16]byte
	SealKey, Seal        string `json:",omitempty"` // hex: digest of the public keys, signature of a digest; from format 2 on
}

// TestGolden opens a key file that an earlier build wrote, in every way that it can be unlocked, and uses what is in it.
func TestGolden(t *testing.T) {
	if *updateGolden {
		writeGolden(t)
	}
	for _, name := range []string{"golden1", "golden2"} {
		t.Run(name, func(t *testing.T) { openGolden(t, "testdata/"+name) })
	}
}

func openGolden(t *testing.T, file string) {
	t.Helper()
	dir := t.TempDir()
	path, key := filepath.Join(dir, "keys.qrk"), filepath.Join(dir, "key")
	data := must[[]byte](t)(os.ReadFile(file + ".qrk"))
	var g golden
	if err := json.Unmarshal(must[[]byte](t)(os.ReadFile(file+".json")), &g); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{path: data, key: must[[]byte](t)(os.ReadFile(file + ".key"))} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := decode(data)
	if err != nil {
		t.Fatalf("do not change to fix a build: key files of this format exist: %v", err)
	}
	if !bytes.Equal(s.body(), data[:len(data)-trailer]) {
		t.Error("written again, it has other bytes")
	}
	recovery, err := Recovery(g.Recovery)
	if err != nil {
		t.Fatal(err)
	}
	for name, u := range map[string]Unlocker{"key file": KeyFile(key), "passphrase": Passphrase([]byte(g.Passphrase)), "recovery": recovery} {
		r := must[*Ring](t)(Open(path, Options{}))
		if err := r.Unlock(ctx, u); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkGolden(t, r, g)
		r.Lock()
	}
}

func checkGolden(t *testing.T, r *Ring, g golden) {
	t.Helper()
	o := Owner{Data, g.Space}
	box := must[envelope.Box](t)(envelope.Parse(must[[]byte](t)(hex.DecodeString(g.Box))))
	wantText(t, r, o, box, "golden")
	if sum := must[*Index](t)(r.Index(o, "email")).Sum("ann@example.com"); hex.EncodeToString(sum[:]) != g.Index {
		t.Errorf("index entry %x, want %s", sum, g.Index)
	}
	known := note.VerifierList(must[[]note.Verifier](t)(r.Verifiers(CheckpointSeries, "example.com/log"))...)
	if _, err := note.Open([]byte(g.Note), known); err != nil {
		t.Error(err)
	}
	if keys, signature := sealGolden(t, r); keys != g.SealKey || signature != g.Seal {
		t.Errorf("seal keys %s sign %s, want %s and %s", keys, signature, g.SealKey, g.Seal)
	}
	if e := r.Erased(); len(e) != 1 || e[0].Owner != (Owner{Data, [16]byte{0xee}}) {
		t.Errorf("erased: %+v", e)
	}
	if s := r.Owners(); len(s) != 2 || s[0].Version != 2 || len(s[0].Retired) != 1 || !s[0].Created.Equal(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", s)
	}
}

// sealGolden is the digest of the public seal keys and a signature by the current one; "" where there is none.
func sealGolden(t *testing.T, r *Ring) (keys, signature string) {
	t.Helper()
	s, err := r.SealSigner()
	if errors.Is(err, ErrNoSealKey) {
		return "", ""
	} else if err != nil {
		t.Fatal(err)
	}
	all := sha256.New()
	for _, k := range r.SealKeys() {
		all.Write(must[[]byte](t)(k.Key.Bytes()))
	}
	digest := sha256.Sum256([]byte("golden"))
	return hex.EncodeToString(all.Sum(nil)), hex.EncodeToString(must[[]byte](t)(s.Sign(ctx, digest[:])))
}

func writeGolden(t *testing.T) {
	t.Helper()
	f, r, code := newFixture(t)
	o := owner(Data, 7)
	g := golden{Passphrase: "golden passphrase of a test", Recovery: code.Reveal(), Space: o.Space}
	must[[]Event](t)(r.AddSlot(ctx, Passphrase([]byte(g.Passphrase))))
	add(t, r, o, 1, 2, PurposeIndex)
	add(t, r, owner(Audit, 7), 1)
	add(t, r, owner(Data, 0xee), 1)
	g.Box = hex.EncodeToString(encrypt(t, r, o, 1, "golden").Bytes())
	sum := must[*Index](t)(r.Index(o, "email")).Sum("ann@example.com")
	g.Index = hex.EncodeToString(sum[:])
	g.Note = string(must[[]byte](t)(note.Sign(&note.Note{Text: "golden\n"}, must[note.Signer](t)(r.Signer(CheckpointSeries, "example.com/log")))))
	retired := encrypt(t, r, o, 2, "").KeyID()
	must[[]Event](t)(r.AddSigner(ctx, CheckpointSeries))
	must[[]Event](t)(r.AddSealKey(ctx))
	must[[]Event](t)(r.Rotate(ctx, []Owner{o}))
	must[[]Event](t)(r.Retire(ctx, o, []envelope.KeyID{retired}))
	must[[]Event](t)(r.Erase(ctx, []Owner{owner(Data, 0xee)}))
	g.SealKey, g.Seal = sealGolden(t, r)
	r.Lock()
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"qrk": must[[]byte](t)(os.ReadFile(f.path)), "key": must[[]byte](t)(os.ReadFile(filepath.Join(filepath.Dir(f.dir), "unlock.key"))),
		"json": must[[]byte](t)(json.MarshalIndent(g, "", "\t")),
	} {
		if err := os.WriteFile("testdata/golden2."+name, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// small is a key file of one owner, its unlocker and its root.
func small(t testing.TB) ([]byte, *fixture, *root) {
	t.Helper()
	f, r, _ := newFixture(t)
	add(t, r, owner(Data, 1), 1)
	must[[]Event](t)(r.Erase(ctx, []Owner{owner(Data, 1)}))
	add(t, r, owner(Data, 2), 1)
	return must[[]byte](t)(os.ReadFile(f.path)), f, r.root
}

// TestEveryByteLocked flips bits of every byte: Open finds it without any key, and says so.
func TestEveryByteLocked(t *testing.T) {
	data, f, _ := small(t)
	for i := range data {
		for _, mask := range []byte{1, 0x80, 0xff} {
			data[i] ^= mask
			if _, err := decode(data); !errors.Is(err, ErrDamaged) {
				t.Errorf("byte %d: %v", i, err)
			}
			data[i] ^= mask
		}
	}
	for n := range len(data) {
		if _, err := decode(data[:n]); !errors.Is(err, ErrDamaged) {
			t.Errorf("%d of %d bytes: %v", n, len(data), err)
		}
	}
	data[len(data)/2] ^= 4
	if err := os.WriteFile(f.path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(f.path, Options{})
	wantError(t, err, ErrDamaged)
	if !strings.Contains(err.Error(), f.path) {
		t.Errorf("the error does not name the file: %v", err)
	}
}

// TestEveryByteUnlocked flips every byte and mends the checksum, as somebody would who can write the file but has no key.
func TestEveryByteUnlocked(t *testing.T) {
	data, f, _ := small(t)
	end := len(data) - sha256.Size
	for i := range end {
		data[i] ^= 1
		mended(data)
		err := unlockBytes(f, data)
		if !errors.Is(err, ErrTampered) && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrWrongKey) && !errors.Is(err, ErrNoSlot) {
			t.Errorf("byte %d: %v", i, err)
		}
		data[i] ^= 1
	}
	mended(data)
	if err := unlockBytes(f, data); err != nil {
		t.Errorf("untouched: %v", err)
	}
}

func mended(data []byte) {
	end := len(data) - sha256.Size
	sum := sha256.Sum256(data[:end])
	copy(data[end:], sum[:])
}

// unlockBytes is what Unlock does with a file's bytes.
func unlockBytes(f *fixture, data []byte) error {
	s, err := decode(data)
	if err != nil {
		return err
	}
	r, err := s.openSlot(ctx, rand.Reader, f.unlock)
	if err != nil {
		return err
	}
	return verify(data, r)
}

// TestHostileArgon refuses parameters that would take the host's memory or time, before using them.
func TestHostileArgon(t *testing.T) {
	data, _, root := small(t)
	for name, spoil := range map[string]func(*argonParameters){
		"memory":  func(a *argonParameters) { a.Memory = 1<<32 - 1 },
		"time":    func(a *argonParameters) { a.Time = 1 << 30 },
		"threads": func(a *argonParameters) { a.Threads = 255 },
		"no time": func(a *argonParameters) { a.Time = 0 },
		"none":    func(a *argonParameters) { a.Threads = 0 },
		"weak":    func(a *argonParameters) { a.Memory = 8 },
	} {
		s := must[*state](t)(decode(data))
		spoil(&s.slots[0].argon)
		_, err := decode(must[[]byte](t)(s.encode(root)))
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "Argon2id parameters out of bounds") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDecodeRefuses has files that are well formed in all but one thing, with MAC and checksum right.
func TestDecodeRefuses(t *testing.T) {
	data, _, root := small(t)
	for name, spoil := range map[string]func(*state){
		"too many slots":       func(s *state) { s.slots = append(s.slots, make([]slot, maxSlots)...) },
		"unknown KEM":          func(s *state) { s.slots[0].kem = 0x10 },
		"call with public":     func(s *state) { s.slots[0].kem = 0; s.slots[0].argon = argonParameters{} },
		"long method":          func(s *state) { s.slots[0].method = strings.Repeat("x", maxText+1) },
		"owner twice":          func(s *state) { s.owners = append(s.owners, s.owners[0]) },
		"no such hierarchy":    func(s *state) { s.owners[0].owner.Hierarchy = 3 },
		"data key twice":       func(s *state) { s.owners[0].keys = append(s.owners[0].keys, s.owners[0].keys[0]) },
		"erasure twice":        func(s *state) { s.erased = append(s.erased, s.erased[0]) },
		"checkpoint key twice": func(s *state) { s.signers = append(s.signers, s.signers[0]) },
		"time":                 func(s *state) { s.rootCreated = -1 },
	} {
		s := must[*state](t)(decode(data))
		spoil(s)
		if _, err := decode(must[[]byte](t)(s.encode(root))); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	data, _, root := small(f)
	body := data[:len(data)-trailer]
	f.Add(body)
	f.Add(body[:60])
	f.Add([]byte{})
	for _, name := range []string{"testdata/golden1.qrk", "testdata/golden2.qrk"} {
		golden, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(golden[:len(golden)-trailer])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		mac := root.authenticate(body)
		data := append(bytes.Clone(body), mac[:]...)
		sum := sha256.Sum256(data)
		data = append(data, sum[:]...)
		s, err := decode(data)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%v", err)
			}
			return
		}
		if !bytes.Equal(s.body(), body) {
			t.Error("read and written again, it has other bytes")
		}
	})
}
