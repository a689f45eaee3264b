package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Slots lists the ways to unlock the store, the recovery key's among them, in the order in which they were added. Status shows
// them too, of a locked store as well, and enters no reading of theirs. Operator only.
func (db *DB) Slots(ctx context.Context, p Principal) (all []Slot, err error) {
	return all, db.appliance(p).View(ctx, Action{Verb: rights.SlotList}, func(*ReadTx) error {
		all = db.ring.Slots()
		return nil
	})
}

// AddSlot adds a way to unlock. A passphrase must be new enough to be good (see Passphrase), a key file must exist. Operator
// only; errors are *DeniedError, those of the unlocker and of the key file.
func (db *DB) AddSlot(ctx context.Context, p Principal, u Unlocker) (added Slot, err error) {
	err = db.appliance(p).changeKeys(ctx, keyChange{verb: rights.SlotAdd, do: func() ([]keyring.Event, error) {
		events, err := db.ring.AddSlot(ctx, u)
		if all := db.ring.Slots(); err == nil && len(all) > 0 {
			added = all[len(all)-1]
		}
		return events, err
	}})
	return added, err
}

// RemoveSlot takes a way to unlock away and replaces the root key, so that whoever has its secret and an old key file
// opens nothing of what is there now. The last way beside the recovery key stays. unlockers reach the services of other slots that wrap by
// call, which the new root key is given to. Operator only; errors are *DeniedError, ErrNotFound, and those of the key file
// and the services.
func (db *DB) RemoveSlot(ctx context.Context, p Principal, id [8]byte, unlockers ...Unlocker) error {
	return db.appliance(p).changeKeys(ctx, keyChange{verb: rights.SlotRemove, do: func() ([]keyring.Event, error) {
		if !slices.ContainsFunc(db.ring.Slots(), func(s Slot) bool { return s.ID == id }) {
			return nil, fmt.Errorf("slot %x: %w; qrsd key slot list shows them", id, ErrNotFound)
		}
		return db.ring.RemoveSlot(ctx, id, unlockers...)
	}})
}

// ReplaceRecovery makes a new recovery key, which is returned to be shown once and is stored nowhere, takes the one of before away and
// replaces the root key. unlockers as for RemoveSlot. The code of a call that returns an error is void, though the one of
// before may be gone: call it again. Operator only; errors as RemoveSlot.
func (db *DB) ReplaceRecovery(ctx context.Context, p Principal, unlockers ...Unlocker) (recovery string, err error) {
	var code keyring.RecoveryCode
	err = db.appliance(p).changeKeys(ctx, keyChange{verb: rights.KeyRecovery, do: func() (events []keyring.Event, err error) {
		code, events, err = db.ring.ReplaceRecovery(ctx, unlockers...)
		return events, err
	}})
	if err != nil {
		return "", err
	}
	return code.Reveal(), nil
}
