package web

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compressAbove is the size of a body from which compressing it pays.
const compressAbove = 1 << 10

// compressors make replies smaller for clients that understand it (RFC 9110 §8.4). Replies with secrets never go through them: the
// size of a compressed reply tells what of it an attacker guessed (BREACH).
type compressors struct {
	zstd  *zstd.Encoder // EncodeAll is safe for many goroutines
	gzips sync.Pool     // of *gzip.Writer
}

func newCompressors() (*compressors, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(4), zstd.WithWindowSize(256<<10), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("set up zstd: %w", err)
	}
	return &compressors{zstd: z, gzips: sync.Pool{New: func() any { return gzip.NewWriter(nil) }}}, nil
}

// squeeze returns the body in the best coding that the client accepts, and the coding's name; "" is as it was.
func (c *compressors) squeeze(accept string, body []byte) ([]byte, string) {
	switch coding := codingFor(accept); coding {
	case "zstd":
		return c.zstd.EncodeAll(body, make([]byte, 0, len(body)/2)), coding
	case "gzip":
		var out bytes.Buffer
		w := c.gzips.Get().(*gzip.Writer)
		defer c.gzips.Put(w)
		w.Reset(&out)
		_, _ = w.Write(body) // into memory
		_ = w.Close()
		return out.Bytes(), coding
	}
	return body, ""
}

// stream wraps a writer of a long reply. Closing it ends the coding and leaves w open.
func (c *compressors) stream(coding string, w io.Writer) (io.WriteCloser, error) {
	switch coding {
	case "zstd":
		return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	case "gzip":
		return gzip.NewWriter(w), nil
	}
	return openEnded{w}, nil
}

// openEnded is a writer whose end means nothing.
type openEnded struct{ io.Writer }

func (openEnded) Close() error { return nil }

// codingFor picks from Accept-Encoding: the one with the greatest weight of zstd and gzip, and of equals zstd; "" for none.
func codingFor(accept string) string {
	var best string
	var weight float64
	for part := range strings.SplitSeq(accept, ",") {
		name, parameters, _ := strings.Cut(part, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		q := 1.0
		if value, ok := strings.CutPrefix(strings.TrimSpace(parameters), "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(value, 64); err != nil {
				continue
			}
		}
		if (name == "zstd" || name == "gzip") && q > 0 && (q > weight || q == weight && name == "zstd") {
			best, weight = name, q
		}
	}
	return best
}

// isText reports whether compressing a media type pays.
func isText(mediaType string) bool {
	main, _, _ := strings.Cut(mediaType, ";")
	return strings.HasPrefix(main, "text/") || strings.HasSuffix(main, "json") || strings.HasSuffix(main, "javascript") || strings.HasSuffix(main, "yaml") || strings.HasSuffix(main, "xml") ||
		main == "application/jsonl" || main == "application/x-ndjson"
}
