// Package keyring holds all keys of an appliance in one small file, and decides which of them exists.
//
//	root -> key-encryption key (KEK) of an [Owner], versioned -> data keys by [Purpose], in epochs -> values
//
// The root is random. It stands in the file once per slot, wrapped so that one [Unlocker] opens it: a passphrase, a key
// file, the recovery code, AWS KMS or a PKCS#11 token. Slots of the first three kinds have a public half
// (HPKE, RFC 9180), so that a new root can be given to them without their secret; the others wrap by call.
//
// The file is rewritten whole on every change, under the next [Ring.Generation], and the bytes of the file before are
// overwritten: a key that was destroyed is in no free page of a database and in no earlier version. Design of the file
// and of a rewrite: file.go and disk.go. A checksum finds every changed byte while the ring is still locked; a MAC under
// a key derived from the root finds, at [Ring.Unlock], whatever was written by someone without it.
//
// The package does not hold values or their encryption (package envelope), does not know what a space or a purpose is, writes no
// audit entries (every change returns the [Event] list that the store writes), and cannot tell an old file that was put
// back from the current one: the store compares [Ring.Generation] with its anchor, and [Ring.ApplyErased] repeats the erasures.
//
// # What is not guaranteed
//
// [Ring.Lock] overwrites the secrets that this package holds. Copies inside crypto/aes (key schedules), crypto/hpke and
// crypto/ecdh, and whatever the garbage collector moved or the operating system paged out, are out of its reach.
// Overwriting a file says nothing about the remapped blocks of an SSD, the older blocks of a copying file system, snapshots and
// backups: against those stands the root, which every erasure replaces.
//
// Two sorts of signing keys hang from the root as well: series of Ed25519 keys that sign checkpoints (signer.go), and the ECDSA
// P-256 keys that sign seals (sealkey.go). Of both only the last has its private half; all public halves stay.
//
// Begin at [Create], [Ring.Unlock] and [Ring.DataKey].
package keyring
