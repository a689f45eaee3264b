package blob

import (
	"fmt"
	"runtime"

	"github.com/klauspost/compress/zstd"
)

// codec compresses and decompresses single frames; for concurrent use.
type codec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

func newCodec() (codec, error) {
	encoder, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)),
		zstd.WithWindowSize(FrameSize),
		zstd.WithEncoderCRC(false), // what is authenticated needs no checksum
		zstd.WithSingleSegment(true))
	if err != nil {
		return codec{}, fmt.Errorf("preparing zstd: %w", err)
	}
	decoder, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)),
		zstd.WithDecoderMaxMemory(FrameSize),
		zstd.WithDecoderMaxWindow(FrameSize),
		zstd.WithDecodeAllCapLimit(true)) // never more than the room that it is given
	if err != nil {
		return codec{}, fmt.Errorf("preparing zstd: %w", err)
	}
	return codec{encoder, decoder}, nil
}

// compress appends a frame.
func (c codec) compress(dst, plain []byte) []byte { return c.encoder.EncodeAll(plain, dst) }

// decompress fills plain, whose length is what the index promised, with the content of exactly one frame.
func (c codec) decompress(plain, stored []byte) error {
	var h zstd.Header
	if err := h.Decode(stored); err != nil {
		return fmt.Errorf("zstd: %w", err)
	}
	if !h.HasFCS || h.FrameContentSize != uint64(len(plain)) || h.DictionaryID != 0 {
		return fmt.Errorf("zstd: the frame declares %d bytes, the index says %d", h.FrameContentSize, len(plain))
	}
	out, err := c.decoder.DecodeAll(stored, plain[:0:len(plain)])
	if err != nil {
		return fmt.Errorf("zstd: %w", err)
	}
	if len(out) != len(plain) {
		return fmt.Errorf("zstd: %d bytes, the index says %d", len(out), len(plain))
	}
	return nil
}
