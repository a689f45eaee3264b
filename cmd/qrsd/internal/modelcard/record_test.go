package modelcard_test

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/modelcard"
)

// TestPerformanceIsThatOfTheRecord computes the card's figures again from the rows of the run of record.
func TestPerformanceIsThatOfTheRecord(t *testing.T) {
	text, err := os.ReadFile("record.json")
	if err != nil {
		t.Fatal(err)
	}
	var record struct {
		Model, Source string
		Figures       []struct {
			Column string
			Mean   float64
			Error  float64 `json:"relative_standard_error"`
		}
	}
	if err := json.Unmarshal(text, &record); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join("../../../..", record.Source)
	f, err := os.Open(filepath.Join(folder, "replicates.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, figure := range record.Figures {
		at := slices.Index(rows[0], figure.Column)
		mean, spread := moments(t, rows[1:], at)
		if math.Abs(mean-figure.Mean) > 1 || math.Abs(spread/mean-figure.Error) > 5e-5 {
			t.Errorf("%s is %.0f ± %.4f, the record gives %.0f ± %.4f", figure.Column, figure.Mean, figure.Error, mean, spread/mean)
		}
	}
	var plan struct {
		Content struct{ Model string }
	}
	if text, err = os.ReadFile(filepath.Join(folder, "plan.json")); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &plan); err != nil || plan.Content.Model != "sha256:"+record.Model {
		t.Errorf("the plan is of %q, the record of %q (%v)", plan.Content.Model, record.Model, err)
	}
	cards := modelcard.New(modelcard.Release{})
	if got := cards.Card(cards.Digest()).Performance; cards.Digest() == record.Model && len(got) < 5 || cards.Digest() != record.Model && len(got) > 0 {
		t.Errorf("the card of %s has %d figures of %s", cards.Digest(), len(got), record.Model)
	}
}

// moments are the mean of a column and its standard error.
func moments(t *testing.T, rows [][]string, at int) (mean, spread float64) {
	t.Helper()
	n := float64(len(rows))
	var squares float64
	for _, row := range rows {
		x, err := strconv.ParseFloat(row[at], 64)
		if err != nil {
			t.Fatal(err)
		}
		mean, squares = mean+x/n, squares+x*x
	}
	return mean, math.Sqrt((squares - n*mean*mean) / (n - 1) / n)
}
