// Package backup makes backups of a store while it works, restores them, and proves by drills that they can be restored.
//
// It holds the format of a backup, what is done with targets (folders, object stores), the retention, and the appliance's own record of
// backups and drills. It does not know how a store is laid out or encrypted (package store gives a [store.Snapshot] and puts an
// [store.Assembly] together), and it opens no connection: a [Target] elsewhere is given to it. Package backup/s3 is one.
//
// # A backup on a target
//
//	databases/NAME    main.db as of one transaction, zstd, age
//	packs/NAME-N      blobs that no earlier pack holds, one after the other, age; they are compressed already
//	indexes/NAME      which blob lies where in which pack, zstd, age
//	keys/GENERATION-NAME  the key file, in which every key is wrapped, age
//	manifests/NAME    what belongs together: sizes, digests, transaction, heads of all logs, ids of keys, anchor; a signed note
//	verified/NAME     written when a drill has restored it
//	erasures          the erasures of tenants, each with its MAC; written anew
//
// The manifest is written last: what is without it is no backup, and is removed by the retention after a day. All but manifests, verified
// and erasures is encrypted (https://c2sp.org/age) to the recipients that the owner named, whose identities the appliance never sees, and to
// an identity of the appliance's own, which lies in the store itself: whoever has that has the store. With it the appliance reads its
// backups back. What is not encrypted shows ids of tenants and keys, and how large and how busy each log is.
//
// # Erasure
//
// An erased tenant's records remain in older backups, encrypted under keys that are destroyed. The key file is therefore apart, is never
// held by an object lock, and every copy of it from before an erasure is removed from all targets with the next backup or the next
// call of [Keeper.Shred]. A backup from before is then restored with a later key file, and the first unlock purges what has no key.
//
// # What is not promised
//
// Whoever may write to a target can destroy what is there, unless the target holds it (object lock). Packs are not rewritten when most
// of their blobs are gone. A backup is only as old as its snapshot: changes after it are lost with the host.
//
// Begin with [Keeper.Create] and [Restore].
package backup
