package exposure

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// maxRecord bounds the memory one record may take, so that a quote never closed does
// not read the rest of the file into one field.
const maxRecord = 1 << 20

// CSV is a Source of comma-separated text (RFC 4180, UTF-8): LF or CRLF line ends, an
// optional byte-order mark, quotes around fields with commas, quotes or line breaks.
// Nothing is read before Read or Validate. Where r is an io.Seeker its size lets
// Read size its memory once.
func CSV(name string, r io.Reader) *Source {
	return NewSource(name, &csvRows{in: bufio.NewReaderSize(r, 1<<16), size: sizeOf(r)})
}

// sizeOf is how many bytes remain in r, 0 where that cannot be known.
func sizeOf(r io.Reader) int64 {
	s, ok := r.(io.Seeker)
	if !ok {
		return 0
	}
	here, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0
	}
	end, err := s.Seek(0, io.SeekEnd)
	if err != nil {
		return 0
	}
	if _, err := s.Seek(here, io.SeekStart); err != nil {
		return 0
	}
	return end - here
}

type csvRows struct {
	in         *bufio.Reader
	size, read int64 // bytes in all (0 = unknown), bytes so far
	line       int   // the line last read
	rows       int
	raw        []byte // the record as in the file
	plain      []byte // its fields, unquoted, end to end
	ends       []int  // where each field ends in plain
	fields     []string
	width      int
}

func (c *csvRows) Estimate() int {
	if c.size <= 0 || c.rows == 0 {
		return 0
	}
	perRow := c.read / int64(c.rows)
	return int((c.size-c.read)/max(perRow, 1)) + 1
}

func (c *csvRows) Header() ([]string, error) {
	if err := c.sniff(); err != nil {
		return nil, err
	}
	_, fields, err := c.record()
	var bad *Malformed
	switch {
	case errors.Is(err, io.EOF):
		return nil, &Malformed{Line: 1, Reason: "the file is empty", Fix: "export it again with a header row and at least one row", Stop: true}
	case errors.As(err, &bad):
		bad.Stop = true
		return nil, bad
	case err != nil:
		return nil, err
	}
	header := make([]string, len(fields))
	for i, f := range fields {
		header[i] = strings.Clone(strings.TrimSpace(f))
	}
	if err := otherDelimiter(header, c.line); err != nil {
		return nil, err
	}
	c.width = len(header)
	return header, nil
}

// otherDelimiter recognises a table split by something other than commas: a header of one field.
func otherDelimiter(header []string, line int) error {
	if len(header) != 1 {
		return nil
	}
	for _, d := range []struct{ mark, name string }{{";", "semicolons"}, {"\t", "tabs"}, {"|", "vertical bars"}} {
		if strings.Contains(header[0], d.mark) {
			return &Malformed{Line: line, Value: header[0], Stop: true,
				Reason: "the columns are separated by " + d.name, Fix: "export it with commas"}
		}
	}
	if strings.Contains(header[0], "\r") {
		return &Malformed{Line: line, Reason: "lines end in a carriage return alone", Fix: "export it with LF or CRLF line ends", Stop: true}
	}
	return nil
}

func (c *csvRows) Next() (int, []string, error) {
	line, fields, err := c.record()
	if err != nil {
		return line, nil, err
	}
	c.rows++
	if len(fields) != c.width {
		return line, nil, &Malformed{Line: line, Value: fields[0],
			Reason: fmt.Sprintf("the row has %d fields, the header %d", len(fields), c.width),
			Fix:    "give every row one field per column and quote fields that contain commas"}
	}
	return line, fields, nil
}

// magic are the first bytes of files that are often handed over as CSV.
var magic = []struct{ prefix, what, fix string }{
	{"PK\x03\x04", "a zip archive or an Excel workbook (.xlsx)", "unpack it, or save the sheet as CSV (UTF-8)"},
	{"\x1f\x8b", "compressed with gzip", "decompress it first"},
	{"\x28\xb5\x2f\xfd", "compressed with zstd", "decompress it first"},
	{"BZh", "compressed with bzip2", "decompress it first"},
	{"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", "save the sheet as CSV (UTF-8)"},
	{"PAR1", "a Parquet file", "name it .parquet so that it is read as one"},
	{"%PDF", "a PDF document", "export the table as CSV"},
	{"\xff\xfe", "text in UTF-16", "save it as CSV (UTF-8)"},
	{"\xfe\xff", "text in UTF-16", "save it as CSV (UTF-8)"},
	{"{", "JSON", "export the table as CSV"},
	{"[", "JSON", "export the table as CSV"},
	{"<", "XML or HTML", "export the table as CSV"},
}

// sniff refuses files that are no CSV by their first bytes, and skips a byte-order mark.
func (c *csvRows) sniff() error {
	head, err := c.in.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return err
	}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		n, err := c.in.Discard(3)
		c.read += int64(n)
		return err
	}
	for _, m := range magic {
		if bytes.HasPrefix(head, []byte(m.prefix)) {
			return &Malformed{Line: 1, Reason: "the file is " + m.what + ", not CSV", Fix: m.fix, Stop: true}
		}
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return &Malformed{Line: 1, Reason: "the file holds zero bytes: it is binary or UTF-16 text, not CSV", Fix: "save it as CSV (UTF-8)", Stop: true}
	}
	return nil
}

