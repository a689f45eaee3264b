package web_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// shape has a member of each sort.
type shape struct {
	Name  string            `json:"name"`
	Count int               `json:"count"`
	At    time.Time         `json:"at"`
	Role  store.Role        `json:"role"`
	Maybe *string           `json:"maybe"`
	List  []inner           `json:"list"`
	Map   map[string]string `json:"map"`
	Raw   json.RawMessage   `json:"raw"`
	Inner inner             `json:"inner"`
}

type inner struct {
	A string `json:"a"`
}

// TestStrictJSON reads bodies that are wrong in one way each, and wants the place of it.
func TestStrictJSON(t *testing.T) {
	for body, want := range map[string]string{
		`{"name":"x","count":1,"at":"2026-01-02T03:04:05Z","maybe":"y","list":[{"a":"b"}],"map":{"k":"v"},"raw":{"any":[null,1]},"inner":{"a":"c"}}`: "good",
		` {"name":"x"} `:                 "good",
		``:                               ": there is no body",
		`   `:                            ": there is no body",
		`{`:                              ": this is not JSON",
		`{"name":"x"`:                    ": this is not JSON",
		`{"name":"x"}{}`:                 ": there is more",
		`{"name":"x"} x`:                 ": there is more",
		`{"nom":"x"}`:                    "/nom: there is no such member",
		`{"Name":"x"}`:                   "/Name: there is no such member", // encoding/json alone would take it
		`{"name":"x","name":"y"}`:        "/name: this name is there twice",
		`{"name":"x","n\u0061me":"y"}`:   "/name: this name is there twice",
		`{"raw":{"k":1,"k":2}}`:          "/raw/k: this name is there twice",
		`{"name":1}`:                     "/name: a number is here, and a string is expected",
		`{"count":"1"}`:                  "/count: a string is here, and a number is expected",
		`{"count":1.5}`:                  "/count: a number 1.5 is here, and a number is expected",
		`{"count":99999999999999999999}`: "/count: a number",
		`{"name":null}`:                  "/name: null is no value here",
		`null`:                           ": null is no value here",
		`[]`:                             ": a array is here",
		`"x"`:                            ": a string is here",
		`{"list":[{"a":"b"},{"b":"c"}]}`: "/list/1/b: there is no such member",
		`{"list":[{"a":1}]}`:             "a number is here, and a string is expected",
		`{"inner":{"a/b~c":1}}`:          "/inner/a~1b~0c: there is no such member",
		`{"inner":[]}`:                   "/inner: a array is here, and an object is expected",
		`{"at":"yesterday"}`:             "times are RFC 3339",
		`{"role":"emperor"}`:             "a value is not written as it is expected",
		"{\"name\":\"\xff\"}":            ": the body is not UTF-8",
		`{"name":"x",}`:                  ": this is not JSON",
		`{'name':'x'}`:                   ": this is not JSON",
		`{"name":"x" /* why */}`:         ": this is not JSON",
		`{"raw":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`: "more than 32 deep",
		strings.Repeat(`{"inner":`, 100000):                                 "/inner/inner: there is no such member",
	} {
		var v shape
		err := web.DecodeStrictly([]byte(body), &v)
		got := "good"
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%.80s\n got %q\nwant %q", body, got, want)
		}
		if strings.Contains(got, "json:") || strings.Contains(got, "web_test") || strings.Contains(got, "Go ") {
			t.Errorf("%.80s: the error speaks of the program: %q", body, got)
		}
	}
}

// FuzzStrictJSON holds the strict reader to encoding/json: what it takes, that takes too, and reads the same.
func FuzzStrictJSON(f *testing.F) {
	for _, seed := range []string{`{"name":"x","list":[{"a":"b"}],"raw":{"k":[1,2]}}`, `{"name":null}`, `[]`, `{"map":{"k":"v","k":"w"}}`, `{"at":"2026-01-02T03:04:05Z"}`, "{\"name\":\"\\ud800\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var strict, lenient shape
		err := web.DecodeStrictly(body, &strict)
		if err != nil {
			return
		}
		if err := json.Unmarshal(body, &lenient); err != nil {
			t.Fatalf("%q is taken, and is not JSON: %v", body, err)
		}
		a, _ := json.Marshal(strict)
		b, _ := json.Marshal(lenient)
		if string(a) != string(b) {
			t.Fatalf("%q is read as %s and as %s", body, a, b)
		}
	})
}

// TestBodies sends bodies in other media types, and parameters that are none.
func TestBodies(t *testing.T) {
	a := start(t)
	p := a.join(a.tenant("Example Mutual"), "ann@example.com", store.Modeler)
	for media, status := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "application/json; charset=UTF-8": 200, "application/json; charset=latin1": 415,
		"text/plain": 415, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415, "": 415, "application/merge-patch+json": 415,
	} {
		p.want(status, p.call("PATCH", "/api/v1/me", wire.MeChange{Name: "A. N."}, header("Content-Type", media)))
	}
	p.want(415, p.call("PATCH", "/api/v1/me", wire.MeChange{Name: "A. N."}, header("Content-Encoding", "gzip")))
	problem := p.want(400, p.call("GET", "/api/v1/me?limit=3&limti=4", nil)).problem(t)
	if len(problem.Errors) != 2 || problem.Errors[0].Parameter == "" {
		t.Errorf("unknown parameters: %+v", problem)
	}
	p.want(400, p.call("GET", "/api/v1/me?%zz=1", nil))
	p.want(404, p.call("DELETE", "/api/v1/me/sessions/not-an-id", nil))
	p.want(404, p.call("DELETE", "/api/v1/me/sessions/00000000000000000000000000000000", nil))
	for match, status := range map[string]int{`"1"`: 412, `*`: 200, `W/"1"`: 400, `1`: 400, `"x"`: 400, `"99"`: 412} {
		p.want(status, p.call("PATCH", "/api/v1/me", wire.MeChange{Name: "A. N."}, header("If-Match", match)))
	}
	now := p.want(200, p.call("GET", "/api/v1/me", nil)).Header.Get("ETag")
	changed := p.want(200, p.call("PATCH", "/api/v1/me", wire.MeChange{Name: "B. N."}, header("If-Match", now)))
	if changed.Header.Get("ETag") == now || now == "" {
		t.Errorf("ETag %q, then %q", now, changed.Header.Get("ETag"))
	}
}
