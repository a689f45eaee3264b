package breached_test

import (
	"bytes"
	"crypto/sha1"
	"fmt"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store/directory/breached"
)

// readList imports a text as hashes or passwords.
func readList(t testing.TB, text string, plain bool) (*breached.Builder, error) {
	t.Helper()
	b, err := breached.NewBuilder(breached.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if plain {
		return b, b.AddPasswords(t.Context(), strings.NewReader(text))
	}
	return b, b.AddHashes(t.Context(), strings.NewReader(text))
}

func TestAddHashes(t *testing.T) {
	lamps := fmt.Sprintf("%X", sha1.Sum([]byte("seven marble lamps sing")))
	for name, text := range map[string]string{
		"published": lamps + ":3\r\n", "small letters": strings.ToLower(lamps) + ":3\n", "no count": lamps + "\n", "no end": lamps,
		"byte order mark": "\ufeff" + lamps + "\n", "empty lines": "\n\r\n" + lamps + "\n\n",
	} {
		b, err := readList(t, text, false)
		if err != nil || b.Lines() != 1 {
			t.Errorf("%s: %d lines, %v", name, b.Lines(), err)
			continue
		}
		if f := written(t, b); !breached.NewList(nil, f).Known("seven marble lamps sing") {
			t.Errorf("%s: not known", name)
		}
	}
	if b, err := readList(t, lamps+":0\r\n"+lamps+":000\n", false); err != nil || b.Lines() != 0 {
		t.Errorf("padding: %d lines, %v", b.Lines(), err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"NTLM":        {lamps + "\n" + lamps[:32] + ":4\n", "line 2: has 32 hexadecimal digits, which is an NTLM or MD5 hash"},
		"range":       {lamps[5:] + ":4\n", "line 1: has 35 hexadecimal digits, the rest of a hash"},
		"a password":  {"seven marble lamps sing\n", "line 1: has 23 characters before the colon"},
		"no digit":    {"Z" + lamps[1:] + "\n", "line 1: has something other than 40 hexadecimal digits"},
		"count":       {lamps + ":many\n", "line 1: has something other than a number after the colon"},
		"no count":    {lamps + ":\n", "line 1: has nothing after the colon"},
		"blank":       {lamps + " :1\n", "line 1: has 41 characters before the colon"},
		"endless":     {strings.Repeat("A", 1<<17), "line 1: is longer than 65536 bytes"},
		"UTF-16":      {"\xff\xfeA\x00B\x00", "line 1: has 6 characters"},
		"after empty": {"\n\n:5\n", "line 3: has 0 characters before the colon"},
	} {
		_, err := readList(t, c.text, false)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), "marble") || strings.Contains(err.Error(), lamps[:10])) {
			t.Errorf("%s: the error repeats the line: %v", name, err)
		}
	}
}

func TestAddPasswords(t *testing.T) {
	b, err := readList(t, "\ufeffgulf mutual holdings\r\nＳturmgebraus\r\n\r\n two  blanks ", true)
	if err != nil || b.Lines() != 3 {
		t.Fatalf("%d lines, %v", b.Lines(), err)
	}
	l := breached.NewList(nil, written(t, b))
	for password, want := range map[string]bool{
		"gulf mutual holdings": true, "Gulf Mutual Holdings": true, "Sturmgebraus": true, "Ｓturmgebraus": true, "sturmgebraus": false, " two  blanks ": true, "two  blanks": false,
	} {
		if got := l.Known(password); got != want {
			t.Errorf("%q: known %v", password, got)
		}
	}
	if _, err := readList(t, "fine\n\xff\xfe\n", true); err == nil || !strings.HasPrefix(err.Error(), "line 2: is not UTF-8") {
		t.Error(err)
	}
}

func written(t testing.TB, b *breached.Builder) *breached.Filter {
	t.Helper()
	var file bytes.Buffer
	if _, err := b.Write(t.Context(), &file, nil); err != nil {
		t.Fatal(err)
	}
	f, err := breached.New(bytes.NewReader(file.Bytes()), int64(file.Len()), "of the test")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// FuzzFilter reads any file: it is refused or answers, within its size.
func FuzzFilter(f *testing.F) {
	for _, n := range []int{1, 300} {
		hashes := make([]breached.Hash, n)
		for i := range hashes {
			hashes[i] = numbered(uint64(i))
		}
		_, file := build(f, breached.Options{Bits: 8}, hashes)
		f.Add(file, uint16(0), uint64(0))
		f.Add(file, uint16(len(file)-100), uint64(1)<<40)
	}
	f.Fuzz(func(t *testing.T, file []byte, at uint16, flip uint64) {
		file = bytes.Clone(file)
		for i := range 8 { // with the checksum of the footer mended, so that what is behind it is reached
			if n := int(at) + i; n < len(file) {
				file[n] ^= byte(flip >> (8 * i))
			}
		}
		breached.MendFooter(file)
		filter, err := breached.New(bytes.NewReader(file), int64(len(file)), "fuzzed")
		if err != nil {
			return
		}
		verified := filter.Verify(t.Context(), nil) == nil
		for i := range uint64(50) {
			if _, err := filter.Find(numbered(i)); err != nil && verified {
				t.Fatalf("verified, but %v", err)
			}
		}
	})
}

// FuzzAddHashes reads any text as a list.
func FuzzAddHashes(f *testing.F) {
	f.Add("0123456789ABCDEF0123456789ABCDEF01234567:3\r\n0123456789abcdef0123456789abcdef01234568\n")
	f.Add("\ufeff\n:\n")
	f.Fuzz(func(t *testing.T, text string) {
		b, err := readList(t, text, false)
		if lines := uint64(strings.Count(text, "\n") + 1); b.Lines() > lines {
			t.Fatalf("%d hashes of %d lines", b.Lines(), lines)
		}
		if err == nil && b.Lines() > 0 {
			written(t, b)
		}
	})
}
