//go:build kvfaults && linux

package kv_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/qrsrisk/qrsd/store/internal/kv"
)

// This file is built by TestFaultCampaign only. KVFAULTS_SEED chooses other random numbers, KVFAULTS_SUBSETS more
// random subsets for each state of the crash images.

func fromEnvironment(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// event is one step of the recorded file, or an op begun or acknowledged.
type event struct {
	kind string // write, truncate, sync, begun, acknowledged
	off  int64
	data []byte
	op   int
}

// recorder is the order in which things happened.
type recorder struct {
	mu     sync.Mutex
	events []event
}

func (r *recorder) add(e event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// step records what bbolt does. A sync stands in the order where it has returned, a write where it begins.
func (r *recorder) step(kind, _ string, b []byte, off int64, do func() error) error {
	if kind != "sync" {
		r.add(event{kind: kind, off: off, data: bytes.Clone(b)})
		return do()
	}
	if err := do(); err != nil {
		return err
	}
	r.add(event{kind: kind})
	return nil
}

// recordHistory runs a history on a fresh file and returns its first state and what happened.
func recordHistory(t *testing.T, writers, each int) (before []byte, events []event) {
	dir := tempDir(t)
	f := createIn(t, dir, small())
	before, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	var r recorder
	bbolt.Intercept = r.step
	defer func() { bbolt.Intercept = nil }()
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() {
			for i := range each {
				n := i*writers + w
				r.add(event{kind: "begun", op: n})
				if err := f.Update(context.Background(), f.historyOp(n)); err != nil {
					t.Errorf("op %d: %v", n, err)
				}
				r.add(event{kind: "acknowledged", op: n})
			}
		})
	}
	running.Wait()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return before, r.events
}

// image is what a crash may leave.
type image struct {
	what         string
	data         []byte
	begun, acked map[int]bool
}

// sector is what a disk writes whole.
const sector = 512

func apply(data []byte, e event, torn *rand.Rand) []byte {
	if e.kind == "truncate" {
		if e.off <= int64(len(data)) {
			return data[:e.off]
		}
		return append(data, make([]byte, e.off-int64(len(data)))...)
	}
	if end := e.off + int64(len(e.data)); end > int64(len(data)) {
		data = append(data, make([]byte, end-int64(len(data)))...)
	}
	for i := 0; i < len(e.data); i += sector {
		if torn == nil || torn.IntN(2) == 0 {
			copy(data[e.off+int64(i):], e.data[i:min(i+sector, len(e.data))])
		}
	}
	return data
}

// crashes are the images of every prefix of what happened, all unsynced writes done, and some in which a random subset
// of the unsynced writes was done, some of them torn. yield false stops.
func crashes(before []byte, events []event, subsets int, random *rand.Rand, yield func(image)) {
	durable, newest := bytes.Clone(before), bytes.Clone(before)
	var unsynced []event
	begun, acked := map[int]bool{}, map[int]bool{}
	give := func(what string, data []byte) {
		i := image{what, bytes.Clone(data), map[int]bool{}, map[int]bool{}}
		for n := range begun {
			i.begun[n] = true
		}
		for n := range acked {
			i.acked[n] = true
		}
		yield(i)
	}
	for p, e := range events {
		switch e.kind {
		case "begun":
			begun[e.op] = true
			continue
		case "acknowledged":
			acked[e.op] = true
			continue
		case "sync":
			durable, unsynced = bytes.Clone(newest), nil
		default:
			newest = apply(newest, e, nil)
			unsynced = append(unsynced, e)
		}
		give(fmt.Sprintf("prefix of %d events", p+1), newest)
		for s := range subsets {
			if len(unsynced) == 0 {
				break
			}
			data := bytes.Clone(durable)
			for _, u := range unsynced {
				switch random.IntN(3) {
				case 0:
					data = apply(data, u, nil)
				case 1:
					data = apply(data, u, random)
				}
			}
			give(fmt.Sprintf("subset %d after %d events", s, p+1), data)
		}
	}
}