// record reads the next record that is not an empty line.
func (c *csvRows) record() (line int, fields []string, err error) {
	for {
		c.raw = c.raw[:0]
		if err := c.appendLine(); err != nil {
			return c.line, nil, err
		}
		if len(bytes.TrimRight(c.raw, "\r\n")) > 0 {
			break
		}
	}
	line = c.line
	if err := c.split(line); err != nil {
		return line, nil, err
	}
	if !utf8.Valid(c.raw) { // not plain: a character may not run over the end of a field
		return line, nil, c.notUTF8(line)
	}
	return line, c.cut(), nil
}

func (c *csvRows) notUTF8(line int) *Malformed {
	start := 0
	for _, end := range c.ends {
		if field := c.plain[start:end]; !utf8.Valid(field) {
			return &Malformed{Line: line, Value: strings.ToValidUTF8(string(field), "\uFFFD"),
				Reason: "the text is not UTF-8 (perhaps Windows-1252)", Fix: "save the file as CSV (UTF-8)"}
		}
		start = end
	}
	panic("exposure: text that is not UTF-8 lies in no field") // separators and quotes are ASCII
}

// cut makes the field strings. They are views of c.plain, good until the next record, as Rows
// promises: copying each record would make garbage of the file's size, and with it a heap
// twice what is kept.
func (c *csvRows) cut() []string {
	all := unsafe.String(unsafe.SliceData(c.plain), len(c.plain))
	c.fields = c.fields[:0]
	start := 0
	for _, end := range c.ends {
		c.fields = append(c.fields, all[start:end])
		start = end
	}
	return c.fields
}

// appendLine appends one physical line to raw, its line end included.
func (c *csvRows) appendLine() error {
	begun := false
	for {
		part, err := c.in.ReadSlice('\n')
		if len(part) > 0 && !begun {
			begun = true
			c.line++
		}
		c.read += int64(len(part))
		c.raw = append(c.raw, part...)
		if len(c.raw) > maxRecord {
			return &Malformed{Line: c.line, Stop: true, Reason: "a record is longer than 1 MiB: a quote is not closed, or the file is not CSV",
				Fix: "close the quote"}
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && begun:
			return nil
		default:
			return err
		}
	}
}

// split cuts raw into fields, reading on where a quoted field holds a line break.
func (c *csvRows) split(first int) error {
	c.plain, c.ends = c.plain[:0], c.ends[:0]
	pos := 0
	for {
		if pos < len(c.raw) && c.raw[pos] == '"' {
			next, err := c.quoted(pos+1, first)
			if err != nil {
				return err
			}
			pos = next
		} else {
			end, err := c.bare(pos, first)
			if err != nil {
				return err
			}
			pos = end
		}
		c.ends = append(c.ends, len(c.plain))
		if pos >= len(c.raw) || c.raw[pos] != ',' {
			return nil // at the line's end
		}
		pos++
	}
}

// lineEnd reports whether raw[pos:] is the end of the record.
func (c *csvRows) lineEnd(pos int) bool {
	rest := c.raw[pos:]
	return len(rest) == 0 || rest[0] == '\n' || (rest[0] == '\r' && (len(rest) == 1 || rest[1] == '\n'))
}

// bare appends an unquoted field and returns where it ends.
func (c *csvRows) bare(pos, first int) (int, error) {
	end := pos
	for end < len(c.raw) && c.raw[end] != ',' && c.raw[end] != '\n' {
		if c.raw[end] == '"' {
			return 0, &Malformed{Line: first, Value: string(c.raw[pos:min(end+1, pos+40)]),
				Reason: "a quote inside a field that is not quoted", Fix: `write the field in quotes with the quote doubled, e.g. "12"" pipe"`}
		}
		end++
	}
	stop := end
	if stop > pos && c.raw[stop-1] == '\r' && (end == len(c.raw) || c.raw[end] == '\n') {
		stop--
	}
	c.plain = append(c.plain, c.raw[pos:stop]...)
	return end, nil
}

// quoted appends a quoted field, whose text begins at pos, and returns where the field ends.
func (c *csvRows) quoted(pos, first int) (int, error) {
	for {
		i := bytes.IndexByte(c.raw[pos:], '"')
		if i < 0 {
			c.plain = append(c.plain, c.raw[pos:]...)
			pos = len(c.raw)
			err := c.appendLine()
			if errors.Is(err, io.EOF) {
				return 0, &Malformed{Line: first, Reason: "a quote is not closed before the end of the file", Fix: "close the quote", Stop: true}
			}
			var long *Malformed
			if errors.As(err, &long) {
				long.Line = first
			}
			if err != nil {
				return 0, err
			}
			continue
		}
		c.plain = append(c.plain, c.raw[pos:pos+i]...)
		pos += i + 1
		switch {
		case pos < len(c.raw) && c.raw[pos] == '"': // a doubled quote is one quote
			c.plain = append(c.plain, '"')
			pos++
		case c.lineEnd(pos) || c.raw[pos] == ',':
			return pos, nil
		default:
			return 0, &Malformed{Line: first, Value: string(c.raw[max(0, pos-20):min(len(c.raw), pos+20)]),
				Reason: "text after a closing quote", Fix: "double the quotes inside a quoted field"}
		}
	}
}
