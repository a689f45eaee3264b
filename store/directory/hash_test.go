package directory_test

import (
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store/directory"
)

// TestHashCost: without a word a hash costs the first minimum of OWASP's sheet, else what was asked for, and a hash of another cost fits
// and is outdated.
func TestHashCost(t *testing.T) {
	hashes := map[string]string{}
	ways := map[string]directory.HashCost{
		"$argon2id$v=19$m=19456,t=2,p=1$": {},
		"$argon2id$v=19$m=8192,t=1,p=2$":  {Memory: 8 << 20, Passes: 1, Threads: 2},
	}
	for begins, cost := range ways {
		hash, err := directory.Open(nil, directory.Options{Hash: cost}).HashOf(t.Context(), goodPassword)
		if err != nil || !strings.HasPrefix(hash, begins) {
			t.Errorf("%+v: %s, %v; want %s", cost, hash, err, begins)
		}
		hashes[begins] = hash
	}
	for begins, cost := range ways {
		d := directory.Open(nil, directory.Options{Hash: cost})
		for of, hash := range hashes {
			if fits, outdated, err := d.Outdated(t.Context(), hash, goodPassword); !fits || outdated != (of != begins) || err != nil {
				t.Errorf("a hash of %s where %s is asked for: fits %v, outdated %v, %v", of, begins, fits, outdated, err)
			}
			if fits, _, err := d.Outdated(t.Context(), hash, goodPassword+"x"); fits || err != nil {
				t.Errorf("a wrong password fits %s: %v", hash, err)
			}
		}
	}
}