// checkImage opens an image and says what is wrong with it.
func checkImage(t *testing.T, dir string, i image, last int) string {
	path := filepath.Join(dir, "main.db")
	if err := os.WriteFile(path, i.data, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := kv.Open(path, small())
	if err != nil {
		return err.Error()
	}
	f := &file{db, path, t, testKey()}
	defer f.close()
	if wrong := f.judge(func(n int) bool { return i.acked[n] }, func(n int) bool { return i.begun[n] }, last); wrong != "" {
		return wrong
	}
	if err := f.Close(); err != nil {
		return err.Error()
	}
	return boltCheck(t, path)
}

// boltCheck is bbolt's own opinion of a file.
func boltCheck(t *testing.T, path string) (wrong string) {
	bolt, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, PreLoadFreelist: true})
	if err != nil {
		return err.Error()
	}
	defer bolt.Close()
	err = bolt.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			wrong = err.Error()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return wrong
}

// TestFaultsCrashImages opens what a power failure may leave at every moment of a workload.
func TestFaultsCrashImages(t *testing.T) {
	const writers, each = 6, 20
	before, events := recordHistory(t, writers, each)
	random := numbers(uint64(fromEnvironment("KVFAULTS_SEED", 1)))
	images := make(chan image, 4)
	count := 0
	var checkers sync.WaitGroup
	for range 2 {
		dir := tempDir(t)
		checkers.Go(func() {
			for i := range images {
				if wrong := checkImage(t, dir, i, writers*each); wrong != "" {
					t.Errorf("%s: %s", i.what, wrong)
				}
			}
		})
	}
	crashes(before, events, fromEnvironment("KVFAULTS_SUBSETS", 2), random, func(i image) { count++; images <- i })
	close(images)
	checkers.Wait()
	if count < 1000 && !t.Failed() {
		t.Errorf("%d images, need 1,000", count)
	}
	t.Logf("count: %d crash images of %d ops", count, writers*each)
}

// TestFaultsCrashImagesBite leaves out writes that were synced, one at a time: each must be noticed once its commit was
// acknowledged.
func TestFaultsCrashImagesBite(t *testing.T) {
	const ops = 12
	before, events := recordHistory(t, 1, ops)
	dir := tempDir(t)
	dropped := 0
	for d, e := range events {
		if e.kind != "write" {
			continue
		}
		data, acked, begun := bytes.Clone(before), map[int]bool{}, map[int]bool{}
		reached, same := false, false
		for p, e := range events {
			switch e.kind {
			case "begun":
				begun[e.op] = true
			case "acknowledged":
				acked[e.op] = true
				reached = p > d
			case "write", "truncate":
				if p != d {
					data = apply(data, e, nil)
				} else if end := e.off + int64(len(e.data)); end <= int64(len(data)) {
					same = bytes.Equal(data[e.off:end], e.data)
				}
			}
			if reached {
				break
			}
		}
		if !reached || same {
			continue // of Close, which acknowledges nothing; or what stood there already
		}
		dropped++
		if wrong := checkImage(t, dir, image{"", data, begun, acked}, ops); wrong == "" {
			t.Errorf("event %d of %d, a synced write at %d of %d bytes, was left out and nobody noticed", d, len(events), e.off, len(e.data))
		}
	}
	t.Logf("count: %d synced writes left out, one at a time", dropped)
	if dropped < 20 {
		t.Errorf("%d writes dropped", dropped)
	}
}

// saboteur fails one step of many.
type saboteur struct {
	mu     sync.Mutex
	at     int  // the step to fail, counted from 1; 0 for none
	effect bool // it fails after it was done
	why    error
	steps  int
	failed string // the kind of step that failed
	phase  string // what the file's user is doing
	during string // what he was doing when it failed
}

func (s *saboteur) step(kind, path string, _ []byte, _ int64, do func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps++
	if s.steps != s.at {
		return do()
	}
	if s.failed = kind + " of " + filepath.Base(path); filepath.Ext(path) == "" {
		s.failed = kind + " of the directory"
	}
	s.during = s.phase
	if s.effect {
		if err := do(); err != nil {
			return err
		}
	}
	if kind == "sync" {
		return s.why // as syscall.Fdatasync has it
	}
	return &os.PathError{Op: kind, Path: path, Err: s.why}
}

