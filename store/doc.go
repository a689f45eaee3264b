// Package store keeps everything of a qrsd appliance that must outlast a restart: tenants, users, portfolios,
// runs, the lineage ledger and the audit log, encrypted, in one directory.
//
// It holds the doors and what stands behind them. A DB is opened locked, and unlocked with the root key. From it
// leads one way to a tenant's records, [DB.Tenant], which wants a [Principal] and gives a [Tenant] handle. From a
// handle lead two: [Tenant.View] and [Tenant.Update], which want an [Action] and give a [ReadTx] or [WriteTx] for as
// long as a function runs. A [Collection] is a set of records of one Go type; it can only be read or written through
// such a transaction. So there is no reading that was not permitted and audited, no writing without its audit entry
// in the same transaction, and no way from one tenant to another.
//
// It does not know users and passwords (store/directory), portfolios and runs (store/workspace), or how leaves are
// hashed and proved (store/ledger, which is pure).
//
// # Words
//
//   - tenant: a customer's own space. The appliance itself is a reserved one, [Appliance].
//   - lock, unlock: of the store. Encrypt, decrypt: of values. Nothing here is "sealed": a seal is a signature on a run.
//   - root key, KEK (key-encryption key of a tenant), data key: the three steps from the unlocking secret to a value.
//   - log: a chain of leaves under a Merkle tree. A tenant has two, its audit log of entries and its ledger of lineage.
//   - checkpoint: a signed tree head of a log. Anchor: the file outside the database that holds the appliance's last.
//   - erase: destroy a tenant's keys, and then what they had encrypted. Its audit log stays and can still be verified.
//
// # What an attacker with the files and without keys can do
//
// Destroy, and put back what was. Every value is encrypted for its place, and every log is a signed tree; the heads of all
// logs are entered in the appliance's audit log in the transaction that signs them, and the last head of that log is in the
// anchor. [DB.Check] finds a log whose end was cut off, and replays the audit logs to find each record that was put back to
// an earlier state, taken away or brought back. Unlocking finds a database, key file or anchor of before, or none.
//
// Not found are: a cut behind the last checkpoint of a crashed store, at most ten seconds of entries, before the next unlock
// signs what is there; the whole directory put back together with its anchor, for which the anchor belongs on another disk
// ([Options.Anchor]); values changed between two checks, until the next; a record of a tenant whose audit log is faulty
// itself: that log is reported, and its records are not held to it.
//
// # On disk
//
// LOCK, format.json, main.db (bbolt; every value an envelope.Box), keys.qrk (wrapped keys, rewritten whole), anchor,
// ballast (space given up when the disk is full), blobs/, and before-format-N/ after a migration (upgrade.go). What a stranger with the directory learns: how many tenants,
// records and blobs there are, how large, and when they were written.
//
// Begin with Open, then Tenant.Update.
package store
