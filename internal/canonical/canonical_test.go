package canonical_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/internal/canonical"
)

// TestNumbers: RFC 8785 Appendix B, all rows.
func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		bits uint64
		want string // empty: refused
	}{
		{0x0000000000000000, "0"},
		{0x8000000000000000, "0"},
		{0x0000000000000001, "5e-324"},
		{0x8000000000000001, "-5e-324"},
		{0x7fefffffffffffff, "1.7976931348623157e+308"},
		{0xffefffffffffffff, "-1.7976931348623157e+308"},
		{0x4340000000000000, "9007199254740992"},
		{0xc340000000000000, "-9007199254740992"},
		{0x4430000000000000, "295147905179352830000"},
		{0x7fffffffffffffff, ""},
		{0x7ff0000000000000, ""},
		{0x44b52d02c7e14af5, "9.999999999999997e+22"},
		{0x44b52d02c7e14af6, "1e+23"},
		{0x44b52d02c7e14af7, "1.0000000000000001e+23"},
		{0x444b1ae4d6e2ef4e, "999999999999999700000"},
		{0x444b1ae4d6e2ef4f, "999999999999999900000"},
		{0x444b1ae4d6e2ef50, "1e+21"},
		{0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
		{0x3eb0c6f7a0b5ed8d, "0.000001"},
		{0x41b3de4355555553, "333333333.3333332"},
		{0x41b3de4355555554, "333333333.33333325"},
		{0x41b3de4355555555, "333333333.3333333"},
		{0x41b3de4355555556, "333333333.3333334"},
		{0x41b3de4355555557, "333333333.33333343"},
		{0xbecbf647612f3696, "-0.0000033333333333333333"},
		{0x43143ff3c1cb0959, "1424953923781206.2"},
	} {
		got, err := canonical.AppendNumber(nil, math.Float64frombits(c.bits))
		if string(got) != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%016x: got %q, %v, want %q", c.bits, got, err, c.want)
		}
	}
}

// TestTransform: the examples of RFC 8785 §3.2.2 and §3.2.3, and forms between which the scheme decides.
func TestTransform(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"RFC 8785 §3.2.2": {`{
			"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
			"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
			"literals": [null, true, false]
		}`, `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`},
		"RFC 8785 §3.2.3": {`{
			"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
			"\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"
		}`, "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\"," +
			"\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}"},
		"shorter first":  {`{"ab":1,"a":2,"":3}`, `{"":3,"a":2,"ab":1}`},
		"nested":         {`{"b":{"d":1,"c":[{"f":1,"e":2}]},"a":[ ]}`, `{"a":[],"b":{"c":[{"e":2,"f":1}],"d":1}}`},
		"escapes":        {`"\b\t\n\f\r\u0008\u0000\u001F\u007f\u2028<>&"`, "\"\\b\\t\\n\\f\\r\\b\\u0000\\u001f\u007f\u2028<>&\""},
		"minus zero":     {`[-0,-0.0,0e9]`, `[0,0,0]`},
		"exact integers": {`[9007199254740991,-9007199254740992,295147905179352830000,10000000000000000]`, `[9007199254740991,-9007199254740992,295147905179352830000,10000000000000000]`},
		"spaces":         {" \t\r\n[ 1 , 2 ] \n", `[1,2]`},
		"replacement":    {"\"\ufffd\"", "\"\ufffd\""},
	} {
		got, err := canonical.Transform([]byte(c.text))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, c.want)
		}
		if err := canonical.Check(got); err != nil {
			t.Errorf("%s: its own form is refused: %v", name, err)
		}
	}
}

