package store

import (
	"fmt"
	"maps"
	"slices"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
)

// register gives every collection its number, which is part of the address and of the additional data of all its
// values, and of the purpose of its data keys. Numbers are never given twice and never changed.
var register = map[string]uint16{
	// of the appliance
	"tenants": 1, "intents": 2, "certificates": 3, "signposts": 4, "appliance-settings": 5,
	// of the directory
	"profile": 8, "users": 9, "credentials": 10, "sessions": 11, "api-keys": 12, "invitations": 13, "policies": 14, "notices": 15, "password-resets": 16, "passkeys": 17,
	// of the workspace
	"portfolios": 24, "models": 25, "runs": 26, "results": 27, "approvals": 28, "estimates": 29, "egress": 30, "seals": 31,
	"workloads": 32, "quotas": 33, "blocks": 34, "refused-imports": 35, "webhooks": 36, "deliveries": 37, "past-deliveries": 38,
	"device-jobs": 39, "device-settings": 40, "device-keys": 41, "portfolio-versions": 42,
	// of backups, the appliance's own
	"backups": 44, "drills": 45, "backup-state": 46,
	// of every tenant
	"blobs": 48, "indexes": 49, "settings": 50,
}

// registered is the way back.
var registered = func() map[uint16]string {
	names := make(map[uint16]string, len(register))
	for name, number := range register {
		names[number] = name
	}
	return names
}()

// What else a data key can be for. They share the numbers' space with the collections.
const (
	leafCollection       = 64 // of a log: entries or lineage
	nodeCollection       = 65 // of a log: hashes of its tree
	checkpointCollection = 66 // of a log: signed tree heads

	purposeBlobs    keyring.Purpose = 80 // wraps the file keys of blobs
	purposePersonal keyring.Purpose = 81 // addresses and clients in audit entries
)

// dataPurposes are the data keys that a tenant has under its own key-encryption key.
func dataPurposes() []keyring.Purpose {
	all := []keyring.Purpose{leafCollection, purposeBlobs, purposePersonal}
	for _, number := range register {
		all = append(all, keyring.Purpose(number))
	}
	return all
}

// auditPurposes are those under its audit key-encryption key, which outlives an erasure. The nodes and checkpoints of
// the ledger are with them, so that its proofs outlive it too.
func auditPurposes() []keyring.Purpose {
	return []keyring.Purpose{leafCollection, nodeCollection, checkpointCollection}
}

// collectionNames lists the register in order.
func collectionNames() []string { return slices.Sorted(maps.Keys(register)) }

// number looks a collection up; a name that is not registered is our own mistake.
func number(name string) uint16 {
	n, ok := register[name]
	if !ok {
		panic(fmt.Sprintf("store: collection %q is not in the register", name))
	}
	return n
}

// collectionName is the way back, for reports.
func collectionName(n uint16) string {
	switch n {
	case leafCollection:
		return "leaves"
	case nodeCollection:
		return "tree"
	case checkpointCollection:
		return "checkpoints"
	}
	if name, ok := registered[n]; ok {
		return name
	}
	return fmt.Sprintf("collection %d", n)
}
