package store

import (
	"errors"

	"github.com/qrsrisk/qrsd/store/internal/blob"
	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
)

// ErrDamaged is a file of the store that is not what the store wrote.
var ErrDamaged = errors.New("the file is damaged or was changed")

// IsDamage reports whether an error says that bytes of the store are not those that were written: a broken page, a
// value that does not decrypt at its place, a missing leaf or blob, a changed key file. The error names the place.
func IsDamage(err error) bool {
	for _, damage := range []error{
		ErrDamaged, kv.ErrCorrupt, envelope.ErrForged, envelope.ErrMalformed, keyring.ErrDamaged, keyring.ErrTampered, blob.ErrDamaged, blob.ErrMissing,
	} {
		if errors.Is(err, damage) {
			return true
		}
	}
	return false
}
