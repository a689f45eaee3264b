package seal_test

import (
	"fmt"
	"testing"

	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/seal/sealtest"
)

// realistic has the size of a real run's evidence: 17 tables, 36 files, 60 modules.
func realistic() seal.Statement {
	s := sample(0)
	s.Predicate.Tables = map[string]ledger.Digest{}
	for i := range 17 {
		name := fmt.Sprintf("table_%02d", i)
		s.Predicate.Tables[name] = digest(name)
		s.Subjects = append(s.Subjects, seal.Subject{Name: name + ".csv", Digest: digest(name)}, seal.Subject{Name: name + ".parquet", Digest: digest(name)})
	}
	for i := range 60 {
		s.Predicate.Build.Modules = append(s.Predicate.Build.Modules, seal.Module{Path: fmt.Sprintf("example.com/module/%02d", i), Version: "v1.2.3", Sum: "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="})
	}
	return s
}

func BenchmarkSign(b *testing.B) {
	a := sealtest.New(1)
	s := realistic()
	if err := a.Enter(&s, 70_000, 100_000); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := seal.Sign(b.Context(), s, a.Signer); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	a := sealtest.New(1)
	s := realistic()
	if err := a.Enter(&s, 70_000, 100_000); err != nil {
		b.Fatal(err)
	}
	text, err := seal.Sign(b.Context(), s, a.Signer)
	if err != nil {
		b.Fatal(err)
	}
	keys := a.Keys()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if v := seal.Verify(text, keys, nil); !v.OK() {
			b.Fatal(lines(v.Checks))
		}
	}
}

func BenchmarkVerifyMeta(b *testing.B) {
	a := sealtest.New(1)
	f, _ := release(b, a, true)
	text, err := f.Encode()
	if err != nil {
		b.Fatal(err)
	}
	keys := a.Keys()
	for b.Loop() {
		read, err := seal.ParseMetaFile(text)
		if err != nil || !seal.VerifyMeta(read, keys, nil).OK() {
			b.Fatal(err)
		}
	}
}
