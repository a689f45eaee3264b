package parquet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// compact reads Thrift's compact protocol as far as it is needed to hold it to bounds: the Parquet library allocates what a length says
// before it looks whether so much is there. It keeps whole numbers of a struct and walks over everything else.
type compact struct {
	from  *bufio.Reader
	read  int64
	most  int64 // bytes
	items int   // of lists that may still come
	deep  int
}

// errCompact says that the file's own description of itself is out of bounds.
var errCompact = errors.New("its description of itself is out of bounds")

// deepest is how many structs and lists may lie within one another; Parquet has six.
const deepest = 32

func newCompact(from *bufio.Reader, most int64, items int) *compact {
	return &compact{from: from, most: most, items: items}
}

func (c *compact) byte() (byte, error) {
	if c.read >= c.most {
		return 0, errCompact
	}
	c.read++
	return c.from.ReadByte()
}

// number reads a variable-length number without sign.
func (c *compact) number() (x uint64, err error) {
	for shift := 0; shift < 64; shift += 7 {
		b, err := c.byte()
		if err != nil {
			return 0, err
		}
		x |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return x, nil
		}
	}
	return 0, errCompact
}

// signed reads a number with sign (zigzag).
func (c *compact) signed() (int64, error) {
	x, err := c.number()
	return int64(x>>1) ^ -int64(x&1), err //nolint:gosec // zigzag
}

func (c *compact) skip(n uint64) error {
	if n > uint64(c.most-c.read) { //nolint:gosec // never negative
		return errCompact
	}
	c.read += int64(n) //nolint:gosec // at most what is left
	_, err := io.CopyN(io.Discard, c.from, int64(n))
	return err
}

// The types of fields and elements.
const (
	typeTrue   = 1
	typeFalse  = 2
	typeByte   = 3
	typeInt16  = 4
	typeInt32  = 5
	typeInt64  = 6
	typeDouble = 7
	typeBinary = 8
	typeList   = 9
	typeSet    = 10
	typeMap    = 11
	typeStruct = 12
)

// fields are the whole numbers and flags of a struct by the ids of their fields, and structs within it.
type fields struct {
	numbers map[int]int64
	structs map[int]*fields
}

func (f *fields) number(id int) int64 {
	if f == nil {
		return 0
	}
	return f.numbers[id]
}

// structure reads a struct to its end.
func (c *compact) structure() (*fields, error) {
	if c.deep++; c.deep > deepest {
		return nil, errCompact
	}
	defer func() { c.deep-- }()
	out := &fields{numbers: map[int]int64{}, structs: map[int]*fields{}}
	for id := 0; ; {
		head, err := c.byte()
		if err != nil {
			return nil, err
		}
		if head == 0 {
			return out, nil
		}
		if step := int(head >> 4); step > 0 {
			id += step
		} else {
			next, err := c.signed()
			if err != nil || next < 0 || next > 1<<15 {
				return nil, errors.Join(errCompact, err)
			}
			id = int(next)
		}
		if err := c.field(out, id, head&0x0f); err != nil {
			return nil, err
		}
	}
}

func (c *compact) field(out *fields, id int, kind byte) (err error) {
	switch kind {
	case typeTrue:
		out.numbers[id] = 1
	case typeFalse:
		out.numbers[id] = 0
	case typeInt16, typeInt32, typeInt64:
		out.numbers[id], err = c.signed()
	case typeStruct:
		out.structs[id], err = c.structure()
	default:
		err = c.value(kind)
	}
	return err
}

// value walks over a value of a type.
func (c *compact) value(kind byte) error {
	switch kind {
	case typeTrue, typeFalse, typeByte: // in a list, flags are a byte each
		_, err := c.byte()
		return err
	case typeInt16, typeInt32, typeInt64:
		_, err := c.signed()
		return err
	case typeDouble:
		return c.skip(8)
	case typeBinary:
		n, err := c.number()
		if err != nil {
			return err
		}
		return c.skip(n)
	case typeList, typeSet:
		return c.list()
	case typeStruct:
		_, err := c.structure()
		return err
	}
	return fmt.Errorf("%w: a value of type %d", errCompact, kind) // maps are in none of Parquet's
}

func (c *compact) list() error {
	if c.deep++; c.deep > deepest {
		return errCompact
	}
	defer func() { c.deep-- }()
	head, err := c.byte()
	if err != nil {
		return err
	}
	n := uint64(head >> 4)
	if n == 15 {
		if n, err = c.number(); err != nil {
			return err
		}
	}
	if n > uint64(c.items) { //nolint:gosec // never negative
		return errCompact
	}
	c.items -= int(n) //nolint:gosec // at most items
	for range n {
		if err := c.value(head & 0x0f); err != nil {
			return err
		}
	}
	return nil
}
