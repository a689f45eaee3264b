package ledger

import (
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// ParseKeys reads the public keys that somebody trusts, for [VerifyExport]: verifier keys of signed-note, one a line, as
// `qrsd key public` prints them. Empty lines and lines that begin with # are passed over. At least one key is needed.
func ParseKeys(text string) (note.Verifiers, error) {
	var known []note.Verifier
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		v, err := parseKey(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %.120q is no public key of a log: %w; write keys as qrsd key public prints them", i+1, line, err)
		}
		known = append(known, v)
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("there is no public key in it; write keys as qrsd key public prints them, one a line")
	}
	return note.VerifierList(known...), nil
}
