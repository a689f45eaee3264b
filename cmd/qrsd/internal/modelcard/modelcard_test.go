package modelcard_test

import (
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/benchlab"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/modelcard"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

// TestCards: the card is of the embedded model, has every parameter of the registry with a source that is listed once, and claims nothing
// that no laboratory has signed for.
func TestCards(t *testing.T) {
	cards := modelcard.New(modelcard.Release{})
	model, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if "sha256:"+cards.Digest() != model.Digest.String() {
		t.Errorf("the card is of %s, the model is %s", cards.Digest(), model.Digest)
	}
	if cards.Card(strings.Repeat("0", 64)) != nil {
		t.Error("there is a card of a model that there is not")
	}
	card := cards.Card(cards.Digest())
	if card.Signoff != benchlab.PendingSignoff {
		t.Errorf("signed off: %q", card.Signoff)
	}
	counted, seen := 0, map[string]bool{}
	for _, s := range card.Sources {
		if seen[s.Source] || s.Source == "" || s.Parameters < 1 || len(s.Kinds) == 0 || len(s.Stages) == 0 {
			t.Errorf("source %+v", s)
		}
		seen[s.Source] = true
		counted += s.Parameters
	}
	stages := map[string]bool{}
	for _, p := range card.Parameters {
		stages[p.Stage] = true
		if !seen[p.Source] || p.Name == "" {
			t.Errorf("parameter %+v has a source that is not listed", p)
		}
	}
	if len(card.Parameters) < 100 || counted != len(card.Parameters) || len(stages) != 4 {
		t.Errorf("%d parameters of %d stages, %d by source", len(card.Parameters), len(stages), counted)
	}
}
