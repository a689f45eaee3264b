package loss

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// partialMagic begins an encoded partial table; its last byte is the format's version.
const partialMagic = "qrsdblk\x01"

// ErrPartial is returned for bytes that are not a whole partial table of the portfolio at hand.
var ErrPartial = errors.New("not a whole block of this run")

// Encode is the partial table as bytes: magic, width, then each column with its length, little-endian, and a CRC-32C over
// all. Floats keep their bits.
func (p *Partial) Encode() []byte {
	e := encoder{out: []byte(partialMagic)}
	e.number(p.width)
	e.number(len(p.events))
	for _, v := range p.events {
		e.out = binary.LittleEndian.AppendUint32(e.out, uint32(v.ID))
		e.out = binary.LittleEndian.AppendUint32(e.out, uint32(v.Year))
		e.out = append(e.out, v.Month, v.Day, v.Hour, v.Minute)
	}
	e.number(len(p.rowEvent))
	for i := range p.rowEvent {
		e.out = binary.LittleEndian.AppendUint32(e.out, p.rowEvent[i])
		e.out = binary.LittleEndian.AppendUint16(e.out, p.rowSummary[i])
	}
	for _, column := range p.floats() {
		e.floats(*column)
	}
	return binary.LittleEndian.AppendUint32(e.out, crc32.Checksum(e.out, crc32.MakeTable(crc32.Castagnoli)))
}

// floats are the float columns in the order of the encoding.
func (p *Partial) floats() []*[]float64 {
	return []*[]float64{
		&p.footprint, &p.impacted, &p.loss[GroundUp], &p.loss[Gross],
		&p.zips.sum, &p.zips.squares, &p.accounts.sum, &p.accounts.squares,
	}
}

type encoder struct{ out []byte }

func (e *encoder) number(n int) { e.out = binary.LittleEndian.AppendUint64(e.out, uint64(n)) }

func (e *encoder) floats(v []float64) {
	e.number(len(v))
	for _, x := range v {
		e.out = binary.LittleEndian.AppendUint64(e.out, math.Float64bits(x))
	}
}

// DecodePartial reads what Encode wrote, for the same portfolio. Errors wrap ErrPartial.
func DecodePartial(b []byte, s *Sites) (*Partial, error) {
	if len(b) < len(partialMagic)+4 || !bytes.HasPrefix(b, []byte(partialMagic)) {
		return nil, ErrPartial
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) != sum {
		return nil, fmt.Errorf("%w: checksum differs", ErrPartial)
	}
	d := decoder{in: body[len(partialMagic):]}
	p := &Partial{width: d.number(1 << 20)}
	for range d.number(len(d.in) / 12) {
		v := d.take(12)
		p.events = append(p.events, Event{
			ID: int32(binary.LittleEndian.Uint32(v)), Year: int32(binary.LittleEndian.Uint32(v[4:])),
			Month: v[8], Day: v[9], Hour: v[10], Minute: v[11],
		})
	}
	for range d.number(len(d.in) / 6) {
		v := d.take(6)
		p.rowEvent = append(p.rowEvent, binary.LittleEndian.Uint32(v))
		p.rowSummary = append(p.rowSummary, binary.LittleEndian.Uint16(v[4:]))
	}
	for _, column := range p.floats() {
		*column = d.floats()
	}
	if d.short || len(d.in) != 0 || !p.fits(s) {
		return nil, fmt.Errorf("%w: its columns do not match", ErrPartial)
	}
	return p, nil
}

// fits reports whether the columns have the lengths of the portfolio's table, and the rows its summaries.
func (p *Partial) fits(s *Sites) bool {
	rows := len(p.rowEvent)
	for i, e := range p.rowEvent {
		if int(e) >= len(p.events) || int(p.rowSummary[i]) >= 1+len(s.LOBs)+len(s.Counties) {
			return false
		}
	}
	return p.width > 0 && len(p.footprint) == rows && len(p.impacted) == rows*p.width &&
		len(p.loss[GroundUp]) == rows*p.width && len(p.loss[Gross]) == rows*p.width &&
		len(p.zips.sum) == len(s.ZIPs)*int(NumPerspectives) && len(p.zips.squares) == len(p.zips.sum) &&
		len(p.accounts.sum) == len(s.accounts)*int(NumPerspectives) && len(p.accounts.squares) == len(p.accounts.sum)
}

type decoder struct {
	in    []byte
	short bool
}

func (d *decoder) take(n int) []byte {
	if len(d.in) < n {
		d.short, d.in = true, nil
		return make([]byte, n)
	}
	v := d.in[:n]
	d.in = d.in[n:]
	return v
}

// number reads a count and bounds it, so that a damaged one cannot make a huge slice.
func (d *decoder) number(most int) int {
	n := binary.LittleEndian.Uint64(d.take(8))
	if n > uint64(most) {
		d.short = true
		return 0
	}
	return int(n)
}

func (d *decoder) floats() []float64 {
	n := d.number(len(d.in) / 8)
	if d.short {
		return nil
	}
	v := make([]float64, n)
	for i := range v {
		v[i] = math.Float64frombits(binary.LittleEndian.Uint64(d.take(8)))
	}
	return v
}
