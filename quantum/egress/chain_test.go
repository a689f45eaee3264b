package egress_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/quantum/egress"
)

// record is an egress record of n entries.
func record(t testing.TB, n int) (lines [][]byte, end egress.Chain) {
	t.Helper()
	for i := range n {
		line, after, err := end.Next(egress.Entry{
			Time: "2026-11-22T00:00:00.000Z", Kind: egress.KindRequest, ID: egress.ID(fmt.Sprint(i)), Purpose: "CreateQuantumTask",
			Destination: "braket.us-east-1.amazonaws.com:443", Bytes: fmt.Appendf(nil, "POST /quantum-task HTTP/1.1\r\n\r\n{\"n\":%d}", i),
		})
		if err != nil {
			t.Fatal(err)
		}
		lines, end = append(lines, line), after
	}
	return lines, end
}

func TestVerify(t *testing.T) {
	lines, end := record(t, 5)
	var ids []string
	chain, err := egress.Verify(bytes.NewReader(bytes.Join(lines, nil)), func(e egress.Entry) error {
		ids = append(ids, string(e.ID))
		return nil
	})
	if err != nil || chain != end || strings.Join(ids, "") != "01234" || end.Number != 5 {
		t.Fatalf("got %v, %v, entries %v, want %v", chain, err, ids, end)
	}
	if chain, err := egress.Verify(strings.NewReader(""), nil); err != nil || chain.Head() != strings.Repeat("0", 64) {
		t.Fatalf("the empty record: %v, %v", chain, err)
	}
}

// TestVerifyNamesTheFirstBadLine damages a record in every way that a hand or a disk can.
func TestVerifyNamesTheFirstBadLine(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(lines [][]byte) [][]byte
		line   int
		want   string
	}{
		"digit changed": {func(l [][]byte) [][]byte { l[2] = bytes.Replace(l[2], []byte("22T00"), []byte("22T01"), 1); return l }, 3, "was changed"},
		"bytes changed": {func(l [][]byte) [][]byte {
			l[1] = bytes.Replace(l[1], []byte(`"bytes":"UE`), []byte(`"bytes":"UF`), 1)
			return l
		}, 2, "was changed"},
		"line removed":    {func(l [][]byte) [][]byte { return slices.Delete(l, 1, 2) }, 2, "a line is missing"},
		"first removed":   {func(l [][]byte) [][]byte { return l[1:] }, 1, "a line is missing"},
		"lines exchanged": {func(l [][]byte) [][]byte { l[1], l[2] = l[2], l[1]; return l }, 2, "out of place"},
		"line doubled":    {func(l [][]byte) [][]byte { return slices.Insert(l, 3, l[2]) }, 4, "out of place"},
		"last cut":        {func(l [][]byte) [][]byte { l[4] = l[4][:20]; return l }, 5, "a write was interrupted"},
		"line end cut":    {func(l [][]byte) [][]byte { l[4] = bytes.TrimSuffix(l[4], []byte("\n")); return l }, 5, "a write was interrupted"},
		"space added":     {func(l [][]byte) [][]byte { l[0] = bytes.Replace(l[0], []byte(`,`), []byte(`, `), 1); return l }, 1, "was changed"},
		"member added":    {func(l [][]byte) [][]byte { l[0] = bytes.Replace(l[0], []byte(`{`), []byte(`{"a":1,`), 1); return l }, 1, "no entry"},
		"empty line":      {func(l [][]byte) [][]byte { return slices.Insert(l, 2, []byte("\n")) }, 3, "no entry"},
		"two on a line": {func(l [][]byte) [][]byte {
			l[0] = append(bytes.TrimSuffix(l[0], []byte("\n")), l[1]...)
			return slices.Delete(l, 1, 2)
		}, 1, "was changed"},
		"made anew in the middle": {func(l [][]byte) [][]byte {
			other, _, _ := egress.Chain{}.Next(egress.Entry{Kind: egress.KindRequest})
			l[0] = other
			return l
		}, 2, "not the hash of the line before"},
	} {
		t.Run(name, func(t *testing.T) {
			lines, _ := record(t, 5)
			chain, err := egress.Verify(bytes.NewReader(bytes.Join(c.damage(lines), nil)), nil)
			var broken *egress.BrokenError
			if !errors.As(err, &broken) || broken.Line != c.line || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want line %d and %q", err, c.line, c.want)
			}
			if int(chain.Number) != c.line-1 || broken.Incomplete != strings.Contains(name, "cut") {
				t.Fatalf("the good part ends at %d; incomplete: %v", chain.Number, broken.Incomplete)
			}
		})
	}
}

// TestHashIsSaidRight recomputes a hash from the documented rule with other means.
func TestHashIsSaidRight(t *testing.T) {
	lines, _ := record(t, 1)
	at := bytes.Index(lines[0], []byte(`"hash":"`))
	hash := string(lines[0][at+8 : at+8+64])
	without := slices.Concat(lines[0][:at], lines[0][at+8+64+2:])
	digest := sha256.Sum256(bytes.TrimSuffix(without, []byte("\n")))
	if got := hex.EncodeToString(digest[:]); got != hash {
		t.Fatalf("%s\nhash %s, recomputed %s", lines[0], hash, got)
	}
}
