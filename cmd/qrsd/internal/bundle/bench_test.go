package bundle

import (
	"bytes"
	"os"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// BenchmarkBundle collects and packs a bundle with as much log as there can be.
func BenchmarkBundle(b *testing.B) {
	db := storetest.New(b, store.Options{})
	verb, err := store.ParseVerb("support.bundle")
	if err != nil {
		b.Fatal(err)
	}
	line := []byte(`{"@level":"error","@message":"a request failed","@module":"qrsd.web","@timestamp":"2026-11-22T07:34:45.440755Z","error":"reading the mode: open /srv/data: permission denied","method":"GET","path":"/api/v1/system","request_id":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"}` + "\n")
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		b.Fatal(err)
	}
	s := Sources{Version: "1.0.0", Now: time.Now, Log: bytes.Repeat(line, mostLog/len(line)), Process: true, Host: os.DirFS("/")}
	for b.Loop() {
		e, err := db.Examine(b.Context(), storetest.Operator(), verb)
		if err != nil {
			b.Fatal(err)
		}
		s.Examination = &e
		all, err := Collect(s)
		if err != nil {
			b.Fatal(err)
		}
		packed, err := all.Pack(b.Context(), db, Recipients{identity.Recipient()})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(packed)), "packed-bytes")
		b.ReportMetric(float64(all.size()), "bytes")
	}
}
