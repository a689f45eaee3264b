package web_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/web"
)

// TestIdempotencyBounds fills the uses of keys: one user's own do not drive out another's, none at work is dropped, and the answers
// have a bound in bytes.
func TestIdempotencyBounds(t *testing.T) {
	u := web.NewKeyUses(time.Now)
	request := sha256.Sum256([]byte("request"))
	name := func(owner string, i int) string { return fmt.Sprintf("%s %d", owner, i) }
	if u.Begin("bea", name("bea", 0), request) != "first" || u.Begin("ann", name("ann", -1), request) != "first" {
		t.Fatal("the first uses are none")
	}
	u.Finish(name("bea", 0), []byte("the answer"))
	for i := range 5000 { // each done
		if got := u.Begin("ann", name("ann", i), request); got != "first" {
			t.Fatalf("use %d: %s", i, got)
		}
		u.Finish(name("ann", i), make([]byte, 8<<10))
	}
	if got := u.Begin("bea", name("bea", 0), request); got != "kept" {
		t.Errorf("another user's use after 5,000 of one: %s", got)
	}
	if got := u.Begin("ann", name("ann", -1), request); got != "at work" {
		t.Errorf("the use at work: %s", got)
	}
	if got := u.Begin("ann", name("ann", 4999), request); got != "kept" {
		t.Errorf("the last use: %s", got)
	}
	if got := u.Begin("ann", name("ann", 0), request); got != "first" { // long gone
		t.Errorf("the first of 5,000: %s", got)
	}
	if uses, bytes := u.Size(); uses != 1001 || bytes > 32<<20 {
		t.Errorf("%d uses with %d bytes of answers", uses, bytes)
	}
	for i := range 10_000 { // of many users
		owner := fmt.Sprintf("user %d", i/500)
		u.Begin(owner, name(owner, i), request)
		u.Finish(name(owner, i), make([]byte, 8<<10))
	}
	if _, bytes := u.Size(); bytes > 32<<20 || bytes < 31<<20 {
		t.Errorf("%d bytes of answers", bytes)
	}
	if got := u.Begin("bea", name("bea", 0), request); got != "done" {
		t.Errorf("a use whose answer is forgotten: %s", got)
	}
	for i := range 1000 {
		u.Begin("eve", name("eve", i), request)
	}
	if got := u.Begin("eve", name("eve", 1000), request); got != "full" {
		t.Errorf("beyond what may be at work: %s", got)
	}
}
