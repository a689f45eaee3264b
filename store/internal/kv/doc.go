// Package kv keeps encrypted values in one bbolt file. It holds the file's life (create, open, check, compact, close), reads
// from snapshots ([DB.View]), durable changes through one committer ([DB.Update]), the guard against a full disk, and the
// lock on a data directory ([LockDir]). It takes [envelope.Box], never plain bytes, so that nothing readable can reach the
// file through it. It holds no keys, no audit and no notion of who may do what: package store has those.
//
// # File
//
// A record's place is its [Address]: a bucket for the space, in it a bucket for the collection (big-endian), in it the
// key. What stands there is the box and a CRC-32C over address and box, so that a rotten byte is told from a forgery
// and named without a key. Beside each collection stands its tally, the number of its records and the sum of their
// mixed CRCs, kept in the same transaction as the records: a lost or doubled record shows there. A space holds the
// number of its collections, the file that of its spaces. The tree's own pages have no checksums in bbolt; [Open] and
// [DB.Check] therefore walk all of them with a reader of our own that trusts no number it finds (bbolt's walk runs in
// goroutines where a damaged page would end the process).
//
// # Change
//
// An [Op] is prepared against a snapshot, concurrently with others: reads are remembered with a digest of what was
// seen, puts and deletes are buffered. The committer, one goroutine, takes what is queued (at most MaxBatchOps or
// MaxBatchBytes), checks that each op's reads still hold, runs Prepare again where they do not, applies, and commits
// the batch with one transaction: bbolt syncs the pages, then the page that makes them valid. Update returns after
// that. There is no waiting for company: while one batch is synced, the next gathers. (bbolt's own Batch waits 10 ms
// and reruns closures; measured, it is several times slower.)
//
// A batch that fails is rolled back; the op that broke it is set aside and runs alone, so that one bad op fails alone.
// bbolt has no savepoints. After a failed sync nobody knows what is on the disk (the kernel may have dropped the pages
// and says so once only): the file then takes no change until it is opened anew ([ErrFsync]).
//
// # Choices in bbolt
//
// Every one answers something that was measured to go wrong. The map is large from the start (growing it waits for all
// readers, and with a reader that waits for the writer, forever). The list of free pages is not written (with one reader open
// it is written again with every commit, growing, and pins itself; it could rot unnoticed as well) but found by Open's
// walk. NoSync is never set. Readers have a budget, after which their snapshot is taken away. Deletes go in chunks. A new
// file is made aside, synced and renamed, since bbolt's own beginning is not crash-safe. Close commits once more without
// a change, so that either of the two meta pages alone gives the whole state.
//
// Begin at [Op] and [DB.Update].
package kv
