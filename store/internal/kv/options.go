package kv

import (
	"time"
)

// Options are the settings of [Open]. The zero value is right for an appliance.
type Options struct {
	// MaxSize is the largest the file may grow to, in bytes; 0 is 32 GiB. A sixteenth of it, at most 64 MiB, is kept for
	// essential ops.
	MaxSize int64
	// InitialMmap is the address space reserved for the file, in bytes; 0 is 64 GiB, on 32-bit systems 1 GiB. Where the
	// system refuses that much, half is tried, and so on. Growing past it waits for all readers.
	InitialMmap int64
	// LockTimeout is how long Open waits for another process to let go of the file; 0 is 5 seconds.
	LockTimeout time.Duration
	// ReadBudget is how long a snapshot may be held; 0 is 2 seconds. The same holds for Prepare.
	ReadBudget time.Duration
	// Ballast is the size of the file "ballast" beside the database, given up when even essential ops have no room left;
	// 0 is 32 MiB, negative is none.
	Ballast int64
	// LowWater is how many bytes must be free on the file system for ops that are not essential; 0 is 5 % of it, at most
	// 1 GiB; negative is no guard.
	LowWater int64
	// Journal sees every batch before its commit and after; nil is none.
	Journal Journal
	// OnLongRead is told of each snapshot that was taken back, with the time it was held; nil is nobody. It runs in
	// a goroutine of its own and must not block.
	OnLongRead func(held time.Duration)
	// MaxBatchOps and MaxBatchBytes bound a batch; 0 is 512 ops and 4 MiB of keys and boxes.
	MaxBatchOps, MaxBatchBytes int
}

const is64bit = ^uint(0)>>63 == 1

func (o Options) filled() Options {
	if o.MaxSize == 0 {
		o.MaxSize = 32 << 30
	}
	if o.InitialMmap == 0 {
		o.InitialMmap = 64 << 30
	}
	if !is64bit {
		o.InitialMmap = min(o.InitialMmap, 1<<30)
		o.MaxSize = min(o.MaxSize, 1<<30)
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = 5 * time.Second
	}
	if o.ReadBudget == 0 {
		o.ReadBudget = 2 * time.Second
	}
	if o.Ballast == 0 {
		o.Ballast = 32 << 20
	}
	if o.MaxBatchOps == 0 {
		o.MaxBatchOps = 512
	}
	if o.MaxBatchBytes == 0 {
		o.MaxBatchBytes = 4 << 20
	}
	return o
}

// reserve is how much of MaxSize only essential ops may use.
func (o Options) reserve() int64 { return min(o.MaxSize/16, 64<<20) }
