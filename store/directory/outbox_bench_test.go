package directory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// BenchmarkRequestPasswordReset shows what a request costs without its floor of a quarter of a second, which hides the difference.
func BenchmarkRequestPasswordReset(b *testing.B) {
	db := storetest.New(b, store.Options{})
	tenant := storetest.AddTenant(b, db, "Example Mutual")
	clock := &clock{at: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	d := directory.Open(db, directory.Options{Now: clock.now})
	d.HurryResets()
	if _, _, err := d.AddUser(b.Context(), operator, tenant, directory.NewUser{Email: "known@example.com", Name: "K", Role: store.Viewer}); err != nil {
		b.Fatal(err)
	}
	for _, who := range []string{"known", "unknown"} {
		b.Run(who, func(b *testing.B) {
			for b.Loop() {
				clock.pass(time.Hour) // within the rate
				if err := d.RequestPasswordReset(b.Context(), who+"@example.com", desk); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkTakeNotices is what the sender costs every time that it looks, among 200 tenants: with nothing to send, and a message of
// each that is taken and marked.
func BenchmarkTakeNotices(b *testing.B) {
	db := storetest.New(b, store.Options{})
	d := directory.Open(db, directory.Options{})
	var tenants []store.ID
	for i := range 200 {
		tenants = append(tenants, storetest.AddTenant(b, db, fmt.Sprint("Mutual ", i)))
	}
	b.Run("nothing", func(b *testing.B) {
		for b.Loop() {
			if all, err := d.TakeNotices(b.Context(), operator, 100); err != nil || len(all) != 0 {
				b.Fatal(all, err)
			}
		}
	})
	b.Run("200 messages", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			for _, tenant := range tenants {
				if _, _, err := d.Invite(b.Context(), operator, tenant, directory.NewUser{Email: "guest@example.com", Name: "G", Role: store.Viewer}); err != nil {
					b.Fatal(err)
				}
			}
			b.StartTimer()
			all, err := d.TakeNotices(b.Context(), operator, 1000)
			if err != nil || len(all) != len(tenants) {
				b.Fatal(len(all), err)
			}
			var marks []directory.NoticeMark
			for _, n := range all {
				marks = append(marks, directory.NoticeMark{Tenant: n.Tenant, Notice: n.ID})
			}
			if err := d.MarkNotices(b.Context(), operator, marks); err != nil {
				b.Fatal(err)
			}
		}
	})
}
