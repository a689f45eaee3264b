package jcs_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/quantum/internal/jcs"
)

// TestRFC8785 holds the encoder to the examples of RFC 8785 §3.2.2, §3.2.3 and §3.2.4.
func TestRFC8785(t *testing.T) {
	for in, want := range map[string]string{
		`{ "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
		   "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false] }`: `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
		`{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`: "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}",
		` [ ] `:        `[]`,
		`{}`:           `{}`,
		`"\u2028<&>"`:  "\"\u2028<&>\"",
		`"\b\f\t\n\r"`: `"\b\f\t\n\r"`,
	} {
		got, err := jcs.Canonical([]byte(in))
		if err != nil || string(got) != want {
			t.Errorf("%s\n got %s, %v\nwant %s", in, got, err, want)
		}
		again, err := jcs.Canonical(got)
		if err != nil || string(again) != want {
			t.Errorf("%s: the canonical form of the canonical form is %s, %v", in, again, err)
		}
	}
}

// TestNumbers holds numbers to the samples of RFC 8785, appendix B.
func TestNumbers(t *testing.T) {
	for bits, want := range map[uint64]string{
		0x0000000000000000: "0", 0x8000000000000000: "0",
		0x0000000000000001: "5e-324", 0x8000000000000001: "-5e-324",
		0x7fefffffffffffff: "1.7976931348623157e+308", 0xffefffffffffffff: "-1.7976931348623157e+308",
		0x4340000000000000: "9007199254740992", 0xc340000000000000: "-9007199254740992",
		0x4430000000000000: "295147905179352830000",
		0x44b52d02c7e14af5: "9.999999999999997e+22", 0x44b52d02c7e14af6: "1e+23", 0x44b52d02c7e14af7: "1.0000000000000001e+23",
		0x444b1ae4d6e2ef4e: "999999999999999700000", 0x444b1ae4d6e2ef4f: "999999999999999900000", 0x444b1ae4d6e2ef50: "1e+21",
		0x3eb0c6f7a0b5ed8c: "9.999999999999997e-7", 0x3eb0c6f7a0b5ed8d: "0.000001",
		0x41b3de4355555553: "333333333.3333332", 0x41b3de4355555554: "333333333.33333325", 0x41b3de4355555555: "333333333.3333333",
		0xbecbf647612f3696: "-0.0000033333333333333333", 0x43143ff3c1cb0959: "1424953923781206.2",
	} {
		got, err := jcs.Marshal(math.Float64frombits(bits))
		if err != nil || string(got) != want {
			t.Errorf("%016x: got %s, %v, want %s", bits, got, err, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":1,"a":2}`:        `the name "a" appears twice`,
		`{"a":1,"\u0061":2}`:   `the name "a" appears twice`,
		`[{"b":{"a":1,"a":1}}`: `appears twice`,
		`{"a":1} {}`:           "more than one JSON value",
		`{"a":1}}`:             "more than one JSON value",
		`"\ud83d"`:             "surrogate without its partner",
		`"\ude00"`:             "surrogate without its partner",
		`"\ud83d\u0041"`:       "surrogate without its partner",
		`"\ud83dA"`:            "surrogate without its partner",
		"\"\xff\"":             "not valid UTF-8",
		`1e999`:                "beyond a double",
		``:                     "unexpected EOF",
		`[1,`:                  "EOF",
		`{"a"`:                 "EOF",
		`[1 2]`:                "invalid character",
		`{1:2}`:                "invalid character",
		`nul`:                  "EOF",
	} {
		got, err := jcs.Canonical([]byte(in))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %s and error %v, want one with %q", in, got, err, want)
		}
	}
}

// TestDepth: 64 levels are read, more are refused, however many: a file is read before its signature is checked.
func TestDepth(t *testing.T) {
	nested := func(open, end string, n int) []byte {
		return []byte(strings.Repeat(open, n) + "0" + strings.Repeat(end, n))
	}
	for open, end := range map[string]string{"[": "]", `{"a":`: "}", `[{"a":`: "}]"} {
		levels := strings.Count(open, "[") + strings.Count(open, "{")
		if _, err := jcs.Canonical(nested(open, end, 64/levels)); err != nil {
			t.Errorf("64 levels of %s: %v", open, err)
		}
		if _, err := jcs.Canonical(nested(open, end, 64/levels+1)); err == nil || !strings.Contains(err.Error(), "more than 64 arrays and objects within one another") {
			t.Errorf("66 levels of %s: %v", open, err)
		}
	}
	if _, err := jcs.Canonical(bytes.Repeat([]byte("["), 60<<20)); err == nil || !strings.Contains(err.Error(), "byte 65: more than 64") {
		t.Errorf("60 MB of brackets: %v", err)
	}
}

// FuzzCanonical wants one fixed point for every text that is taken, with the value unchanged.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e-9,"\u20ac"],"b":null}`, `"\ud83d\ude00"`, `-0`, `{"\\u":"\\\\ud800"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		once, err := jcs.Canonical(text)
		if err != nil {
			return
		}
		twice, err := jcs.Canonical(once)
		if err != nil || string(once) != string(twice) {
			t.Fatalf("%q -> %q -> %q, %v", text, once, twice, err)
		}
		var a, b any
		if json.Unmarshal(text, &a) != nil || json.Unmarshal(once, &b) != nil {
			t.Fatalf("%q -> %q: encoding/json refuses one of them", text, once)
		}
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		if string(x) != string(y) && !strings.Contains(string(x), "-0") {
			t.Fatalf("%q -> %q: the value changed", text, once)
		}
	})
}
