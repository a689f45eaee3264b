package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// rounds is how often TestKilled kills; QRSD_TORTURE_ROUNDS raises it (make torture: 200).
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("QRSD_TORTURE_ROUNDS")); err == nil {
		return n
	}
	return 20
}

// TestKilled runs a mixed workload in a process of its own and kills it (SIGKILL) at a random moment, again and again on
// the same store. After each kill: every acknowledged change is there, none is there in part, the whole store checks, and
// whatever was cut short between key file and database is finished.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("QRSD_TORTURE_STORE"); dir != "" {
		tortured(t, dir)
		return
	}
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(filepath.Dir(dir), "root.key")
	r := rand.New(rand.NewPCG(uint64(rounds()), 7))
	known := &promised{changed: map[string]int{}, erased: map[string]bool{}}
	kills := 0
	for round := range rounds() {
		if killedAfter(t, dir, h.id, known, time.Duration(50+r.IntN(900))*time.Millisecond) {
			kills++
		}
		after, err := Open(dir, Options{Ballast: -1})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := after.Unlock(t.Context(), operator(), KeyFile(key)); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		known.held(t, after, h)
		verified(t, after)
		if err := after.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	t.Logf("%d rounds, %d killed at work: %d changes, %d erasures and %d tenants acknowledged, all there", rounds(), kills, known.total, len(known.erased), known.added)
	if kills < rounds()/2 {
		t.Errorf("only %d of %d rounds were killed at work", kills, rounds())
	}
}

// promised is what the killed processes had acknowledged.
type promised struct {
	changed map[string]int // version of a record
	erased  map[string]bool
	added   int
	total   int
}

// killedAfter starts the workload, reads its acknowledgements, and kills it. It reports whether it was still at work.
func killedAfter(t *testing.T, dir string, tenant ID, known *promised, after time.Duration) bool {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKilled$", "-test.v")
	child.Env = append(os.Environ(), "QRSD_TORTURE_STORE="+dir, "QRSD_TORTURE_TENANT="+tenant.String())
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		word := strings.Fields(lines.Text())
		if len(word) == 0 || word[0] != "ack" {
			continue
		}
		// The clock runs from the first acknowledgement: starting up takes as long as it takes.
		once.Do(func() { time.AfterFunc(after, func() { _ = child.Process.Kill() }) })
		known.note(word[1:])
	}
	var exit *exec.ExitError
	return errors.As(child.Wait(), &exit) && !exit.Exited()
}

func (p *promised) note(word []string) {
	switch word[0] {
	case "change":
		version, _ := strconv.Atoi(word[2])
		p.changed[word[1]] = max(p.changed[word[1]], version)
		p.total++
	case "erase":
		p.erased[word[1]] = true
	case "tenant":
		p.added++
	}
}

