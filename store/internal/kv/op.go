package kv

// Op is one change: all of it becomes durable, or nothing.
type Op struct {
	// Prepare reads a snapshot and says what to put and delete, in the caller's goroutine and concurrently with other
	// ops. Where something it read was changed before the op's turn, it runs again, inside the committer, on the newest
	// state; so it must have no effects but on the Tx, and should be short. An error ends the op without effect and is
	// Update's error. nil: nothing to put.
	Prepare func(*Tx) error
	// Finish runs inside the committer, in the order of commits, right after the op's own puts: for what depends on all
	// that went before, such as chains. An error ends the op without effect and is Update's error. It may run again,
	// after Journal.Settle(false), where the batch was rolled back. nil: nothing.
	Finish func(*Tail) error
	// Essential ops pass while the disk guard refuses others: signing in, exporting, the record of a denial.
	Essential bool
}

// Journal takes part in every batch: it gathers in memory what the batch's Finish functions leave with it.
type Journal interface {
	// Flush runs once per batch, after its last Finish and before the commit. An error rolls the batch back.
	Flush(*Tail) error
	// Settle runs once after each attempt at a batch: true after its commit, false after rolling it back, whereupon its
	// ops may run again, alone or in other company. Both run in the committer's goroutine.
	Settle(committed bool)
}
