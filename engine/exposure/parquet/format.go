package parquet

import (
	"math"
	"math/big"
	"strconv"

	"github.com/parquet-go/parquet-go"
	parquetformat "github.com/parquet-go/parquet-go/format"
)

// format appends a value as OED text.
type format func(b []byte, v parquet.Value) []byte

// formatOf chooses the text form of a column by its logical, else its physical type.
func formatOf(t parquet.Type) format {
	if logical := t.LogicalType(); logical != nil {
		switch l := logical.Value.(type) {
		case *parquetformat.DateType:
			return func(b []byte, v parquet.Value) []byte { return appendDay(b, int64(v.Int32())) }
		case *parquetformat.TimestampType:
			return timestamp(l)
		case *parquetformat.DecimalType:
			return decimal(t.Kind(), int(l.Scale))
		case *parquetformat.IntType:
			if !l.IsSigned {
				return unsigned(t.Kind())
			}
		}
	}
	switch t.Kind() {
	case parquet.Boolean:
		return appendFlag
	case parquet.Int32:
		return func(b []byte, v parquet.Value) []byte { return strconv.AppendInt(b, int64(v.Int32()), 10) }
	case parquet.Int64:
		return func(b []byte, v parquet.Value) []byte { return strconv.AppendInt(b, v.Int64(), 10) }
	case parquet.Int96: // a timestamp of older writers: nanoseconds, then the Julian day
		return func(b []byte, v parquet.Value) []byte { return appendDay(b, int64(v.Int96()[2])-julianEpoch) }
	case parquet.Float:
		return func(b []byte, v parquet.Value) []byte { return appendNumber(b, float64(v.Float()), 32) }
	case parquet.Double:
		return func(b []byte, v parquet.Value) []byte { return appendNumber(b, v.Double(), 64) }
	}
	return func(b []byte, v parquet.Value) []byte { return append(b, v.ByteArray()...) }
}

// julianEpoch is the Julian day of 1970-01-01.
const julianEpoch = 2440588

func appendFlag(b []byte, v parquet.Value) []byte {
	if v.Boolean() {
		return append(b, '1')
	}
	return append(b, '0')
}

// appendNumber writes 1051 for 1051.0.
func appendNumber(b []byte, v float64, bits int) []byte {
	if math.Abs(v) < 1e15 {
		return strconv.AppendFloat(b, v, 'f', -1, bits)
	}
	return strconv.AppendFloat(b, v, 'g', -1, bits)
}

func unsigned(kind parquet.Kind) format {
	if kind == parquet.Int32 {
		return func(b []byte, v parquet.Value) []byte { return strconv.AppendUint(b, uint64(v.Uint32()), 10) }
	}
	return func(b []byte, v parquet.Value) []byte { return strconv.AppendUint(b, v.Uint64(), 10) }
}

// timestamp keeps the day of a point in time (UTC): OED has dates only.
func timestamp(t *parquetformat.TimestampType) format {
	perDay := int64(86_400_000)
	switch t.Unit.Value.(type) {
	case *parquetformat.MicroSeconds:
		perDay *= 1000
	case *parquetformat.NanoSeconds:
		perDay *= 1_000_000
	}
	return func(b []byte, v parquet.Value) []byte {
		day := v.Int64() / perDay
		if v.Int64()%perDay < 0 {
			day--
		}
		return appendDay(b, day)
	}
}

// appendDay writes a day counted from 1970-01-01 as YYYY-MM-DD: civil_from_days of
// Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms" (public domain).
func appendDay(b []byte, day int64) []byte {
	day += 719468 // to 0000-03-01
	era := floorDiv(day, 146097)
	ofEra := day - era*146097
	year := (ofEra - ofEra/1460 + ofEra/36524 - ofEra/146096) / 365
	ofYear := ofEra - (365*year + year/4 - year/100)
	shifted := (5*ofYear + 2) / 153 // months from March
	dom := ofYear - (153*shifted+2)/5 + 1
	month := shifted + 3
	year += era * 400
	if month > 12 {
		month -= 12
		year++
	}
	b = appendPadded(b, year, 4)
	b = appendPadded(append(b, '-'), month, 2)
	return appendPadded(append(b, '-'), dom, 2)
}

func floorDiv(a, b int64) int64 {
	if q := a / b; a%b >= 0 {
		return q
	}
	return a/b - 1
}

func appendPadded(b []byte, v int64, width int) []byte {
	s := strconv.FormatInt(v, 10)
	for range width - len(s) {
		b = append(b, '0')
	}
	return append(b, s...)
}

// decimal writes an unscaled integer with its point, e.g. 12345 at scale 2 as 123.45.
func decimal(kind parquet.Kind, scale int) format {
	return func(b []byte, v parquet.Value) []byte {
		unscaled := new(big.Int)
		switch kind {
		case parquet.Int32:
			unscaled.SetInt64(int64(v.Int32()))
		case parquet.Int64:
			unscaled.SetInt64(v.Int64())
		default:
			bytes := v.ByteArray() // big-endian two's complement
			unscaled.SetBytes(bytes)
			if len(bytes) > 0 && bytes[0]&0x80 != 0 {
				unscaled.Sub(unscaled, new(big.Int).Lsh(big.NewInt(1), uint(8*len(bytes))))
			}
		}
		return appendScaled(b, unscaled, scale)
	}
}

// maxScale is the largest decimal scale believed; a damaged footer can name any.
const maxScale = 76

func appendScaled(b []byte, unscaled *big.Int, scale int) []byte {
	scale = min(max(scale, 0), maxScale)
	digits := new(big.Int).Abs(unscaled).String()
	for len(digits) <= scale {
		digits = "0" + digits
	}
	if unscaled.Sign() < 0 {
		b = append(b, '-')
	}
	b = append(b, digits[:len(digits)-scale]...)
	if scale > 0 {
		b = append(append(b, '.'), digits[len(digits)-scale:]...)
	}
	return b
}
