package doctor_test

import (
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/doctor"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// BenchmarkDoctor examines a store of a hundred tenants and the machine that it is on, the measurement of the disk included.
func BenchmarkDoctor(b *testing.B) {
	db := storetest.New(b, store.Options{})
	for i := range 100 {
		storetest.AddTenant(b, db, "Tenant "+string(rune('A'+i%26))+string(rune('a'+i/26)))
	}
	verb, err := store.ParseVerb("store.diagnose")
	if err != nil {
		b.Fatal(err)
	}
	c, err := config.Parse("qrsd.hcl", []byte("store {\n path = \""+b.TempDir()+"\"\n}"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		e, err := db.Examine(b.Context(), storetest.Operator(), verb)
		if err != nil {
			b.Fatal(err)
		}
		doctor.Examine(b.Context(), doctor.Subject{Config: c, Store: doctor.Store{Examination: &e}, Version: "1.0.0", Host: doctor.ThisHost(), Now: time.Now})
	}
}
