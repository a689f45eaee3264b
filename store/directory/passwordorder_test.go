package directory_test

import (
	"crypto/rand"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// salts counts the salts that are drawn, of which each password that is hashed anew takes one.
type salts struct{ drawn atomic.Int64 }

func (s *salts) Read(p []byte) (int, error) {
	if len(p) == 16 {
		s.drawn.Add(1)
	}
	return io.ReadFull(rand.Reader, p)
}

// TestNoPasswordIsHashedBeforeItsTurn: who is beyond the limits, has the old password wrong, or chose a weak one gets nothing hashed.
func TestNoPasswordIsHashedBeforeItsTurn(t *testing.T) {
	s := &salts{}
	o := open(t, directory.Options{Rand: s})
	ctx := t.Context()
	p, _ := o.hire("ada@example.com", store.Viewer)
	before := s.drawn.Load()
	set := func(old, fresh string) error {
		_, err := o.SetPassword(ctx, p, directory.NewSecret(old), directory.NewSecret(fresh))
		return err
	}
	if err := set(goodPassword, "short"); err == nil {
		t.Error("a weak one was taken")
	}
	if err := set(goodPassword, strings.Repeat("correct horse ", 1<<16)); err == nil {
		t.Error("an endless one was taken")
	}
	if err := set(goodPassword, goodPassword); err == nil {
		t.Error("the old one was taken")
	}
	for range 10 {
		o.wants(set("wrong", freshPassword), directory.ErrWrongCredentials)
	}
	o.tooMany(set(goodPassword, freshPassword))
	if n := s.drawn.Load() - before; n != 0 {
		t.Errorf("%d passwords were hashed for nothing", n)
	}
}
