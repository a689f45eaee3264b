package workspace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// blockSet are the finished blocks of years of a run that has not ended, under the run's id: a run whose process died goes on with
// them, to the same bits. They go when the run ends.
type blockSet struct {
	Of     ledger.Digest `json:"of"` // of all that determines a block's bytes
	Blocks []block       `json:"blocks"`
}

type block struct {
	Number int  `json:"number"`
	Blob   Blob `json:"blob"`
}

var blockSets = store.Define[blockSet]("blocks", 1)

// maxBlocks bounds how many blocks a run has.
const maxBlocks = 1024

// Computation is all that determines the bytes of a run's blocks. Program is the digest of the program that computes: another one may do
// it otherwise.
type Computation struct {
	Model    [32]byte
	Exposure [32]byte
	Spec     engine.Spec
	Program  [32]byte
}

func (c *Computation) digest() (ledger.Digest, error) {
	spec, err := specDigest(c.Spec)
	if err != nil {
		return ledger.Digest{}, err
	}
	return digestOf(struct {
		Model    ledger.Digest `json:"model"`
		Exposure ledger.Digest `json:"exposure"`
		Spec     ledger.Digest `json:"spec"`
		Program  ledger.Digest `json:"program"`
	}{c.Model, c.Exposure, spec, c.Program})
}

// Blocks are the kept blocks of a run that is being carried out. It is safe for many goroutines. It must be closed.
type Blocks struct {
	job *Job
	of  ledger.Digest

	mu   sync.Mutex
	kept map[int]*store.BlobReader // opened when the run was taken up; a block is read at most once
}

// OpenBlocks gives the run's kept blocks of a computation, which must be that of the run: *Invalid, where model, exposure or spec is
// another. Blocks of another program are of no use, and are dropped. *StateError: the run is no longer the worker's.
func (j *Job) OpenBlocks(ctx context.Context, c Computation) (*Blocks, error) {
	of, err := c.digest()
	if err != nil {
		return nil, err
	}
	b := &Blocks{job: j, of: of}
	stale := false
	err = j.workspace.tenant.View(ctx, j.work(), func(tx *store.ReadTx) error {
		r, err := j.hold.of(tx, j.run.ID, Running)
		if err != nil {
			return err
		}
		if err := c.isOf(&r.Value); err != nil {
			return err
		}
		s, err := blocksOf(tx, j.run.ID)
		if err != nil {
			return err
		}
		if stale = s.Version > 0 && s.Value.Of != of; stale {
			return nil
		}
		return b.open(tx, s.Value.Blocks)
	})
	if err == nil && stale {
		err = j.dropBlocks(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// isOf holds a computation to the run.
func (c *Computation) isOf(r *Run) error {
	ran, err := specDigest(r.Spec)
	if err != nil {
		return err
	}
	computed, err := specDigest(c.Spec)
	switch {
	case err != nil:
		return err
	case c.Model != [32]byte(r.Model):
		return &Invalid{"model", fmt.Sprintf("blocks of the model %x are not of this run, whose model is %s", c.Model, r.Model)}
	case c.Exposure != [32]byte(r.Exposure):
		return &Invalid{"exposure", fmt.Sprintf("blocks of the exposure %x are not of this run, whose exposure is %s", c.Exposure, r.Exposure)}
	case computed != ran:
		return &Invalid{"spec", fmt.Sprintf("blocks of the spec %s are not of this run, whose spec is %s", computed, ran)}
	}
	return nil
}

// blocksOf reads a run's blocks; version 0: it has none.
func blocksOf(tx store.Reader, run store.ID) (store.Record[blockSet], error) {
	r, err := blockSets.Get(tx, run)
	if errors.Is(err, store.ErrNotFound) {
		return store.Record[blockSet]{ID: run}, nil
	}
	return r, err
}

// open opens the blobs of the blocks, all in one reading.
func (b *Blocks) open(tx *store.ReadTx, blocks []block) error {
	b.kept = map[int]*store.BlobReader{}
	for _, k := range blocks {
		from, err := tx.OpenBlob(k.Blob.ref())
		if err != nil {
			return fmt.Errorf("block %d: %w", k.Number, err)
		}
		b.kept[k.Number] = from
	}
	return nil
}

// Numbers are the kept blocks that were not read yet, in order.
func (b *Blocks) Numbers() []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.kept))
}

