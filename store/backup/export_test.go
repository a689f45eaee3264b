package backup

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
)

// LookOnce does what is due, as Run does at its beginning.
func (k *Keeper) LookOnce(ctx context.Context) error { return k.look(ctx, &looker{told: -1}) }

// Erasures reads the list of erasures on a target.
func Erasures(ctx context.Context, t Target) ([]store.Erasure, error) { return readErasures(ctx, t) }
