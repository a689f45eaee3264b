// Package envelope encrypts values for one place only. It holds the AES-256 key with its identity and its count of
// encryptions ([Key]), the place that a value is bound to ([Place]), the encrypted value as it stands on disk ([Box]), and
// the wrapping of one key by another. It does not hold files, key hierarchies or rotation (package keyring), and knows
// nothing of what the values mean.
//
// The cipher is AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces, which bounds a key to 2^32 encryptions
// (section 8.3); a key counts them, and its ring replaces it at [RollAt] already.
//
// A value decrypts only with the key it was encrypted with and at its own place: install, space, collection, record,
// schema, key id and public part are additional data, fixed-width or with their lengths in front, never joined as text.
// A box that was moved, swapped or touched is [ErrForged].
//
// Begin at [Key.Encrypt] and [Box].
package envelope
