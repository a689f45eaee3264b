package store

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/internal/canonical"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// TestEntryIsCanonical: what encoding/json writes of any entry is the canonical form, and is read back the same.
func TestEntryIsCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[ -~]{0,20}`)
		clock := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "clock"), rapid.Int64Range(0, 999999999).Draw(t, "ns")).UTC()
		e := Entry{
			Version: 1, Sequence: rapid.Int64Range(0, 1<<53-1).Draw(t, "sequence"), Time: clock, Clock: &clock, Tenant: ID{1},
			Actor: word.Draw(t, "actor"), Role: Operator, Action: rapid.SampledFrom(rights.Verbs()).Draw(t, "verb").String(), Object: word.Draw(t, "object"),
			Outcome: Denied, Reason: word.Draw(t, "reason"), Changes: []Change{{Collection: "runs", Record: "00"}, {Collection: "users", Digest: "ff", Record: "01", Tenant: "02"}, {Collection: "signposts", Record: "02", Replaced: "ee"}}, Lineage: []int64{1, 2},
			Keys: []KeyEvent{{Kind: "created", Of: "root key", Keys: []string{"a", "b"}}}, Heads: []Head{{Tenant: ID{2}, Log: "audit", Size: 3}},
			Request: word.Draw(t, "request"), Personal: &Personal{Box: []byte("box"), Commitment: ledger.Hash{1}},
		}
		text, err := e.text()
		if err != nil {
			t.Fatal(err)
		}
		if err := canonical.Check(text); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		var back Entry
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		again, err := back.text()
		if err != nil || string(again) != string(text) {
			t.Fatalf("read back as %s", again)
		}
	})
}
