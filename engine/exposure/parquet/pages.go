package parquet

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	parquetformat "github.com/parquet-go/parquet-go/format"
)

// Bounds of what a file may make the reader hold. Those who write Parquet make pages of about a megabyte, or one page for a
// column of a row group.
const (
	maxFooter  = 16 << 20
	maxItems   = 500_000 // of all lists in the footer: columns of row groups and what describes them
	maxHeader  = 1 << 20 // of a page
	maxPage    = 64 << 20
	maxValues  = 16 << 20  // of a page
	maxAtOnce  = 512 << 20 // of the largest pages of all columns of a row group together, which are decoded at the same time
	maxText    = 64 << 10  // of one value
	valueBytes = 16        // of a value that takes no room in its page, such as one of a run
)

const (
	fixPages  = "export it again with smaller row groups and pages"
	fixCodec  = "export it again compressed by Snappy, zstd or gzip, or not compressed"
	fixDamage = "copy or export it again"
)

// checkDescription walks over the footer before the library allocates what it says.
func (r *rows) checkDescription(length int64) error {
	if length > maxFooter {
		return malformed(fmt.Sprintf("the Parquet file's footer has %d bytes; at most %d are read", length, maxFooter), fixPages)
	}
	from := bufio.NewReader(io.NewSectionReader(r.in, r.size-8-length, length))
	if _, err := newCompact(from, length, maxItems).structure(); err != nil {
		return malformed("the Parquet file's footer is damaged: "+err.Error(), fixDamage)
	}
	return nil
}

// checkGroup looks at every page of a row group before the library decodes one: how much it unpacks to, and to how many values. A page that
// holds more than its header says is found here by unpacking it into nothing.
func (r *rows) checkGroup(group int) error {
	all := r.file.Metadata().RowGroups
	if group >= len(all) {
		return errors.New("a row group is missing")
	}
	var sum int64
	for i := range all[group].Columns {
		most, err := r.checkChunk(&all[group].Columns[i].MetaData, all[group].NumRows)
		if err != nil {
			return err
		}
		if sum += most; sum > maxAtOnce {
			return malformed(fmt.Sprintf("row group %d of the Parquet file unpacks to more than %d bytes at a time", group+1, maxAtOnce), fixPages)
		}
	}
	return nil
}

// checkChunk is what the column's largest page and its dictionary take.
func (r *rows) checkChunk(c *parquetformat.ColumnMetaData, rows int64) (most int64, err error) {
	switch c.Codec {
	case parquetformat.Uncompressed, parquetformat.Snappy, parquetformat.Gzip:
	case parquetformat.Zstd:
		if r.unzstd == nil { // one for all pages; it has no goroutine of its own
			if r.unzstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxPage), zstd.WithDecoderLowmem(true)); err != nil {
				return 0, err
			}
		}
	default:
		return 0, malformed(fmt.Sprintf("the Parquet file is compressed by %s, which is not read", c.Codec), fixCodec)
	}
	begin := c.DataPageOffset
	if c.DictionaryPageOffset != 0 {
		begin = c.DictionaryPageOffset
	}
	if begin < 0 || c.TotalCompressedSize < 0 || begin > r.size-c.TotalCompressedSize {
		return 0, errOutside
	}
	var values, largest, dictionary int64
	for at, end := begin, begin+c.TotalCompressedSize; at < end; {
		p, next, err := r.page(c.Codec, at, end)
		if err != nil {
			return 0, err
		}
		room := p.size + valueBytes*p.values
		if p.dictionary {
			dictionary = max(dictionary, room)
		} else {
			values, largest = values+p.values, max(largest, room)
		}
		at = next
	}
	if values > rows {
		return 0, fmt.Errorf("a column has %d values in %d rows", values, rows)
	}
	return largest + dictionary, nil
}

// onePage is what a page's header says.
type onePage struct {
	size       int64 // unpacked
	values     int64
	dictionary bool
}

// Ids of the fields of a page's header (parquet.thrift).
const (
	fieldType       = 1
	fieldSize       = 2
	fieldPacked     = 3
	fieldData       = 5
	fieldDictionary = 7
	fieldDataV2     = 8

	fieldValues      = 1 // of each of the three
	fieldEncoding    = 2 // of data and dictionaries
	fieldEncodingV2  = 4
	fieldDefinition  = 5 // bytes of levels before what is packed
	fieldRepetition  = 6
	fieldCompression = 7

	pageOfDictionary = 2
	pageOfDataV2     = 3
)

