package store

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

var changeVerb = rights.TenantChange

// canary is a text that must not be found. Each is as long as the hash of nothing else could be by chance.
func canary(kind string) string { return "canary-" + kind + "-7f1d9b" }

// TestNothingReadable plants texts in every place where a tenant's data can go, and looks for them in every byte of the
// directory: after writing, changing, deleting, compaction, in the image of a crash, and after closing.
func TestNothingReadable(t *testing.T) {
	db, dir := opened(t, Options{})
	name := canary("tenant-name")
	id, err := db.AddTenant(t.Context(), operator(), name)
	if err != nil {
		t.Fatal(err)
	}
	source := Source{Address: canary("address"), UserAgent: canary("user-agent"), Request: "r"}
	h, err := db.Tenant(t.Context(), rights.User(ID{7: 7}, id, Admin, source, nil), id)
	if err != nil {
		t.Fatal(err)
	}
	kinds := []string{"tenant-name", "address", "user-agent", "index-value", "signpost-value", "blob", "lineage-note"}
	update := func(fn func(*WriteTx) error) {
		t.Helper()
		if err := h.Update(t.Context(), Action{Verb: changeVerb}, fn); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range strings.Fields(`insured policy account location street city postcode county latitude tiv deductible limit
		broker underwriter e-mail phone user-name password api-key session totp recovery-code invitation portfolio-name file-name
		model-name run-name comment approval-reason spec result-table estimate egress-secret webhook-secret certificate mac-key
		root-path currency peril treaty layer attachment reinsurer`) {
		kinds = append(kinds, kind)
		record := db.newID(db.now())
		update(func(tx *WriteTx) error { return memos.Insert(tx, record, memo{canary(kind)}) })
		update(func(tx *WriteTx) error {
			r, err := memos.Get(tx, record)
			if err != nil {
				return err
			}
			r.Value.Text += canary(kind)
			_, err = memos.Put(tx, r)
			return err
		})
		if len(kinds)%2 == 0 {
			update(func(tx *WriteTx) error { return memos.Delete(tx, record, 2) })
		}
	}
	ref, err := h.WriteBlob(t.Context(), Action{Verb: changeVerb}, strings.NewReader(strings.Repeat(canary("blob"), 3)))
	if err != nil {
		t.Fatal(err)
	}
	update(func(tx *WriteTx) error {
		tx.Enter(ledger.Lineage{Kind: ledger.SpecAdded, Subject: ledger.ID(id), Note: canary("lineage-note")})
		if err := byName.Set(tx, canary("index-value"), id); err != nil {
			return err
		}
		if err := byMail.Set(tx, canary("signpost-value"), id); err != nil {
			return err
		}
		return tx.KeepBlob(ref, id)
	})
	if len(kinds) < 50 {
		t.Fatalf("%d kinds", len(kinds))
	}
	search := func(when, dir string) {
		t.Helper()
		for file, content := range contents(t, dir) {
			for _, kind := range kinds {
				for form, text := range forms(canary(kind)) {
					if strings.Contains(content, text) || strings.Contains(file, text) {
						t.Errorf("%s: %s holds %s as %s", when, file, kind, form)
					}
				}
			}
		}
	}
	search("while open, the image of a crash", dir)
	if err := db.kv.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	search("after compaction", dir)
	if _, err := db.EraseTenant(t.Context(), operator(), id); err != nil {
		t.Fatal(err)
	}
	search("after erasure", dir)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	search("after closing", dir)
	if err := os.WriteFile(filepath.Join(dir, "planted"), []byte(canary("blob")), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := strings.Contains(fmt.Sprint(contents(t, dir)), canary("blob")); !found {
		t.Error("the search finds nothing at all")
	}
}

// forms are the ways in which a text may lie on disk.
func forms(text string) map[string]string {
	var wide bytes.Buffer
	for _, u := range utf16.Encode([]rune(text)) {
		wide.WriteByte(byte(u))
		wide.WriteByte(byte(u >> 8))
	}
	return map[string]string{
		"text": text, "UTF-16": wide.String(), "hexadecimal": hex.EncodeToString([]byte(text)),
		"base64": base64.RawStdEncoding.EncodeToString([]byte(text))[:20], "capitals": strings.ToUpper(text),
	}
}
