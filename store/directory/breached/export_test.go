package breached

import (
	"encoding/binary"
	"hash/crc32"
)

// MendFooter gives a file's footer the checksum that fits.
func MendFooter(file []byte) {
	if len(file) < footerSize {
		return
	}
	foot := file[len(file)-footerSize:]
	binary.BigEndian.PutUint32(foot[footerSize-4:], crc32.Checksum(foot[:footerSize-4], castagnoli()))
}
