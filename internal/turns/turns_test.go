package turns_test

import (
	"context"
	"errors"
	"testing"

	"github.com/qrsrisk/qrsd/internal/turns"
)

// TestOneEach: who asks twice waits for itself, while another is served; a place that was given free is there for the next.
func TestOneEach(t *testing.T) {
	all := turns.New[string](2)
	gulf, err := all.Take(t.Context(), "gulf")
	if err != nil {
		t.Fatal(err)
	}
	waiting, impatient := make(chan error), context.Background()
	impatient, giveUp := context.WithCancel(impatient)
	go func() {
		_, err := all.Take(impatient, "gulf")
		waiting <- err
	}()
	atlantic, err := all.Take(t.Context(), "atlantic") // there is a place whatever gulf asks for
	if err != nil {
		t.Fatal(err)
	}
	giveUp()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("a second of the same: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := all.Take(ended, "third"); !errors.Is(err, context.Canceled) {
		t.Errorf("a third of two: %v", err)
	}
	gulf()
	atlantic()
	atlantic() // told again, it changes nothing
	for _, name := range []string{"gulf", "third"} {
		end, err := all.Take(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		defer end()
	}
}
