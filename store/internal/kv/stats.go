package kv

import "os"

// Stats is the state of an open file. Counts are since Open.
type Stats struct {
	Opened Inventory // what Open found

	Size int64 // of the file, bytes
	Used int64 // of it, in pages that hold something
	Free int64 // of it, in pages that can be used again

	Batches   uint64 // commits
	Ops       uint64 // in them
	Reruns    uint64 // Prepare run again, since something read had changed
	Isolated  uint64 // ops that ran alone after their batch had failed
	LongReads uint64 // snapshots taken back after their budget
	OpenReads int64  // snapshots held now
	Queued    int    // ops that wait for the committer now

	DiskFree int64 // on the file system, bytes
	ReadOnly bool  // the disk guard refuses ops that are not essential
	Ballast  bool  // the ballast is in place
	Failed   error // why no change is taken until the file is opened anew; nil while all is well
}

// Stats returns the state now; all zero but for Opened after Close.
func (db *DB) Stats() Stats {
	s := Stats{Opened: db.opened}
	db.swap.RLock()
	defer db.swap.RUnlock()
	if db.bolt == nil {
		return s
	}
	bolt, end := db.bolt.Stats(), db.used()
	s.Size = db.fileSize()
	s.Used = end - int64(bolt.FreePageN+bolt.PendingPageN)*pageSize
	s.Free = s.Size - s.Used
	s.Batches, s.Ops = db.counts.batches.Load(), db.counts.ops.Load()
	s.Reruns, s.Isolated = db.counts.reruns.Load(), db.counts.isolated.Load()
	s.LongReads, s.OpenReads = db.counts.longReads.Load(), db.counts.openReads.Load()
	s.Queued = len(db.queue)
	s.DiskFree, _, _ = diskSpace(db.disk.dir)
	s.ReadOnly, s.Ballast, s.Failed = db.disk.low.Load(), db.disk.held.Load(), db.failed()
	return s
}

// fileSize is the size of the file in bytes.
func (db *DB) fileSize() int64 {
	info, err := os.Stat(db.path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// used is how far into the file pages were ever used, in bytes.
func (db *DB) used() (size int64) {
	_ = guard(place(db.path), func() error {
		tx, err := db.bolt.Begin(false)
		if err != nil {
			return err
		}
		size = tx.Size()
		return tx.Rollback()
	})
	return size
}
