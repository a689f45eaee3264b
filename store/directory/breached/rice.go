package breached

import (
	"encoding/binary"
	"math/bits"
)

// The Golomb-Rice code of a number d with parameter k: d >> k ones, a zero, the k low bits of d. (R. F. Rice, Some practical universal noiseless
// coding techniques, JPL 79-22, 1979.)

// riceWriter appends codes to bytes.
type riceWriter struct {
	bytes []byte
	bits  uint64 // the lowest `have` of them are to be written
	have  uint
}

// reset begins anew, with the same memory.
func (w *riceWriter) reset() { w.bytes, w.bits, w.have = w.bytes[:0], 0, 0 }

// put appends the n low bits of v, up to 32.
func (w *riceWriter) put(v uint64, n uint) {
	w.bits, w.have = w.bits<<n|v, w.have+n
	for w.have >= 8 {
		w.have -= 8
		w.bytes = append(w.bytes, byte(w.bits>>w.have))
	}
}

func (w *riceWriter) number(d uint64, k uint) {
	for q := d >> k; ; q -= 24 {
		if q < 24 {
			w.put(1<<(q+1)-2, uint(q)+1)
			break
		}
		w.put(1<<24-1, 24)
	}
	w.put(d&(1<<k-1), k)
}

// end pads with ones, which end in no number.
func (w *riceWriter) end() []byte {
	if pad := -w.have & 7; pad > 0 {
		w.put(1<<pad-1, pad)
	}
	return w.bytes
}

// riceReader reads them.
type riceReader struct {
	bytes []byte
	bits  uint64 // the highest `have` of them are to be read
	have  uint
}

// fill takes what fits of the bytes.
func (r *riceReader) fill() {
	if len(r.bytes) >= 8 {
		r.bits |= binary.BigEndian.Uint64(r.bytes) >> r.have
		taken := (63 - r.have) / 8
		r.bytes, r.have = r.bytes[taken:], r.have+8*taken
		r.bits &= ^uint64(0) << (64 - r.have)
		return
	}
	for r.have <= 56 && len(r.bytes) > 0 {
		r.bits |= uint64(r.bytes[0]) << (56 - r.have)
		r.bytes, r.have = r.bytes[1:], r.have+8
	}
}

// number is the next one; false at the end.
func (r *riceReader) number(k uint) (uint64, bool) {
	var q uint64
	for {
		if r.have < 32 {
			r.fill()
		}
		if r.have == 0 {
			return 0, false
		}
		ones := uint(bits.LeadingZeros64(^r.bits))
		if ones < r.have {
			q += uint64(ones)
			r.bits, r.have = r.bits<<(ones+1), r.have-ones-1
			break
		}
		q += uint64(r.have)
		r.bits, r.have = 0, 0
	}
	if r.have < k {
		r.fill()
	}
	if r.have < k {
		return 0, false
	}
	low := r.bits >> (64 - k)
	r.bits, r.have = r.bits<<k, r.have-k
	return q<<k | low, true
}
