package parquet_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"strings"
	"testing"

	parquetgo "github.com/parquet-go/parquet-go"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/exposure/parquet"
)

// Head are the columns that every location file has.
type Head struct {
	PortNumber, AccNumber, LocNumber, CountryCode, LocPerilsCovered, LocCurrency string
}

func head() Head { return Head{"P", "1", "1", "US", "WW1", "USD"} }

type remark struct {
	Head
	Remark string `parquet:",plain"`
}

type prefixed struct {
	Head
	Remark string `parquet:",delta"`
}

type named struct {
	Head
	Remark string `parquet:",dict"`
}

// written is a Parquet file of rows.
func written[T any](t *testing.T, rows []T, options ...parquetgo.WriterOption) []byte {
	t.Helper()
	var out bytes.Buffer
	w := parquetgo.NewGenericWriter[T](&out, options...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// many are so many rows of one text.
func many(n int, text string) []remark {
	rows := make([]remark, n)
	for i := range rows {
		rows[i] = remark{head(), text}
	}
	return rows
}

// shrunk makes the header of the first page with that unpacked size (which takes four bytes) say that it is one byte.
func shrunk(t *testing.T, file []byte, size int) []byte {
	t.Helper()
	said := binary.AppendUvarint([]byte{0x15, 0x00, 0x15}, uint64(2*size)) //nolint:gosec // positive
	if len(said) != 7 || bytes.Count(file, said) != 1 {
		t.Fatalf("a page of %d bytes is %d times in the file", size, bytes.Count(file, said))
	}
	return bytes.Replace(file, said, []byte{0x15, 0x00, 0x15, 0x82, 0x80, 0x80, 0x00}, 1)
}

// footed is a file whose footer is that.
func footed(footer []byte) []byte {
	out := append([]byte("PAR1"), footer...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(footer))) //nolint:gosec // small
	return append(out, "PAR1"...)
}

// TestBombsAreNotUnpacked: what unpacks to more than is read, or to more than it says, or is packed in a way that has no bound, is a
// fault of the file, and is found without the memory that it asks for.
func TestBombsAreNotUnpacked(t *testing.T) {
	blank := strings.Repeat(" ", 1000)
	one := many(1024, strings.Repeat("x", 1020)) // plain texts have their length before them: 1 MiB
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"one page of 96 MB":              {written(t, many(96_000, blank), parquetgo.Compression(&parquetgo.Zstd), parquetgo.PageBufferSize(200<<20), parquetgo.MaxRowsPerRowGroup(1<<20)), "a page of the Parquet file unpacks to"},
		"more than it says, zstd":        {shrunk(t, written(t, one, parquetgo.Compression(&parquetgo.Zstd), parquetgo.DataPageVersion(1), parquetgo.PageBufferSize(4<<20)), 1<<20), "unpacks to more than the 1 bytes"},
		"more than it says, gzip":        {shrunk(t, written(t, one, parquetgo.Compression(&parquetgo.Gzip), parquetgo.DataPageVersion(1), parquetgo.PageBufferSize(4<<20)), 1<<20), "unpacks to more than the 1 bytes"},
		"more than it says, snappy":      {shrunk(t, written(t, one, parquetgo.Compression(&parquetgo.Snappy), parquetgo.DataPageVersion(1), parquetgo.PageBufferSize(4<<20)), 1<<20), "unpacks to more than the 1 bytes"},
		"no bound, LZ4":                  {written(t, many(10, blank), parquetgo.Compression(&parquetgo.Lz4Raw)), "compressed by LZ4_RAW"},
		"no bound, Brotli":               {written(t, many(10, blank), parquetgo.Compression(&parquetgo.Brotli)), "compressed by BROTLI"},
		"texts of texts before":          {written(t, []prefixed{{head(), "a"}, {head(), "ab"}}), "DELTA_BYTE_ARRAY"},
		"one long text for all":          {written(t, []named{{head(), strings.Repeat("y", 100_000)}, {head(), strings.Repeat("y", 100_000)}}), "a text in column 7 has 100000 bytes"},
		"a list of two thousand million": {footed([]byte{0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07}), "footer is damaged"},
		"a text of two thousand million": {footed([]byte{0x18, 0xff, 0xff, 0xff, 0xff, 0x07}), "footer is damaged"},
		"structs without end":            {footed(bytes.Repeat([]byte{0x1c}, 10_000)), "footer is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, err := exposure.Read(parquet.Open("l.parquet", bytes.NewReader(c.file), int64(len(c.file))), nil, anywhere)
			runtime.ReadMemStats(&after)
			var faults *exposure.FaultsError
			if !errors.As(err, &faults) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%d bytes: %v", len(c.file), err)
			}
			if taken := after.TotalAlloc - before.TotalAlloc; taken > 48<<20 {
				t.Errorf("it took %d bytes of memory", taken)
			}
		})
	}
}

// TestPackedFilesAreRead: what is packed in the usual ways is read as before, by both versions of pages.
func TestPackedFilesAreRead(t *testing.T) {
	for name, option := range map[string]parquetgo.WriterOption{
		"plain": parquetgo.Compression(&parquetgo.Uncompressed), "snappy": parquetgo.Compression(&parquetgo.Snappy),
		"gzip": parquetgo.Compression(&parquetgo.Gzip), "zstd": parquetgo.Compression(&parquetgo.Zstd),
	} {
		for version := 1; version <= 2; version++ {
			file := written(t, goodRows(), option, parquetgo.DataPageVersion(version))
			got, _, err := exposure.Read(parquet.Open("l.parquet", bytes.NewReader(file), int64(len(file))), nil, anywhere)
			if err != nil || len(got.Locations) != 2 {
				t.Errorf("%s, version %d: %v", name, version, err)
			}
		}
	}
}