// sabotagedRun goes through a file's whole life: made, filled, compacted, filled. It returns the outcome of every op
// that was tried.
func sabotagedRun(t *testing.T, path string, s *saboteur, ops int) (outcomes []error, f *file) {
	s.phase = "Create"
	err := kv.Create(path)
	if (err == nil) == (s.failed != "") {
		t.Errorf("Create with its %s failed: %v", s.failed, err)
	}
	if err != nil {
		if _, err := os.Stat(path); err == nil && strings.HasSuffix(s.failed, ".new") {
			t.Errorf("%s: a file that was not made in full has its name", s.failed)
		}
		return nil, nil
	}
	exchange := error(nil)
	db, err := kv.Open(path, small())
	if err != nil {
		t.Fatalf("opening: %v", err)
	}
	f = &file{db, path, t, testKey()}
	for n := range ops {
		s.phase = fmt.Sprint("op ", n)
		outcomes = append(outcomes, f.Update(context.Background(), f.historyOp(n)))
		if n == ops/2 {
			if err := f.Purge(context.Background(), space, 9); err != nil && s.failed == "" {
				t.Errorf("purging: %v", err)
			}
			s.phase = "Compact"
			exchange = f.Compact(context.Background())
			hidden := s.effect && s.failed == "rename of main.db" // it went on
			if failed := s.during == "Compact" && !hidden || f.Stats().Failed != nil; failed != (exchange != nil) {
				t.Errorf("compacting, with the %s during %s failed: %v", s.failed, s.during, exchange)
			}
		} else if errors.Is(exchange, kv.ErrFsync) && !errors.Is(outcomes[n], kv.ErrFsync) {
			t.Errorf("op %d was taken after a compaction that may be undone: %v", n, outcomes[n])
		}
	}
	s.phase = "Close"
	return outcomes, f
}

// TestFaultsEveryStep fails each durable step of a file's life, once without effect and once with, and for two reasons.
func TestFaultsEveryStep(t *testing.T) {
	const ops = 10
	defer func() { bbolt.Intercept = nil }()
	count, unknown, refused := 0, 0, 0
	kinds := map[string]int{}
	for _, why := range []error{syscall.EIO, syscall.ENOSPC} {
		for _, effect := range []bool{false, true} {
			for at := 1; ; at++ {
				s := &saboteur{at: at, effect: effect, why: why}
				path := filepath.Join(tempDir(t), "main.db")
				bbolt.Intercept = s.step
				outcomes, f := sabotagedRun(t, path, s, ops)
				if f != nil {
					if err := f.Close(); err != nil && s.failed == "" {
						t.Errorf("closing: %v", err)
					}
				}
				bbolt.Intercept = nil
				if s.failed == "" {
					break
				}
				kinds[s.failed]++
				count++
				for n, err := range outcomes {
					if s.failed == "sync of main.db" && s.during == fmt.Sprint("op ", n) && !errors.Is(err, kv.ErrFsync) {
						t.Errorf("op %d with its sync failed: %v", n, err)
					}
				}
				u, r := checkSabotaged(t, path, fmt.Sprintf("%v, effect %v, step %d (%s)", why, effect, at, s.failed), outcomes)
				unknown, refused = unknown+u, refused+r
			}
		}
	}
	t.Logf("count: %d durable steps failed (%v), %d ops with unknown outcome, %d refused", count, kinds, unknown, refused)
	if count < 100 || unknown == 0 || refused == 0 {
		t.Error("the campaign did not reach what it is for")
	}
}

// checkSabotaged opens what the run left: what was acknowledged is there, what failed is not, of what is unknown all or
// nothing.
func checkSabotaged(t *testing.T, path, what string, outcomes []error) (unknown, refused int) {
	t.Helper()
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if outcomes != nil {
			t.Errorf("%s: file gone", what)
		}
		return 0, 0
	}
	db, err := kv.Open(path, small())
	if err != nil {
		t.Errorf("%s: opening: %v", what, err)
		return 0, 0
	}
	f := &file{db, path, t, testKey()}
	defer f.close()
	failed := false
	for n, err := range outcomes {
		switch {
		case errors.Is(err, kv.ErrFsync):
			if unknown++; failed {
				refused++
			}
			failed = true
		case err == nil && failed:
			t.Errorf("%s: op %d was taken after a failed sync", what, n)
		}
	}
	required := func(n int) bool { return outcomes[n] == nil }
	firstUnknown := -1
	for n, err := range outcomes {
		if errors.Is(err, kv.ErrFsync) {
			firstUnknown = n
			break
		}
	}
	allowed := func(n int) bool { return outcomes[n] == nil || n == firstUnknown }
	if wrong := f.judge(required, allowed, len(outcomes)); wrong != "" {
		t.Errorf("%s: %s", what, wrong)
	}
	if err := f.Update(context.Background(), f.historyOp(1000)); err != nil {
		t.Errorf("%s: reopened, and takes no change: %v", what, err)
	}
	return unknown, refused
}