// refused are texts that have no canonical form.
var refused = map[string]string{
	"twice":                   `{"a":1,"a":1}`,
	"twice by escapes":        `{"a":1,"\u0061":1}`,
	"twice deep":              `[{"x":{"a":1,"b":2,"a":3}}]`,
	"half a pair":             `"\ud83d"`,
	"low half alone":          `"\ude00"`,
	"two low halves":          `"\ude00\ude00"`,
	"half and letter":         `"\ud83da"`,
	"not UTF-8":               "\"\xff\"",
	"overlong":                "\"\xc0\xaf\"",
	"encoded surrogate":       "\"\xed\xa0\x80\"",
	"control":                 "\"a\x01\"",
	"newline":                 "\"a\n\"",
	"escape unknown":          `"\v"`,
	"escape short":            `"\u12"`,
	"escape not hex":          `"\u12g4"`,
	"integer loses digits":    `9007199254740993`,
	"integer loses more":      `295147905179352830001`,
	"integer of 24 digits":    `100000000000000000000000`,
	"number too large":        `1e309`,
	"leading zero":            `01`,
	"plus":                    `+1`,
	"no digits":               `1.`,
	"no digits in exponent":   `1e`,
	"naked point":             `.5`,
	"minus":                   `-`,
	"NaN":                     `NaN`,
	"comma at the end":        `[1,]`,
	"comma at the end object": `{"a":1,}`,
	"no colon":                `{"a"}`,
	"name not a string":       `{1:2}`,
	"open":                    `{"a":[1,2`,
	"open string":             `"abc`,
	"empty":                   ``,
	"two values":              `1 2`,
	"word":                    `nul`,
	"deep":                    strings.Repeat("[", 100_000),
	"byte order mark":         "\ufeff1",
}

func TestRefused(t *testing.T) {
	for name, text := range refused {
		if got, err := canonical.Transform([]byte(text)); err == nil {
			t.Errorf("%s: Transform made %s of it", name, got)
		}
		if canonical.Check([]byte(text)) == nil {
			t.Errorf("%s: Check took it", name)
		}
	}
	if err := canonical.Check([]byte(`{"a":`)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a text that ends early is %v, not io.ErrUnexpectedEOF", err)
	}
	deepest := strings.Repeat("[", canonical.MaxDepth-1) + "1" + strings.Repeat("]", canonical.MaxDepth-1)
	if err := canonical.Check([]byte(deepest)); err != nil {
		t.Errorf("%d levels: %v", canonical.MaxDepth, err)
	}
	if canonical.Check([]byte("["+deepest+"]")) == nil {
		t.Errorf("%d levels were taken", canonical.MaxDepth+1)
	}
}

// TestCheckWantsTheOneForm: valid JSON whose meaning is that of a canonical text, written otherwise.
func TestCheckWantsTheOneForm(t *testing.T) {
	for _, text := range []string{
		`{"b":1,"a":2}`, `[1, 2]`, `[1,2] `, "[1,2]\n", ` 1`, `1.0`, `1e2`, `1E+30`, `-0`, `0.1e1`, `"\u0041"`, `"\/"`, `"\u000a"`, `"\u001F"`,
		`"\u00e9"`, `{"\ufb33":1,"\ud83d\ude00":2}`, "{\"\ufb33\":1,\"😀\":2}",
	} {
		if canonical.Check([]byte(text)) == nil {
			t.Errorf("%s passes as canonical", text)
		}
		if _, err := canonical.Transform([]byte(text)); err != nil {
			t.Errorf("%s has no canonical form: %v", text, err)
		}
	}
}

