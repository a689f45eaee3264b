// Package breached holds lists of passwords that leaked somewhere, and says whether one is in them, without a network and without the
// passwords: a list is a compact file of hashes, a [Filter].
//
// One list is embedded ([Embedded]). An owner brings larger ones, as the SHA-1 list of Have I Been
// Pwned, through a [Builder]. A [List] asks all of them; it is what directory.Options.Breached wants. The rules about passwords that
// need no list are in package directory.
//
// # The file
//
// A password is known by the SHA-1 of its NFKC form. (SHA-1 is what lists are published in. It protects nothing here: what is hidden in a
// list is public.) Its bytes 8 to 15 as a number, scaled to the range of n * 2^bits for a list of n lines, are its position; the file has the set of all
// positions. So a password of the list is always found, and one that is not is taken for known once in 2^bits times. Positions are uniform even
// where the list is a part of another by the first digits.
//
// The range is cut into buckets of 256 expected positions. Each is written as the Golomb-Rice code of the differences, most significant
// bit first: about bits + 1.6 bits for a position, plus half a bit of index.
//
//	16 bytes   magic
//	           buckets, each padded to whole bytes with ones
//	           index: for each bucket its end (8 bytes) and the CRC-32C of its number, begin and bytes (4 bytes)
//	128 bytes  footer: version, bits, counts, SHA-256 of all before, CRC-32C of the footer
//
// All numbers are big-endian. A lookup reads index and bucket and holds them to the checksum, so that opening a file of gigabytes takes no time and
// memory, and damage is found where it matters; [Filter.Verify] reads all of it. The checksums are against accidents: who can write to the file can make
// another one.
//
// Begin with [List.Known].
package breached
