package foreign_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/qrsrisk/qrsd/store/internal/foreign"
)

// FuzzLine wants one short line that can be shown, whatever was said.
func FuzzLine(f *testing.F) {
	for _, said := range []string{"", "550 5.1.1 no such mailbox", "421\r\n421-again\x1b[2J", strings.Repeat("é", 300), "\xff\xfe\u202e"} {
		f.Add(said)
	}
	f.Fuzz(func(t *testing.T, said string) {
		shown := foreign.Line(said, 200)
		if len(shown) > 200 || !utf8.ValidString(shown) || shown != strings.TrimSpace(shown) {
			t.Errorf("%q is shown as %q", said, shown)
		}
		for _, c := range shown {
			if !unicode.IsPrint(c) {
				t.Errorf("%q is shown with %q", said, c)
			}
		}
	})
}