// held compares the store with what was promised. A change that was not acknowledged may have happened, whole.
func (p *promised) held(t *testing.T, db *DB, h *Tenant) {
	t.Helper()
	now, err := db.Tenant(t.Context(), h.principal, h.id)
	if err != nil {
		t.Fatal(err)
	}
	err = now.View(t.Context(), Action{Verb: rights.TenantRead}, func(tx *ReadTx) error {
		for text, version := range p.changed {
			id, err := ParseID(text)
			if err != nil {
				return err
			}
			r, err := memos.Get(tx, id)
			if err != nil {
				t.Errorf("record %s in version %d was acknowledged: %v", id, version, err)
				continue
			}
			if int(r.Version) < version {
				t.Errorf("record %s is in version %d, %d was acknowledged", id, r.Version, version)
			}
			// Both records of a transaction or neither.
			twin, err := memos.Get(tx, twinOf(id))
			if err != nil || twin.Version != r.Version || twin.Value != r.Value {
				t.Errorf("record %s in version %d has a twin in version %d (%v)", id, r.Version, twin.Version, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for text := range p.erased {
		id, err := ParseID(text)
		if err != nil || !db.isErased(id) {
			t.Errorf("tenant %s is back after its erasure was acknowledged (%v)", text, err)
		}
	}
	eventually(t, "all changes of keys are finished", func() bool {
		open, err := db.openIntents(t.Context())
		return err == nil && len(open) == 0
	})
}

func twinOf(id ID) ID { id[15] ^= 0xff; return id }

// tortured is the workload: until it is killed, or for 3 seconds.
func tortured(t *testing.T, dir string) {
	key := filepath.Join(filepath.Dir(dir), "root.key")
	db, err := Open(dir, Options{Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Unlock(t.Context(), operator(), KeyFile(key)); err != nil {
		t.Fatal(err)
	}
	tenant, err := ParseID(os.Getenv("QRSD_TORTURE_TENANT"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := db.Tenant(t.Context(), rights.User(ID{7: 7}, tenant, Admin, Source{Address: "192.0.2.7"}, nil), tenant)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() { changing(ctx, t, h, byte(w)) })
	}
	all.Go(func() { keysChanging(ctx, t, db, h) })
	all.Wait()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// changing writes pairs of records, now and then with a blob.
func changing(ctx context.Context, t *testing.T, h *Tenant, writer byte) {
	for i := 0; ctx.Err() == nil; i++ {
		id := ID{0: 1, 1: writer, 2: byte(i % 16)}
		var version uint64
		err := h.Update(ctx, Action{Verb: rights.TenantChange, Object: id}, func(tx *WriteTx) error {
			tx.Enter(ledger.Lineage{Kind: ledger.ParameterChanged, Subject: ledger.ID(id)})
			r, err := memos.Get(tx, id)
			if errors.Is(err, ErrNotFound) {
				version = 1
				return errors.Join(memos.Insert(tx, id, memo{"1"}), memos.Insert(tx, twinOf(id), memo{"1"}))
			}
			if err != nil {
				return err
			}
			twin, err := memos.Get(tx, twinOf(id))
			if err != nil {
				return err
			}
			version = r.Version + 1
			r.Value.Text = fmt.Sprint(version)
			twin.Value = r.Value
			_, one := memos.Put(tx, r)
			_, two := memos.Put(tx, twin)
			return errors.Join(one, two)
		})
		if err != nil {
			if ctx.Err() == nil {
				t.Error(err)
			}
			return
		}
		fmt.Printf("ack change %s %d\n", id, version)
		if i%20 == 0 {
			withBlob(ctx, t, h)
		}
	}
}

func withBlob(ctx context.Context, t *testing.T, h *Tenant) {
	ref, err := h.WriteBlob(ctx, Action{Verb: changeVerb}, strings.NewReader(strings.Repeat("loss,", 1000)))
	if err == nil {
		err = h.Update(ctx, Action{Verb: rights.TenantChange}, func(tx *WriteTx) error { return tx.KeepBlob(ref, h.id) })
	}
	if err != nil && ctx.Err() == nil {
		t.Error(err)
	}
}

// keysChanging rotates, rewraps, re-encrypts, adds and erases tenants.
func keysChanging(ctx context.Context, t *testing.T, db *DB, h *Tenant) {
	for i := 0; ctx.Err() == nil; i++ {
		var err error
		switch i % 5 {
		case 0:
			err = db.RotateKeys(ctx, operator(), h.id)
		case 1:
			err = db.RewrapKeys(ctx, operator(), nil)
		case 2:
			err = db.Reencrypt(ctx, operator(), h.id, nil)
		default:
			err = addAndErase(ctx, db, i%5 == 4)
		}
		if err != nil {
			if ctx.Err() == nil {
				t.Error(err)
			}
			return
		}
	}
}

func addAndErase(ctx context.Context, db *DB, erase bool) error {
	id, err := db.AddTenant(ctx, operator(), "Short-lived")
	if err != nil {
		return err
	}
	fmt.Printf("ack tenant %s\n", id)
	if !erase {
		return nil
	}
	if _, err := db.EraseTenant(ctx, operator(), id); err != nil {
		return err
	}
	fmt.Printf("ack erase %s\n", id)
	return nil
}
