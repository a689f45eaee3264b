// Package blob keeps bulk values, such as imported portfolios and result tables, as files of their own:
// compressed, encrypted for one place, written once and never changed. It holds the format, the
// directory with its durable steps, and streaming reads with ranges. It does not know who refers to a blob;
// references live in the database.
//
// # Order
//
// Blob first, reference last: Writer.Commit returns a Ref only when the file and its name are on disk, and only
// then is the Ref stored in a transaction. A crash in between leaves an orphan, which Dir.Sweep
// collects. Removal is the other way round: first the reference, then the blob.
//
// # File
//
//	magic "qrsdblob" | version 0x01 | id [16] | length of box u16 | box | segment 0 | segment 1 | ... | last segment
//
// Numbers are big-endian. The box holds a random file key of 32 bytes, encrypted by the data key for the blob's place and id.
// A segment is 64 KiB of payload (the last: 1 byte to 64 KiB) under AES-256-GCM with the file key; its nonce is the
// segment's number (11 bytes) and whether it is the last (1 byte), the STREAM construction of Hoang, Reyhanitabar,
// Rogaway and Vizár (CRYPTO 2015) as in age (https://c2sp.org/age). So segments moved, dropped, added or taken
// from another blob do not decrypt. The payload is
//
//	frame 0 | frame 1 | ... | for each frame: stored length u32, plain length u32 | number of frames u32 | plain length u64
//
// A frame is one zstd frame (RFC 8878) of exactly 1 MiB of plaintext, the last of what is left. The index at the end makes a
// range cost the frames it touches.
//
// Names on disk are random; length and time of the file are all that it tells.
//
// # Limits
//
// Sizes in the index are checked against one another and the Ref before anything is decoded, and a decoder never gets
// more room than a frame may fill: a small file cannot fill the memory.
//
// Begin with Dir.Create and Dir.Open.
package blob
