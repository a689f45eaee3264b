//go:build !linux

package hostkeys

import "time"

// Keep is ErrForbidden on this system.
func (Keeper) Keep(string, []byte, time.Duration) error { return ErrForbidden }

// Recall is ErrForbidden on this system.
func (Keeper) Recall(string) ([]byte, error) { return nil, ErrForbidden }

// Forget has nothing to forget on this system.
func (Keeper) Forget(string) error { return nil }
