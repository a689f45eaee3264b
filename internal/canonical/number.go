package canonical

import (
	"bytes"
	"errors"
	"math"
	"strconv"
)

// AppendNumber appends a number as ECMAScript prints it (RFC 8785 §3.2.2.3; ECMA-262, Number::toString): the
// fewest digits that read back the same, without exponent between 1e-6 and 1e21. NaN and infinities are
// refused; -0 is 0.
func AppendNumber(dst []byte, x float64) ([]byte, error) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil, errors.New("canonical JSON: NaN and infinities have no form")
	}
	if x == 0 {
		return append(dst, '0'), nil
	}
	if x < 0 {
		dst, x = append(dst, '-'), -x
	}
	// Shortest digits as d.ddde±xx; point is where the decimal point stands, counted from before them.
	var buffer [32]byte
	mantissa, exponent, _ := bytes.Cut(strconv.AppendFloat(buffer[:0], x, 'e', -1, 64), []byte("e"))
	digits := bytes.ReplaceAll(mantissa, []byte("."), nil)
	point, err := strconv.Atoi(string(exponent))
	if err != nil {
		panic("canonical: " + err.Error())
	}
	return appendDigits(dst, digits, point+1), nil
}

// appendDigits writes 0.digits × 10^point in the layout of ECMA-262.
func appendDigits(dst, digits []byte, point int) []byte {
	switch count := len(digits); {
	case count <= point && point <= 21:
		dst = append(dst, digits...)
		return append(dst, bytes.Repeat([]byte("0"), point-count)...)
	case 0 < point && point <= 21:
		dst = append(append(dst, digits[:point]...), '.')
		return append(dst, digits[point:]...)
	case -6 < point && point <= 0:
		dst = append(append(dst, "0."...), bytes.Repeat([]byte("0"), -point)...)
		return append(dst, digits...)
	}
	dst = append(dst, digits[0])
	if len(digits) > 1 {
		dst = append(append(dst, '.'), digits[1:]...)
	}
	dst = append(dst, 'e')
	if point > 0 {
		dst = append(dst, '+')
	}
	return strconv.AppendInt(dst, int64(point-1), 10)
}

// numberEnd is the end of the JSON number (RFC 8259 §6) that begins a text; 0 where none does. whole: it has neither
// fraction nor exponent.
func numberEnd(text []byte) (end int, whole bool) {
	digits := func(from int) int {
		for from < len(text) && text[from] >= '0' && text[from] <= '9' {
			from++
		}
		return from
	}
	start := 0
	if len(text) > 0 && text[0] == '-' {
		start = 1
	}
	end = digits(start)
	if end == start || text[start] == '0' && end > start+1 {
		return 0, false
	}
	whole = true
	if end < len(text) && text[end] == '.' {
		past := digits(end + 1)
		if past == end+1 {
			return 0, false
		}
		end, whole = past, false
	}
	if end < len(text) && (text[end] == 'e' || text[end] == 'E') {
		from := end + 1
		if from < len(text) && (text[from] == '+' || text[from] == '-') {
			from++
		}
		past := digits(from)
		if past == from {
			return 0, false
		}
		end, whole = past, false
	}
	return end, whole
}
