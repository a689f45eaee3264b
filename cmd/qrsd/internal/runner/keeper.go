package runner

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/store/workspace"
)

// keepWorth is how long a block of years must have been computed to be kept in the store: to compute it again costs less than to
// keep it, which is a transaction with its audit entry. A run has 64 blocks, so that what is lost at the worst is half a minute of cores.
const keepWorth = 500 * time.Millisecond

// keeper gives the engine the kept blocks of one run, and keeps new ones. As it is asked before and after each block, it is also where the run's
// workers take and give back their cores. It implements engine.BlockStore.
type keeper struct {
	ctx    context.Context // of the run, which the engine's interface has no place for
	blocks *workspace.Blocks
	cores  cores
	worth  time.Duration
	log    hclog.Logger

	mu     sync.Mutex
	began  map[int]time.Time // of the blocks that hold a core
	loaded int               // kept blocks that were not computed again
}

// Load implements engine.BlockStore.
func (k *keeper) Load(block int) []byte {
	if !k.cores.take(k.ctx) {
		return nil // the engine sees that the run has ended
	}
	content, err := k.blocks.Read(block)
	if err != nil {
		k.log.Warn("a kept block is computed again", "block", block, "reason", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil && content != nil {
		k.cores.give()
		k.loaded++
		return content
	}
	k.began[block] = time.Now()
	return nil
}

// Save implements engine.BlockStore.
func (k *keeper) Save(block int, partial []byte) error {
	k.mu.Lock()
	began, held := k.began[block]
	delete(k.began, block)
	k.mu.Unlock()
	if held {
		k.cores.give()
	}
	if held && time.Since(began) < k.worth {
		return nil
	}
	return k.blocks.Keep(k.ctx, block, bytes.NewReader(partial))
}

// kept is how many blocks were taken as they were kept.
func (k *keeper) kept() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.loaded
}

// close gives back what is still held: cores, by a run that was stopped within a block, and blocks that were not asked for.
func (k *keeper) close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for range k.began {
		k.cores.give()
	}
	clear(k.began)
	return k.blocks.Close()
}