func TestMarshal(t *testing.T) {
	type part struct {
		Name  string            `json:"name"`
		At    time.Time         `json:"at"`
		Bytes []byte            `json:"bytes"`
		Map   map[string]uint64 `json:"map"`
		Left  int               `json:"left,omitempty"`
	}
	got, err := canonical.Marshal(part{"<é&\u2028>", time.Date(2026, 6, 1, 12, 0, 0, 5e8, time.UTC), []byte{0, 255}, map[string]uint64{"z": 1, "a": 2}, 0})
	const want = "{\"at\":\"2026-06-01T12:00:00.5Z\",\"bytes\":\"AP8=\",\"map\":{\"a\":2,\"z\":1},\"name\":\"<é&\u2028>\"}"
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
	for name, v := range map[string]any{
		"not UTF-8": "a\xff", "not UTF-8 in a name": map[string]int{"a\xff": 1}, "NaN": math.NaN(), "large integer": uint64(1<<53 + 1),
		"function": func() {},
	} {
		if got, err := canonical.Marshal(v); err == nil {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

// TestTransformKeepsTheMeaning: encoding/json reads the same values before and after, and a second pass changes nothing.
func TestTransformKeepsTheMeaning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := anyValue(3).Draw(t, "value")
		loose, err := json.MarshalIndent(value, " ", "\t")
		if err != nil {
			t.Fatal(err)
		}
		strict, err := canonical.Transform(loose)
		if err != nil {
			t.Fatalf("%s: %v", loose, err)
		}
		var before, after any
		if json.Unmarshal(loose, &before) != nil || json.Unmarshal(strict, &after) != nil {
			t.Fatalf("%s: no JSON", strict)
		}
		x, _ := json.Marshal(before)
		y, _ := json.Marshal(after)
		if !bytes.Equal(x, y) {
			t.Fatalf("%s became %s", x, y)
		}
		if again, err := canonical.Transform(strict); err != nil || !bytes.Equal(again, strict) {
			t.Fatalf("%s became %s, %v", strict, again, err)
		}
		if err := canonical.Check(strict); err != nil {
			t.Fatalf("%s: %v", strict, err)
		}
	})
}

func anyValue(depth int) *rapid.Generator[any] {
	leaves := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Map(rapid.Float64Range(-1e300, 1e300), func(x float64) any { return x + 0 }) /* no -0 */, rapid.String().AsAny(), rapid.Int32().AsAny(),
	}
	if depth == 0 {
		return rapid.OneOf(leaves...)
	}
	return rapid.OneOf(append(leaves,
		rapid.SliceOfN(anyValue(depth-1), 0, 5).AsAny(),
		rapid.MapOfN(rapid.String(), anyValue(depth-1), 0, 6).AsAny())...)
}

// FuzzTransform holds the two readers against each other: Check takes exactly what Transform leaves as it is, and
// encoding/json takes whatever Transform takes.
func FuzzTransform(f *testing.F) {
	for _, text := range refused {
		if len(text) < 1000 {
			f.Add([]byte(text))
		}
	}
	for _, text := range []string{`{"a":[1,2.5e-7,null],"b":"\u001f\n"}`, `{"€":{"\r":[]}}`, `[-0,1e21,123456789012345678]`, `"\ud83d\ude00"`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		strict, err := canonical.Transform(text)
		same := err == nil && bytes.Equal(strict, text)
		if checked := canonical.Check(text); (checked == nil) != same {
			t.Fatalf("Transform(%q) = %q, %v; Check: %v", text, strict, err, checked)
		}
		if err != nil {
			return
		}
		if !json.Valid(text) || canonical.Check(strict) != nil {
			t.Fatalf("%q became %q", text, strict)
		}
	})
}

func BenchmarkScan(b *testing.B) {
	text := []byte(sampleEntry)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := canonical.Scan(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTransform(b *testing.B) {
	text := []byte(" " + sampleEntry) // the space makes it the long way
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := canonical.Transform(text); err != nil {
			b.Fatal(err)
		}
	}
}

// sampleEntry has the size and shape of an audit entry.
const sampleEntry = `{"action":"portfolio.import","actor":"5f0c8a3de1b24b0f9a7d6c5b4a392817","address":"203.0.113.9","agent":"Mozilla/5.0 (X11; Linux x86_64)",` +
	`"object":"c0ffee00c0ffee00c0ffee00c0ffee00","outcome":"done","request":"0123456789abcdef","role":"Modeler","time":"2026-06-01T12:00:00.123456789Z",` +
	`"writes":[{"collection":7,"digest":"aGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8gd29ybGQ=","id":"c0ffee00c0ffee00c0ffee00c0ffee00"}]}`
