package ledger

import "fmt"

// Chain verifies stored entries one after the other: each is of this log, next in sequence, names its
// predecessor, and is hashed anew into the tree. It is how a log is re-verified from its stored bytes. Not
// for concurrent use.
type Chain struct {
	log  [16]byte
	tree Tree
}

// NewChain verifies a log from its first entry on.
func NewChain(log [16]byte) *Chain { return &Chain{log: log} }

// ResumeChain goes on after a part of the log that is already known to be good, such as the tree of a checkpoint.
// The chain owns the tree from now on.
func ResumeChain(log [16]byte, after *Tree) *Chain { return &Chain{log: log, tree: *after} }

// Next verifies and adds the next entry; the ciphertext is the box as stored. After an *EntryError (which
// names the sequence that was due) the chain is as before.
func (c *Chain) Next(h Header, ciphertext []byte) (Hash, error) {
	due := uint64(c.tree.size)
	fault := func(field, reason string) error {
		return &EntryError{Sequence: int64(due), Field: field, Reason: reason}
	}
	switch {
	case h.Log != c.log:
		return Hash{}, fault("log", fmt.Sprintf("is %x, the log is %x: the entry belongs elsewhere", h.Log, c.log))
	case h.Sequence != due:
		return Hash{}, fault("sequence", fmt.Sprintf("is %d, due is %d: an entry is missing or out of place", h.Sequence, due))
	case h.Previous != c.tree.head:
		return Hash{}, fault("previous", fmt.Sprintf("is %s, the entry before has leaf %s: one of the two was changed", h.Previous, c.tree.head))
	case due >= MaxSize:
		return Hash{}, fault("sequence", fmt.Sprintf("is beyond the %d entries of a log", uint64(MaxSize)))
	}
	leaf := LeafHash(h, ciphertext)
	c.tree.add(leaf, nil)
	return leaf, nil
}

// Size is the number of entries verified, those before a resumption included.
func (c *Chain) Size() int64 { return c.tree.size }

// Head is the leaf of the last entry.
func (c *Chain) Head() Hash { return c.tree.head }

// Root is the hash of the tree over all entries so far, to be compared with a checkpoint's.
func (c *Chain) Root() Hash { return c.tree.Root() }

// EntryError names the entry that does not hold, and what of it. It is an ErrNotVerified.
type EntryError struct {
	// Line is the line of the export, from 1; 0 where there is no file.
	Line int
	// Sequence is the entry's place in the log; -1 where the fault is not in an entry.
	Sequence int64
	// Field names what is wrong: a field of the line, or several with " or " where the evidence
	// cannot tell which.
	Field string
	// Reason says how, and what it should be.
	Reason string
}

// Error is "line L, entry S, field: reason".
func (e *EntryError) Error() string {
	at := ""
	if e.Line > 0 {
		at = fmt.Sprintf("line %d, ", e.Line)
	}
	if e.Sequence >= 0 {
		at += fmt.Sprintf("entry %d, ", e.Sequence)
	}
	return at + e.Field + ": " + e.Reason
}

// Is makes every EntryError an ErrNotVerified.
func (e *EntryError) Is(target error) bool { return target == ErrNotVerified }