// Read gives the bytes of a block that was kept when the run was taken up, once; nil: there is none.
func (b *Blocks) Read(number int) ([]byte, error) {
	b.mu.Lock()
	from := b.kept[number]
	delete(b.kept, number)
	b.mu.Unlock()
	if from == nil {
		return nil, nil
	}
	content, err := io.ReadAll(from)
	if err = errors.Join(err, from.Close()); err != nil {
		return nil, fmt.Errorf("block %d of run %s: %w", number, b.job.run.ID, err)
	}
	return content, nil
}

// Close closes what was not read.
func (b *Blocks) Close() (err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, from := range b.kept {
		err = errors.Join(err, from.Close())
	}
	b.kept = nil
	return err
}

// Keep keeps a finished block: when it returns, a run that is taken up has it. *StateError: the run is no longer the worker's.
func (b *Blocks) Keep(ctx context.Context, number int, from io.Reader) error {
	j := b.job
	var kept Blob
	first := func() error {
		if number < 0 || number >= maxBlocks {
			return &Invalid{"block", fmt.Sprintf("%d is not between 0 and %d", number, maxBlocks-1)}
		}
		ref, err := j.workspace.tenant.WriteBlob(ctx, j.work(), from)
		kept = blobOf(ref)
		return err
	}
	return j.workspace.change(ctx, j.work(), first, func(tx *store.WriteTx) error {
		if _, err := j.hold.of(tx, j.run.ID, Running); err != nil {
			return err
		}
		r, err := blocksOf(tx, j.run.ID)
		if err != nil {
			return err
		}
		return b.enter(tx, r, block{number, kept})
	})
}

// enter adds a block to the set; one of the same number is replaced.
func (b *Blocks) enter(tx *store.WriteTx, r store.Record[blockSet], k block) error {
	if r.Version > 0 && r.Value.Of != b.of {
		return fmt.Errorf("the run has kept blocks of another computation: %w", store.ErrConflict)
	}
	r.Value.Of = b.of
	at, found := slices.BinarySearchFunc(r.Value.Blocks, k, func(x, y block) int { return cmp.Compare(x.Number, y.Number) })
	if found {
		if err := tx.DropBlob(r.Value.Blocks[at].Blob.ref()); err != nil {
			return err
		}
		r.Value.Blocks[at] = k
	} else {
		r.Value.Blocks = slices.Insert(r.Value.Blocks, at, k)
	}
	if err := tx.KeepBlob(k.Blob.ref(), r.ID); err != nil {
		return err
	}
	if r.Version == 0 {
		return blockSets.Insert(tx, r.ID, r.Value)
	}
	_, err := blockSets.Put(tx, r)
	return err
}

// dropBlocks drops blocks that are of no use to the run.
func (j *Job) dropBlocks(ctx context.Context) error {
	return j.workspace.tenant.Update(ctx, j.work(), func(tx *store.WriteTx) error {
		if _, err := j.hold.of(tx, j.run.ID, Running); err != nil {
			return err
		}
		return dropBlocks(tx, j.run.ID)
	})
}

// dropBlocks takes a run's blocks away; their files go with the store's next sweep.
func dropBlocks(tx *store.WriteTx, run store.ID) error {
	r, err := blocksOf(tx, run)
	if err != nil || r.Version == 0 {
		return err
	}
	for _, k := range r.Value.Blocks {
		if err := tx.DropBlob(k.Blob.ref()); err != nil {
			return err
		}
	}
	return blockSets.Delete(tx, run, r.Version)
}
