package rights

import (
	"encoding/hex"
	"fmt"
)

// ID names a tenant, a user or a record: 16 bytes, written as 32 hexadecimal digits.
type ID [16]byte

func (id ID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether the id was never given.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText writes the 32 digits.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the 32 digits.
func (id *ID) UnmarshalText(text []byte) error {
	got, err := ParseID(string(text))
	if err == nil {
		*id = got
	}
	return err
}

// ParseID reads 32 hexadecimal digits; dashes, as in a UUID, are passed over.
func ParseID(text string) (id ID, err error) {
	digits := make([]byte, 0, 32)
	for i := range len(text) {
		if text[i] != '-' {
			digits = append(digits, text[i])
		}
	}
	if n, err := hex.Decode(id[:], digits[:min(len(digits), 32)]); err != nil || n != 16 || len(digits) != 32 {
		return ID{}, fmt.Errorf("id %q is not 32 hexadecimal digits", text)
	}
	return id, nil
}
