package web

import (
	"encoding"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"time"

	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/wire"
)

// input is one field of a handler's input: where it comes from, and under which name.
type input struct {
	in    string // path, query, form or body
	name  string
	index int
	kind  reflect.Type
}

// planOf reads the tags of an input once, when the table is made. Faults in it are our own.
func planOf[In any]() []input {
	t := reflect.TypeFor[In]()
	var plan []input
	for i := range t.NumField() {
		f := t.Field(i)
		for _, in := range []string{"path", "query", "form", "body"} {
			if name, ok := f.Tag.Lookup(in); ok {
				plan = append(plan, input{in, name, i, f.Type})
			}
		}
		if len(plan) != i+1 {
			panic(fmt.Sprintf("web: field %s of %s has no tag, or several, of where it comes from", f.Name, t))
		}
	}
	return plan
}

// bind fills an input from the request. Parameters that the plan does not know are refused, like those that are there twice:
// a misspelt filter must not be a missing one. Route.AnyQuery excepts a route.
func bind(x *exchange, plan []input, target any) error {
	into := reflect.ValueOf(target).Elem()
	query, err := url.ParseQuery(string(x.ctx.Request().URI().QueryString()))
	if err != nil {
		return badParameter("", "the query is not percent-encoded as it should be")
	}
	var faults []wire.Fault
	for _, p := range plan {
		field := into.Field(p.index)
		switch p.in {
		case "path":
			if err := parseInto(field, []string{x.param(p.name)}); err != nil {
				return &refusal{kind: kindNotFound} // an id that is none names nothing
			}
		case "query":
			given := query[p.name]
			delete(query, p.name)
			if err := parseInto(field, given); err != nil {
				faults = append(faults, wire.Fault{Parameter: p.name, Detail: err.Error()})
			}
		case "body":
			if err := decodeBody(x, field.Addr().Interface()); err != nil {
				return err
			}
		}
	}
	if x.route.AnyQuery {
		clear(query)
	}
	for name := range query {
		faults = append(faults, wire.Fault{Parameter: clipped(name), Detail: "there is no such parameter"})
	}
	if len(faults) > 0 {
		return &refusal{kind: kindInvalid, faults: faults}
	}
	return bindForm(x, plan, into)
}

// parseInto reads texts into a field of an input. None at all leave it as it is.
func parseInto(field reflect.Value, texts []string) error {
	if len(texts) == 0 {
		return nil
	}
	if list, ok := field.Addr().Interface().(*[]string); ok {
		*list = texts
		return nil
	}
	if len(texts) > 1 {
		return fmt.Errorf("is there %d times; once is meant", len(texts))
	}
	text := texts[0]
	if field.Kind() == reflect.Pointer {
		field.Set(reflect.New(field.Type().Elem()))
		field = field.Elem()
	}
	switch to := field.Addr().Interface().(type) {
	case *directory.Secret:
		*to = directory.NewSecret(text)
		return nil
	case *time.Time:
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return fmt.Errorf("%q is not a time like 2026-01-31T12:00:00Z (RFC 3339)", clipped(text))
		}
		*to = at
		return nil
	case encoding.TextUnmarshaler:
		return to.UnmarshalText([]byte(text))
	}
	return parseScalar(field, text)
}

func parseScalar(field reflect.Value, text string) error {
	switch field.Kind() {
	case reflect.String:
		field.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", clipped(text))
		}
		field.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", clipped(text))
		}
		field.SetInt(n)
	default:
		panic("web: an input cannot be a " + field.Type().String())
	}
	return nil
}
