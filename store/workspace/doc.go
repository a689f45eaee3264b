// Package workspace holds what a tenant works with: portfolios, models, runs, results, estimates on quantum hardware, the
// record of what left for them, approvals, quotas and webhooks, with the verbs on them. Each verb is one transaction: its change, its ledger
// leaves and its one audit entry commit together. A verb that is refused, for its role or its input, leaves its entry too.
//
// There are two doors for the appliance itself, which works for all tenants in the role worker and can do nothing else of a tenant's
// there: [Worker] finds, claims and carries out waiting runs ([Job], with the blocks of years that outlast a kill), [Courier] gives
// the deliveries of webhooks that are due. An event is written in the transaction of the change that it is about (event.go): there is
// one for each change, and none for a change that failed. What a tenant has in hand is one record (workload.go), by which its next run
// is found and its quotas are held.
//
// It computes nothing and sends nothing: portfolios come in parsed, results come in finished. Bulk (files, tables) lies in blobs that are
// written first and referred to last, so that a crash between the two leaves an orphan, never a broken reference.
//
// The JSON of its records is a format that users keep: see testdata. A record that changes its JSON gets the next schema
// number in its store.Define, with a store.Upgrade from the one before, and its golden stays as that of the old schema.
//
// A portfolio has one id and a history of versions: each import into it is its next one, a run names the one that it is of, and none is ever
// changed. versions.go says how they lie and why so.
//
// Begin with Import, then Submit, Claim and Finish; with Worker for the appliance's side.
package workspace

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/qrsrisk/qrsd/internal/canonical"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// Workspace is the verbs of one principal in one tenant. It is safe for many goroutines.
type Workspace struct{ tenant *store.Tenant }

// Open gives the verbs to the holder of a tenant's handle.
func Open(t *store.Tenant) *Workspace { return &Workspace{t} }

// change is Tenant.Update for what needs something done first, such as files written into blobs. The first step is only
// taken by who may do the verb, and its error is the change's, so that a refusal leaves its audit entry in either case.
func (w *Workspace) change(ctx context.Context, a store.Action, first func() error, fn func(*store.WriteTx) error) error {
	var err error
	if w.tenant.Principal().May(a.Verb) {
		err = first()
	}
	return w.tenant.Update(ctx, a, func(tx *store.WriteTx) error {
		if err != nil {
			return err
		}
		return fn(tx)
	})
}

// leaf is a lineage record about an object.
func leaf(kind ledger.Kind, subject store.ID, digests map[string]ledger.Digest, note string) ledger.Lineage {
	return ledger.Lineage{Kind: kind, Subject: ledger.ID(subject), Digests: digests, Note: note}
}

// digestOf is the SHA-256 of a value's canonical JSON (RFC 8785).
func digestOf(value any) (ledger.Digest, error) {
	text, err := canonical.Marshal(value)
	return sha256.Sum256(text), err
}

// Invalid is a refusal of what was asked, in words for the user. Field is what to mend.
type Invalid struct{ Field, Reason string }

func (e *Invalid) Error() string { return e.Field + ": " + e.Reason }

// AuditReason is its class in the audit log.
func (e *Invalid) AuditReason() string { return "invalid" }

// maxRemark is the longest comment, note or reason in characters, maxName the longest name.
const (
	maxRemark = 2000
	maxName   = 200
)

// checkText holds a text of a user to its length in characters, and to characters that can be printed.
func checkText(field, text string, least, most int) error {
	if !utf8.ValidString(text) {
		return &Invalid{field, fmt.Sprintf("%.80q is not UTF-8", text)}
	}
	if c := utf8.RuneCountInString(text); c < least || c > most {
		return &Invalid{field, fmt.Sprintf("%d characters are not between %d and %d", c, least, most)}
	}
	for _, r := range text {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\n' && most < maxRemark {
			return &Invalid{field, fmt.Sprintf("%.80q has a character that cannot be printed", text)}
		}
	}
	return nil
}

// checkWord holds a name of ours, which goes into a leaf, to lower-case letters, digits and dashes.
func checkWord(field, word string) error {
	for _, r := range word {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return &Invalid{field, fmt.Sprintf("%.80q: want lower-case letters, digits and dashes", word)}
		}
	}
	if word == "" || len(word) > 64 {
		return &Invalid{field, fmt.Sprintf("%d characters are not between 1 and 64", len(word))}
	}
	return nil
}

// clip shortens a text of the system's, such as an error, to what a record keeps.
func clip(text string) string {
	all := []rune(text)
	if len(all) > maxRemark {
		return string(all[:maxRemark-1]) + "…"
	}
	return string(all)
}

// nothingMissing is the upgrade from a schema that lacks only what may be absent. The next schema has its number all the same, so that
// an earlier version of qrsd does not write such a record without it.
func nothingMissing(old json.RawMessage) (json.RawMessage, error) { return old, nil }

// stamp is a moment as records keep it.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
