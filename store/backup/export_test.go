package backup

import "context"

// LookOnce does what is due, as Run does at its beginning.
func (k *Keeper) LookOnce(ctx context.Context) error { return k.look(ctx, &looker{told: -1}) }
