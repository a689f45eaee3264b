// Package ledger holds the proofs of the append-only logs, a tenant's audit log and its lineage
// ledger alike: how an entry becomes a leaf, how leaves become a tree, how a tree's head
// is signed, and how all of it is verified by someone who has only a file and a public key.
//
// # From entry to checkpoint
//
//   - An entry is canonical JSON (package canonical). Commit binds it with a random salt.
//   - A Header names the log, the place in it, the predecessor and the commitment.
//   - A leaf is SHA-256(0x00 || header || box), the box being the encrypted entry as it is stored. So
//     proofs outlive the erasure of the key: the box stays and says nothing.
//   - Leaves form a Merkle tree after RFC 6962 §2.1, whose inner hashes are stored in the numbering of
//     Crosby and Wallach (USENIX Security 2009) as golang.org/x/mod/sumdb/tlog has it.
//   - A Checkpoint is origin, size and root in the form of C2SP tlog-checkpoint, signed as a C2SP
//     signed-note.
//   - An export carries entries, boxes, proofs and one checkpoint as JSON lines; VerifyExport needs
//     nothing else.
//
// # Why the header carries a commitment
//
// The leaf hash covers the ciphertext, which a reader without the key cannot tie to the exported
// plaintext. The commitment, SHA-256 over salt and plaintext, does so with no key. Once salt and
// plaintext are gone (both live inside the box) it can be matched with no guess.
//
// # Words
//
// entry (what is logged) · box (the encrypted entry) · leaf (its hash in the tree) · stored hash (a node of
// the tree as kept on disk) · root (hash of the whole tree) · head (leaf of the last entry) · checkpoint
// (signed size and root) · origin (the log's name in checkpoints).
//
// The package is pure: no files, clock, entropy or network; times come in as values. It
// encrypts nothing and stores nothing (package store does).
//
// Begin with Header, then Tree, then VerifyExport.
package ledger
