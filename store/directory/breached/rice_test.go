package breached

import (
	"testing"

	"pgregory.net/rapid"
)

// TestRice writes numbers and reads the same, and no more.
func TestRice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := uint(rapid.IntRange(minBits, maxBits).Draw(t, "k"))
		numbers := rapid.SliceOf(rapid.Uint64Range(0, 1<<(k+bucketBits)-1)).Draw(t, "numbers")
		var w riceWriter
		for _, d := range numbers {
			w.number(d, k)
		}
		r := riceReader{bytes: w.end()}
		for i, want := range numbers {
			if got, ok := r.number(k); !ok || got != want {
				t.Fatalf("number %d is %d, %v, want %d", i, got, ok, want)
			}
		}
		if got, ok := r.number(k); ok {
			t.Fatalf("one more is read: %d", got)
		}
	})
}
