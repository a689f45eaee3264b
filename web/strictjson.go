package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/qrsrisk/qrsd/web/wire"
)

// jsonDepth is how far values in a body may lie within one another.
const jsonDepth = 32

// decodeBody reads the JSON of a body into v.
func decodeBody(x *exchange, v any) error {
	media, parameters, err := mime.ParseMediaType(x.mediaType())
	if charset := parameters["charset"]; err != nil || media != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return refuse(kindMediaType, "send application/json in UTF-8")
	}
	if x.header("Content-Encoding") != "" {
		return refuse(kindMediaType, "send the body without a Content-Encoding")
	}
	return decodeStrictly(x.body(), v)
}

// decodeStrictly reads JSON (RFC 8259) as encoding/json does, but refuses what two readers could understand differently and what a
// client cannot have meant: names that v does not have or has in other capitals, names that are there twice, text after the
// value, invalid UTF-8, null, depth without end. Errors name the place (RFC 6901).
func decodeStrictly(body []byte, v any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return badField("", "there is no body; a JSON object is expected")
	}
	if !utf8.Valid(body) {
		return badField("", "the body is not UTF-8")
	}
	w := walker{json.NewDecoder(bytes.NewReader(body))}
	w.UseNumber()
	if err := w.value("", reflect.TypeOf(v), 0); err != nil {
		return err
	}
	if _, err := w.Token(); !errors.Is(err, io.EOF) {
		return badField("", "there is more after the JSON value")
	}
	if err := json.Unmarshal(body, v); err != nil {
		return jsonFault(err)
	}
	return nil
}

// walker goes through JSON and the Go type that it is for side by side, before anything is made of it.
type walker struct{ *json.Decoder }

// value checks one value. t is nil where anything may be.
func (w walker) value(at string, t reflect.Type, depth int) error {
	if depth > jsonDepth {
		return badField(at, fmt.Sprintf("values lie within one another more than %d deep", jsonDepth))
	}
	token, err := w.Token()
	if err != nil {
		return badField(at, "this is not JSON, or it ends too early")
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch delimiter, _ := token.(json.Delim); delimiter {
	case '{':
		return w.object(at, t, depth)
	case '[':
		return w.array(at, t, depth)
	}
	if token == nil && t != nil {
		return badField(at, "null is no value here; leave it out")
	}
	return nil
}

func (w walker) object(at string, t reflect.Type, depth int) error {
	fields := fieldsOf(t)
	seen := map[string]bool{}
	for w.More() {
		token, err := w.Token()
		if err != nil {
			return badField(at, "this is not JSON, or it ends too early")
		}
		name, _ := token.(string)
		here := at + "/" + pointerEscaper.Replace(clipped(name))
		if seen[name] {
			return badField(here, "this name is there twice")
		}
		seen[name] = true
		var of reflect.Type
		if fields != nil {
			var known bool
			if of, known = fields[name]; !known {
				return badField(here, "there is no such member")
			}
		} else if t != nil && t.Kind() == reflect.Map {
			of = t.Elem()
		}
		if err := w.value(here, of, depth+1); err != nil {
			return err
		}
	}
	return w.end(at)
}

func (w walker) array(at string, t reflect.Type, depth int) error {
	var of reflect.Type
	if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		of = t.Elem()
	}
	for i := 0; w.More(); i++ {
		if err := w.value(at+"/"+strconv.Itoa(i), of, depth+1); err != nil {
			return err
		}
	}
	return w.end(at)
}

// end takes the closing bracket.
func (w walker) end(at string) error {
	if _, err := w.Token(); err != nil {
		return badField(at, "this is not JSON, or it ends too early")
	}
	return nil
}

// pointerEscaper writes a name as a part of a JSON pointer.
var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

// fieldsOf are the members that a struct has in JSON; nil for what is none, or reads itself.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if t == nil || t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil
	}
	all := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case !f.IsExported() || name == "-" || f.Anonymous && name == "":
		case name == "":
			all[f.Name] = f.Type
		default:
			all[name] = f.Type
		}
	}
	return all
}

// jsonFault says where a value of another type was.
func jsonFault(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		at := ""
		if wrong.Field != "" {
			at = "/" + strings.ReplaceAll(wrong.Field, ".", "/")
		}
		return &refusal{kind: kindInvalid, faults: []wire.Fault{{Pointer: at, Detail: fmt.Sprintf("a %s is here, and %s is expected", wrong.Value, jsonName(wrong.Type))}}}
	}
	return badField("", "a value is not written as it is expected here: times are RFC 3339, as 2026-01-31T12:00:00Z")
}

// jsonName is what JSON calls a Go type.
func jsonName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a number"
}