// page checks the page at a place of the file, and returns where the next one is.
func (r *rows) page(codec parquetformat.CompressionCodec, at, end int64) (p onePage, next int64, err error) {
	c := newCompact(bufio.NewReaderSize(io.NewSectionReader(r.in, at, min(end-at, maxHeader)), 512), min(end-at, maxHeader), 1000)
	header, err := c.structure()
	if err != nil {
		return p, 0, fmt.Errorf("the header of a page: %w", err)
	}
	size, packed, body := header.number(fieldSize), header.number(fieldPacked), at+c.read
	part, encoding := header.structs[fieldData], fieldEncoding
	switch header.number(fieldType) {
	case pageOfDictionary:
		part, p.dictionary = header.structs[fieldDictionary], true
	case pageOfDataV2:
		part, encoding = header.structs[fieldDataV2], fieldEncodingV2
	}
	p.size, p.values = size, part.number(fieldValues)
	switch {
	case size < 0 || packed < 0 || packed > end-body || p.values < 0:
		return p, 0, errOutside
	case size > maxPage:
		return p, 0, malformed(fmt.Sprintf("a page of the Parquet file unpacks to %d bytes; at most %d are read", size, maxPage), fixPages)
	case p.values > maxValues:
		return p, 0, malformed(fmt.Sprintf("a page of the Parquet file has %d values; at most %d are read", p.values, maxValues), fixPages)
	case parquetformat.Encoding(part.number(encoding)) == parquetformat.DeltaByteArray: //nolint:gosec // another number is another encoding
		return p, 0, malformed("the Parquet file has texts in the encoding DELTA_BYTE_ARRAY, of which a few bytes can be any length",
			"export it again with dictionaries or plain texts")
	}
	levels := int64(0)
	if encoding == fieldEncodingV2 {
		if levels = part.number(fieldDefinition) + part.number(fieldRepetition); levels < 0 || levels > packed || levels > size {
			return p, 0, errOutside
		}
		if plain, said := part.numbers[fieldCompression]; said && plain == 0 {
			codec = parquetformat.Uncompressed
		}
	}
	return p, body + packed, r.checkSize(codec, body+levels, packed-levels, size-levels)
}

// checkSize wants what is packed to be no larger than said.
func (r *rows) checkSize(codec parquetformat.CompressionCodec, at, packed, said int64) error {
	if packed == 0 {
		return nil
	}
	is, err := r.unpacked(codec, io.NewSectionReader(r.in, at, packed), said)
	if err == nil && is > said {
		err = fmt.Errorf("a page unpacks to more than the %d bytes that its header says", said)
	}
	return err
}

// unpacked is how much something unpacks to; it ends with the first byte beyond most.
func (r *rows) unpacked(codec parquetformat.CompressionCodec, from *io.SectionReader, most int64) (int64, error) {
	switch codec {
	case parquetformat.Snappy: // which says it first, and is not unpacked where that is not so
		n, err := binary.ReadUvarint(bufio.NewReaderSize(from, 16))
		if err == nil && n > maxPage {
			n = maxPage + 1
		}
		return int64(n), err //nolint:gosec // bounded
	case parquetformat.Gzip:
		z, err := gzip.NewReader(bufio.NewReader(from))
		if err != nil {
			return 0, err
		}
		return io.Copy(io.Discard, io.LimitReader(z, most+1))
	case parquetformat.Zstd:
		if err := r.unzstd.Reset(from); err != nil {
			return 0, err
		}
		return io.Copy(io.Discard, io.LimitReader(r.unzstd, most+1))
	}
	return from.Size(), nil
}

// checkText refuses a value that is no value of OED: a dictionary gives a long one to every row for a byte.
func checkText(column int, v parquet.Value) error {
	if k := v.Kind(); k == parquet.ByteArray || k == parquet.FixedLenByteArray {
		if n := len(v.ByteArray()); n > maxText {
			return malformed(fmt.Sprintf("a text in column %d has %d bytes; at most %d are read", column, n, maxText), "shorten it, or leave the column out")
		}
	}
	return nil
}
