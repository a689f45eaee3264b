package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestCommittedTables derives the embedded tables again from the specification.
func TestCommittedTables(t *testing.T) {
	spec := filepath.Join("..", "..", "..", "..", "shared", "data", "oed")
	if _, err := os.Stat(spec); err != nil {
		t.Skip("needs ../shared/data/oed beside the repository")
	}
	dest := t.TempDir()
	if err := os.Mkdir(filepath.Join(dest, "derive"), 0o755); err != nil {
		t.Fatal(err)
	}
	supplement, err := os.ReadFile("supplement.csv")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dest, "derive", "supplement.csv"), supplement, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := derive(spec, dest); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"columns.csv", "codes.csv", "code-names.csv"} {
		got, err := os.ReadFile(filepath.Join(dest, name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what derive writes: run go run ./engine/exposure/derive SPECDIR engine/exposure", name)
		}
	}
}
