// Package foreign makes what another host said fit to be kept and shown: a mail server's answer, a webhook receiver's. It knows
// neither. Begin with Line.
package foreign

import (
	"strings"
	"unicode"
)

// Line is the text as one line that can be printed, of at most so many bytes of what was said.
func Line(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return strings.TrimSpace(text)
}
