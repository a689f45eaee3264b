package directory_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store/directory"
)

// TestInHand holds the table of what is under way to its promises: good once, for a while, one to an owner, no more than so many.
func TestInHand(t *testing.T) {
	c := &clock{at: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	h := directory.NewInHand(time.Minute, 4)
	wants := func(name string, there bool) {
		t.Helper()
		if got, ok := h.Take(c.now(), name); ok != there || ok && got != "value of "+name {
			t.Errorf("%s: %q, %t", name, got, ok)
		}
	}
	put := func(name, owner string) { h.Put(c.now(), name, owner, "value of "+name) }
	put("a", "")
	if got, ok := h.Look(c.now(), "a"); !ok || got != "value of a" {
		t.Error("looking takes it away")
	}
	wants("a", true)
	wants("a", false)
	put("a", "ada")
	put("b", "bob")
	put("c", "ada")
	wants("a", false)
	wants("b", true)
	wants("c", true)
	put("a", "ada")
	wants("a", true)
	put("b", "ada") // whose former one is back
	wants("b", true)
	put("a", "b") // a name is not an owner
	put("b", "")
	wants("a", true)
	wants("b", true)

	put("a", "ada")
	c.pass(time.Minute - 1)
	put("b", "")
	if _, ok := h.Look(c.now(), "a"); !ok {
		t.Error("over too early")
	}
	c.pass(1)
	wants("a", false)
	wants("b", true)

	for i := range 10 {
		put(fmt.Sprint(i), fmt.Sprint("owner ", i))
	}
	if h.Len() != 4 || h.Names() != 8 {
		t.Errorf("%d kept under %d names", h.Len(), h.Names())
	}
	for i := range 10 {
		wants(fmt.Sprint(i), i >= 6) // the oldest made room
	}
	if h.Len() != 0 || h.Names() != 0 {
		t.Errorf("%d left under %d names", h.Len(), h.Names())
	}
	put("a", "")
	put("b", "")
	c.pass(time.Minute)
	put("c", "")
	if h.Len() != 1 {
		t.Errorf("%d kept: what is over takes room", h.Len())
	}
}

func TestInHandAtOnce(t *testing.T) {
	h := directory.NewInHand(time.Minute, 64)
	now := time.Now()
	var all sync.WaitGroup
	var mu sync.Mutex
	taken := map[string]int{}
	for i := range 8 {
		all.Go(func() {
			for j := range 200 {
				name := fmt.Sprint(j % 32)
				if i%2 == 0 {
					h.Put(now, name+" of "+fmt.Sprint(i), fmt.Sprint("owner ", j%7), "")
				}
				if _, ok := h.Take(now, name+" of "+fmt.Sprint(i&^1)); ok {
					mu.Lock()
					taken[name]++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	if len(taken) == 0 || h.Len() > 64 {
		t.Errorf("%d taken, %d left", len(taken), h.Len())
	}
}
