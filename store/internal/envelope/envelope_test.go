package envelope

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// counter is a source of "randomness" for goldens: 0, 1, 2 ...
type counter byte

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(*c)
		*c++
	}
	return len(p), nil
}

func newKey(t testing.TB, rand io.Reader) *Key {
	t.Helper()
	k, err := NewKey(rand)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var home = Place{Install: [16]byte{1}, Space: [16]byte{2}, Collection: 3, Record: []byte("record")}

// TestGoldenBox holds the format to what is on disks already, and to its documentation: the box is taken apart by hand.
func TestGoldenBox(t *testing.T) {
	k := newKey(t, new(counter)) // id 00..07, secret 08..27, nonce 28..33
	b := k.Encrypt(home, 0x0102, []byte{0xaa, 0xbb}, []byte("plain"))
	const want = "01010102000102030405060728292a2b2c2d2e2f303132330002aabb" + "b7a687a4a60f95ac7e76aa24e20573047e57f7e224"
	got := hex.EncodeToString(b.Bytes())
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(8 + i)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	aad := append([]byte("qrsd\x00\x01\x01"), home.Install[:]...)
	aad = append(aad, home.Space[:]...)
	aad = append(aad, 0, 3, 0, 0, 0, 6)
	aad = append(aad, "record\x01\x02"...)
	aad = append(aad, 0, 1, 2, 3, 4, 5, 6, 7, 0, 2, 0xaa, 0xbb)
	plain, err := gcm.Open(nil, b.Bytes()[12:24], b.Bytes()[28:], aad)
	if err != nil || string(plain) != "plain" {
		t.Errorf("by hand: %q, %v", plain, err)
	}
	if got != want {
		t.Errorf("do not change to fix a build: stores exist that hold\n%s, this gives\n%s", want, got)
	}
}

// TestBoxProperty encrypts anything for any place and gets it back there and nowhere else.
func TestBoxProperty(t *testing.T) {
	k, stranger := newKey(t, rand.Reader), newKey(t, rand.Reader)
	rapid.Check(t, func(t *rapid.T) {
		bytesOf := func(name string, limit int) []byte {
			return rapid.SliceOfN(rapid.Byte(), 0, limit).Draw(t, name)
		}
		at := Place{Collection: rapid.Uint16().Draw(t, "collection"), Record: bytesOf("record", 40)}
		copy(at.Install[:], bytesOf("install", 16))
		copy(at.Space[:], bytesOf("space", 16))
		schema, public, plain := rapid.Uint16().Draw(t, "schema"), bytesOf("public", 40), bytesOf("plain", 300)
		b, err := Parse(bytes.Clone(k.Encrypt(at, schema, public, plain).Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if b.KeyID() != k.ID() || b.Schema() != schema || !bytes.Equal(b.Public(), public) || len(b.Bytes()) != Overhead+len(public)+len(plain) {
			t.Fatalf("%v, schema %d, public %x, %d bytes", b.KeyID(), b.Schema(), b.Public(), len(b.Bytes()))
		}
		if got, err := k.Decrypt(at, b); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%x, %v", got, err)
		}
		if _, err := stranger.Decrypt(at, b); !errors.Is(err, ErrForged) {
			t.Fatalf("by another key: %v", err)
		}
		for name, other := range elsewhere(at) {
			if _, err := k.Decrypt(other, b); !errors.Is(err, ErrForged) {
				t.Fatalf("at another %s: %v", name, err)
			}
		}
	})
}

func elsewhere(p Place) map[string]Place {
	install, space, collection, longer, record := p, p, p, p, p
	install.Install[15] ^= 1
	space.Space[0] ^= 0x80
	collection.Collection++
	longer.Record = append(bytes.Clone(p.Record), 0)
	record.Record = append(bytes.Clone(p.Record[:max(0, len(p.Record)-1)]), 7, 7)
	return map[string]Place{"install": install, "space": space, "collection": collection, "record (longer)": longer, "record": record}
}

// TestEveryByte changes every bit of a box: it does not parse, or it does not decrypt.
func TestEveryByte(t *testing.T) {
	k := newKey(t, rand.Reader)
	raw := k.Encrypt(home, 1, []byte("hash"), []byte("value")).Bytes()
	for i := range raw {
		for bit := range 8 {
			bad := bytes.Clone(raw)
			bad[i] ^= 1 << bit
			b, err := Parse(bad)
			if err == nil {
				_, err = k.Decrypt(home, b)
			}
			if !errors.Is(err, ErrForged) && !errors.Is(err, ErrMalformed) {
				t.Errorf("bit %d of byte %d: %v", bit, i, err)
			}
		}
	}
	for n := range raw {
		b, err := Parse(raw[:n:n])
		if err == nil {
			_, err = k.Decrypt(home, b)
		}
		if err == nil {
			t.Errorf("%d of %d bytes decrypt", n, len(raw))
		}
	}
}

// TestErrorsTellNothing wants the place in an error and neither value nor key.
func TestErrorsTellNothing(t *testing.T) {
	k := newKey(t, rand.Reader)
	b := k.Encrypt(home, 1, nil, []byte("confidential"))
	other := home
	other.Record = []byte("sixteen bytes and some more")
	_, err := k.Decrypt(other, b)
	if err == nil || !strings.Contains(err.Error(), "collection 3") || !strings.Contains(err.Error(), hex.EncodeToString(other.Record[:16])+"...") {
		t.Errorf("%v", err)
	}
	if strings.Contains(err.Error(), hex.EncodeToString([]byte("confid"))) {
		t.Errorf("%v", err)
	}
	var none Box
	if !none.IsZero() || none.Bytes() != nil || none.Public() != nil || none.Schema() != 0 || !none.KeyID().IsZero() {
		t.Error("the zero Box is something")
	}
	if _, err := k.Decrypt(home, none); !errors.Is(err, ErrForged) {
		t.Errorf("the zero Box: %v", err)
	}
}

// TestWrapProperty wraps keys for contexts.
func TestWrapProperty(t *testing.T) {
	k, stranger := newKey(t, rand.Reader), newKey(t, rand.Reader)
	rapid.Check(t, func(t *rapid.T) {
		other, err := NewKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		context := rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "context")
		w := k.Wrap(other, context)
		if id, err := WrappedBy(w); err != nil || id != k.ID() || len(w) != WrappedSize {
			t.Fatalf("%v, %v, %d bytes", id, err, len(w))
		}
		got, err := k.Unwrap(w, context)
		if err != nil || got.ID() != other.ID() || *got.secret != *other.secret {
			t.Fatalf("unwrapped another key, %v", err)
		}
		if _, err := k.Unwrap(w, append(bytes.Clone(context), 0)); !errors.Is(err, ErrForged) {
			t.Fatalf("another context: %v", err)
		}
		if _, err := stranger.Unwrap(w, context); !errors.Is(err, ErrForged) {
			t.Fatalf("another key: %v", err)
		}
		i := rapid.IntRange(0, len(w)-1).Draw(t, "byte")
		w[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := k.Unwrap(w, context); !errors.Is(err, ErrForged) && !errors.Is(err, ErrMalformed) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	})
}

// TestGoldenWrap holds the format of wrapped keys.
func TestGoldenWrap(t *testing.T) {
	c := new(counter)
	k, other := newKey(t, c), newKey(t, c)
	const want = "01010001020304050607505152535455565758595a5b" +
		"cca7087c0a4cc8444a3c80c637c021a624a01aa40244e1b29806d1a8b24628474ce3e702b645801fc70aa5fb82b7cafd02455b327cc9af59"
	if got := hex.EncodeToString(k.Wrap(other, []byte("context"))); got != want {
		t.Errorf("do not change to fix a build: key files exist that hold\n%s, this gives\n%s", want, got)
	}
}

// TestBoxIsNoWrappedKey decrypts nothing as the other kind, even where the plain bytes would fit.
func TestBoxIsNoWrappedKey(t *testing.T) {
	k := newKey(t, rand.Reader)
	plain := make([]byte, 40)
	box := k.Encrypt(Place{}, 0, nil, plain).Bytes()
	as := append([]byte{1, 1}, box[keyIDAt:publicAt-2]...)
	as = append(as, box[publicAt:]...)
	if _, err := k.Unwrap(as, nil); !errors.Is(err, ErrForged) {
		t.Errorf("%v", err)
	}
}

// TestKeyTellsNothing prints and marshals a key and whatever holds it.
func TestKeyTellsNothing(t *testing.T) {
	k := newKey(t, new(counter))
	secret := "08090a0b0c0d0e0f"
	holder := struct {
		Key    *Key
		hidden *Key
	}{k, k}
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d", "%p"} {
		fmt.Fprintf(&b, verb+" "+verb+" "+verb+"\n", k, holder, []any{k})
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("key", "key", k, "holder", holder)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("key", "key", k, "holder", holder)
	_ = holder.hidden
	for _, s := range []string{secret, strings.ToUpper(secret), "8 9 10 11", "0x8, 0x9", string(k.secret[:8])} {
		if strings.Contains(b.String(), s) {
			t.Errorf("printed:\n%s", b.String())
		}
	}
	if _, err := json.Marshal(k); err == nil {
		t.Error("a key became JSON")
	}
	if s := fmt.Sprint(k); s != "envelope.Key(redacted)" {
		t.Errorf("prints as %s", s)
	}
}

// TestUsed counts encryptions and wrappings, and stops where random nonces do.
func TestUsed(t *testing.T) {
	k := newKey(t, rand.Reader)
	k.Encrypt(home, 1, nil, nil)
	k.Wrap(newKey(t, rand.Reader), nil)
	if k.Used() != 2 {
		t.Errorf("used %d times", k.Used())
	}
	k.CountFrom(1)
	if k.Used() != 2 {
		t.Errorf("the count went down to %d", k.Used())
	}
	k.CountFrom(limit - 1)
	k.Encrypt(home, 1, nil, nil)
	wantPanic(t, "2^32 values", func() { k.Encrypt(home, 1, nil, nil) })
}

func wantPanic(t *testing.T, text string, fn func()) {
	t.Helper()
	defer func() {
		if p := fmt.Sprint(recover()); !strings.HasPrefix(p, "envelope: ") || !strings.Contains(p, text) {
			t.Errorf("panic %q, want one of envelope with %q", p, text)
		}
	}()
	fn()
}

// TestWiped wants no zeros taken for a key.
func TestWiped(t *testing.T) {
	k, other := newKey(t, rand.Reader), newKey(t, rand.Reader)
	b := k.Encrypt(home, 1, nil, []byte("begun"))
	k.Wipe()
	if *k.secret != [SecretSize]byte{} {
		t.Error("the secret is still there")
	}
	wantPanic(t, "was wiped", func() { other.Wrap(k, nil) })
	wantPanic(t, "was wiped", func() { _ = k.Expose(func([]byte) error { return nil }) })
	if got, err := k.Decrypt(home, b); err != nil || string(got) != "begun" {
		t.Errorf("what was begun cannot be finished: %v", err)
	}
}

// TestEntropy fails with the source of randomness, before a key or a nonce is of zeros.
func TestEntropy(t *testing.T) {
	if _, err := NewKey(iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v", err)
	}
	k := newKey(t, io.LimitReader(rand.Reader, 40+6))
	wantPanic(t, "no entropy", func() { k.Encrypt(home, 1, nil, nil) })
	wantPanic(t, "65536 bytes", func() { newKey(t, rand.Reader).Encrypt(home, 1, make([]byte, 1<<16), nil) })
	wantPanic(t, "secret of 31 bytes", func() { RestoreKey(rand.Reader, KeyID{}, make([]byte, 31)) })
	wantPanic(t, "secret of 33 bytes", func() { RestoreKey(rand.Reader, KeyID{}, make([]byte, 33)) })
}

// TestNoncesDiffer encrypts the same for the same place to different boxes.
func TestNoncesDiffer(t *testing.T) {
	k := newKey(t, rand.Reader)
	seen := map[string]bool{}
	for range 1000 {
		seen[string(k.Encrypt(home, 1, nil, []byte("same")).Bytes()[nonceAt:nonceAt+nonceSize])] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d nonces for 1000 boxes", len(seen))
	}
}

// TestConcurrent shares a key between goroutines, for the race detector.
func TestConcurrent(t *testing.T) {
	k := newKey(t, rand.Reader)
	done := make(chan error)
	for range 4 {
		go func() {
			for range 200 {
				b := k.Encrypt(home, 1, nil, []byte("x"))
				if _, err := k.Decrypt(home, b); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if k.Used() != 800 {
		t.Errorf("used %d times", k.Used())
	}
}

func FuzzParse(f *testing.F) {
	k, err := NewKey(new(counter))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(k.Encrypt(home, 1, []byte("public"), []byte("plain")).Bytes())
	f.Add(make([]byte, Overhead))
	f.Add(binary.BigEndian.AppendUint16(make([]byte, publicAt-2), 0xffff))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := Parse(raw)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%v", err)
			}
			return
		}
		if len(b.Public())+Overhead > len(raw) {
			t.Errorf("public part of %d bytes in %d", len(b.Public()), len(raw))
		}
		b.Schema()
		b.KeyID()
		_, _ = k.Decrypt(home, b)
		_, _ = k.Unwrap(raw, nil)
	})
}

func BenchmarkEncrypt512(b *testing.B) {
	k, plain := newKey(b, rand.Reader), make([]byte, 512)
	b.SetBytes(512)
	b.ReportAllocs()
	for b.Loop() {
		k.Encrypt(home, 1, nil, plain)
	}
}

func BenchmarkDecrypt512(b *testing.B) {
	k := newKey(b, rand.Reader)
	box := k.Encrypt(home, 1, nil, make([]byte, 512))
	b.SetBytes(512)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Decrypt(home, box); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrap(b *testing.B) {
	k, other, context := newKey(b, rand.Reader), newKey(b, rand.Reader), make([]byte, 48)
	b.ReportAllocs()
	for b.Loop() {
		k.Wrap(other, context)
	}
}

func BenchmarkUnwrap(b *testing.B) {
	k, other, context := newKey(b, rand.Reader), newKey(b, rand.Reader), make([]byte, 48)
	w := k.Wrap(other, context)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Unwrap(w, context); err != nil {
			b.Fatal(err)
		}
	}
}
