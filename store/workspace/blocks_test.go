package workspace_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// computation is that of the bench's runs.
func computation() workspace.Computation {
	return workspace.Computation{Model: modelDigest, Exposure: exposureDigest, Spec: spec(), Program: [32]byte{1}}
}

func keep(t testing.TB, b *workspace.Blocks, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		if err := b.Keep(t.Context(), n, strings.NewReader(blockText(n))); err != nil {
			t.Fatal(err)
		}
	}
}

func blockText(n int) string { return fmt.Sprintf("years of block %d", n) }

// TestKilledBetweenBlockAndFinish takes images of the directory as a kill would leave it, between the blocks of a run, and has
// another process go on with each: it finds the blocks that were kept, byte for byte, finishes, and nothing of them is left.
func TestKilledBetweenBlockAndFinish(t *testing.T) {
	b := newBench(t)
	b.queue(1)
	j := claimFirst(t, b.appliance("worker 1"))
	blocks := must(j.OpenBlocks(t.Context(), computation()))(t)
	images := []string{image(t, b.dir)}
	order := []int{2, 0, 63}
	for _, n := range order {
		keep(t, blocks, n)
		images = append(images, image(t, b.dir))
	}
	for kept, dir := range images {
		t.Run(fmt.Sprint(kept, " blocks"), func(t *testing.T) {
			crashed := &bench{TB: t, dir: dir, tenant: b.tenant, clock: b.clock}
			crashed.db = storetest.Open(t, dir, b.options())
			crashed.admin = crashed.handle(storetest.User(b.tenant, store.Admin))
			j := claimFirst(t, crashed.appliance("worker 2"))
			blocks := must(j.OpenBlocks(t.Context(), computation()))(t)
			want := slices.Sorted(slices.Values(order[:kept]))
			if got := blocks.Numbers(); !slices.Equal(got, want) {
				t.Fatalf("kept are %v, want %v", got, want)
			}
			for _, n := range want {
				if got, err := blocks.Read(n); err != nil || string(got) != blockText(n) {
					t.Errorf("block %d: %q, %v", n, got, err)
				}
			}
			if got, err := blocks.Read(7); got != nil || err != nil {
				t.Errorf("a block that was not kept: %q, %v", got, err)
			}
			keep(t, blocks, 5)
			must(0, blocks.Close())(t)
			must(j.Finish(t.Context(), resultFiles()))(t)
			if _, _, err := crashed.admin.SweepBlobs(t.Context()); err != nil {
				t.Fatal(err)
			}
			// Two files of the portfolio, three of the result, and block 5, which is too young to be swept.
			if files := crashed.files(); len(files) != 6 {
				t.Errorf("%d blobs are left", len(files))
			}
		})
	}
}

// TestBlocksOfAnother: blocks of another model, exposure or spec than the run's are refused before one is read or kept, those of
// another program are dropped.
func TestBlocksOfAnother(t *testing.T) {
	b := newBench(t)
	b.queue(1)
	k := b.appliance("worker 1")
	j := claimFirst(t, k)
	first := must(j.OpenBlocks(t.Context(), computation()))(t)
	keep(t, first, 1)
	for field, change := range map[string]func(*workspace.Computation){
		"model":    func(c *workspace.Computation) { c.Model[0]++ },
		"exposure": func(c *workspace.Computation) { c.Exposure[0]++ },
		"spec":     func(c *workspace.Computation) { c.Spec.Seed++ },
	} {
		c := computation()
		change(&c)
		if _, err := j.OpenBlocks(t.Context(), c); !isInvalid(err, field) {
			t.Errorf("another %s: %v", field, err)
		}
	}
	if got := must(j.OpenBlocks(t.Context(), computation()))(t).Numbers(); !slices.Equal(got, []int{1}) {
		t.Fatalf("kept are %v", got)
	}
	c := computation()
	c.Program[0]++
	other := must(j.OpenBlocks(t.Context(), c))(t)
	if got := other.Numbers(); got != nil {
		t.Errorf("another program goes on with %v", got)
	}
	keep(t, other, 2)
	if err := first.Keep(t.Context(), 3, strings.NewReader("")); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a block beside those of another program: %v", err)
	}
	if got := must(j.OpenBlocks(t.Context(), c))(t).Numbers(); !slices.Equal(got, []int{2}) {
		t.Errorf("kept are %v", got)
	}
}

// TestBlocksEnd: whatever ends a run takes its blocks away, and no more are kept; one that cannot be read or has no number is not kept.
func TestBlocksEnd(t *testing.T) {
	b := newBench(t)
	k := b.appliance("worker 1")
	for name, end := range map[string]func(*workspace.Job) error{
		"finish": func(j *workspace.Job) error { _, err := j.Finish(t.Context(), resultFiles()); return err },
		"fail":   func(j *workspace.Job) error { return j.Fail(t.Context(), "why") },
		"cancel": func(j *workspace.Job) error { return b.as(store.Admin).Cancel(t.Context(), j.Run().ID, "why") },
	} {
		b.queue(1)
		j := claimFirst(t, k)
		blocks := must(j.OpenBlocks(t.Context(), computation()))(t)
		var keeping sync.WaitGroup
		for n := range 8 {
			keeping.Go(func() { keep(t, blocks, n) })
		}
		keeping.Wait()
		if got := must(j.OpenBlocks(t.Context(), computation()))(t); len(got.Numbers()) != 8 || got.Close() != nil {
			t.Errorf("%s: kept are %v", name, got.Numbers())
		}
		if err := blocks.Keep(t.Context(), 1024, strings.NewReader("")); !isInvalid(err, "block") {
			t.Errorf("%s: block 1024: %v", name, err)
		}
		if err := blocks.Keep(t.Context(), 9, iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: a block cut off: %v", name, err)
		}
		if err := end(j); err != nil {
			t.Fatal(err)
		}
		var gone *workspace.StateError
		if err := blocks.Keep(t.Context(), 9, strings.NewReader("")); !errors.As(err, &gone) {
			t.Errorf("%s: a block after the end: %v", name, err)
		}
	}
	dropped := map[string]bool{}
	for _, e := range b.entries() {
		for _, c := range e.Changes {
			if c.Collection == "blocks" && c.Digest == "" {
				dropped[e.Action] = true
			}
		}
	}
	if len(dropped) != 3 {
		t.Errorf("blocks were dropped by %v", dropped)
	}
}
