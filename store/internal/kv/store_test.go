package kv_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/kv"
)

var (
	space = [16]byte{1, 2, 3}
	other = [16]byte{9}
)

// file is an open database with a key, for tests.
type file struct {
	*kv.DB
	path string
	t    testing.TB
	key  *envelope.Key
}

// small are options for many databases in a short time.
func small() kv.Options {
	return kv.Options{InitialMmap: 1 << 20, MaxSize: 256 << 20, Ballast: -1, LowWater: -1}
}

// create makes a database, opens it, and after the test closes it and walks through it.
func create(t testing.TB, o kv.Options) *file {
	t.Helper()
	return createIn(t, tempDir(t), o)
}

// tempDir lies in memory where it can: what the disk does is tested by taking its writes apart, not by waiting for it.
func tempDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "kv")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// waitForQueue returns when n ops are queued.
func (f *file) waitForQueue(n int) {
	f.t.Helper()
	for began := time.Now(); f.Stats().Queued != n; time.Sleep(time.Millisecond) {
		if time.Since(began) > time.Minute {
			f.t.Fatalf("%d ops queued, want %d", f.Stats().Queued, n)
		}
	}
}

func createIn(t testing.TB, dir string, o kv.Options) *file {
	t.Helper()
	path := filepath.Join(dir, "main.db")
	if err := kv.Create(path); err != nil {
		t.Fatal(err)
	}
	f := open(t, path, o)
	t.Cleanup(func() {
		f.close()
		if found, err := kv.Verify(context.Background(), path); err != nil {
			t.Errorf("after the test: %v", err)
		} else if !found.Settled && f.Stats().Failed == nil {
			t.Error("closed, but the meta pages differ")
		}
	})
	return f
}

func open(t testing.TB, path string, o kv.Options) *file {
	t.Helper()
	db, err := kv.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return &file{db, path, t, testKey()}
}

// close closes what the test may have closed already.
func (f *file) close() {
	f.t.Helper()
	if err := f.Close(); err != nil && !errors.Is(err, kv.ErrClosed) {
		f.t.Errorf("closing: %v", err)
	}
}

// testKey is the same in every process, so that a survivor can read what a killed one wrote.
func testKey() *envelope.Key {
	return envelope.RestoreKey(rand.Reader, envelope.KeyID{7}, make([]byte, envelope.SecretSize))
}

func at(number uint16, format string, args ...any) kv.Address {
	return kv.Address{Space: space, Collection: number, Key: fmt.Appendf(nil, format, args...)}
}

func placeOf(a kv.Address) envelope.Place {
	return envelope.Place{Space: a.Space, Collection: a.Collection, Record: a.Key}
}

func (f *file) box(a kv.Address, plain string) envelope.Box {
	return f.key.Encrypt(placeOf(a), 1, nil, []byte(plain))
}

func (f *file) plain(a kv.Address, b envelope.Box) (string, error) {
	p, err := f.key.Decrypt(placeOf(a), b)
	return string(p), err
}

// puts is an op that puts one value.
func (f *file) puts(a kv.Address, plain string) kv.Op {
	return kv.Op{Prepare: func(tx *kv.Tx) error { return tx.Put(a, f.box(a, plain)) }}
}

func (f *file) put(a kv.Address, plain string) {
	f.t.Helper()
	if err := f.Update(context.Background(), f.puts(a, plain)); err != nil {
		f.t.Fatalf("putting %v: %v", a, err)
	}
}

// getter is what can be asked for a record: every kind of transaction.
type getter interface {
	Get(kv.Address) (envelope.Box, bool, error)
}

// value is the plain value at a, "" where there is none.
func (f *file) value(from getter, a kv.Address) (string, error) {
	b, ok, err := from.Get(a)
	if err != nil || !ok {
		return "", err
	}
	return f.plain(a, b)
}

func (f *file) get(a kv.Address) (plain string) {
	f.t.Helper()
	err := f.View(context.Background(), func(tx *kv.ReadTx) (err error) {
		plain, err = f.value(tx, a)
		return err
	})
	if err != nil {
		f.t.Fatalf("getting %v: %v", a, err)
	}
	return plain
}

// keys are the keys of a collection as a scan gives them.
func (f *file) keys(number uint16, from string, back bool) (keys []string) {
	f.t.Helper()
	err := f.View(context.Background(), func(tx *kv.ReadTx) error {
		scan := tx.Scan
		if back {
			scan = tx.ScanBack
		}
		var start []byte
		if from != "" {
			start = []byte(from)
		}
		return scan(space, number, start, func(key []byte, b envelope.Box) (bool, error) {
			_, err := f.plain(kv.Address{Space: space, Collection: number, Key: key}, b)
			keys = append(keys, string(key))
			return true, err
		})
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return keys
}

// holdCommitter keeps the committer busy in a batch of its own until release, so that what is queued meanwhile shares
// the next one.
func (f *file) holdCommitter() (release func()) {
	entered, leave, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- f.Update(context.Background(), kv.Op{Essential: true, Finish: func(*kv.Tail) error {
			close(entered)
			<-leave
			return nil
		}})
	}()
	<-entered
	return func() {
		f.t.Helper()
		close(leave)
		if err := <-done; err != nil {
			f.t.Error(err)
		}
	}
}

func writeFile(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
