package web

import (
	"mime"
	"net/url"
	"reflect"
	"slices"

	"github.com/qrsrisk/qrsd/web/wire"
)

// maxFields bounds what a form may hold: more is no form of ours.
const maxFields = 200

// bindForm fills the fields of an input that come from an HTML form, and refuses fields that the input does not have.
func bindForm(x *exchange, plan []input, into reflect.Value) error {
	if !slices.ContainsFunc(plan, func(p input) bool { return p.in == "form" }) {
		return nil
	}
	values, err := formValues(x)
	if err != nil {
		return err
	}
	var faults []wire.Fault
	for _, p := range plan {
		if p.in != "form" {
			continue
		}
		given := values[p.name]
		delete(values, p.name)
		if err := parseInto(into.Field(p.index), given); err != nil {
			faults = append(faults, wire.Fault{Pointer: "/" + p.name, Detail: err.Error()})
		}
	}
	for name := range values {
		faults = append(faults, wire.Fault{Pointer: "/" + clipped(name), Detail: "there is no such field"})
	}
	if len(faults) > 0 {
		return &refusal{kind: kindInvalid, faults: faults}
	}
	return nil
}

// formValues reads the body of a form (WHATWG URL §5.1).
func formValues(x *exchange) (url.Values, error) {
	if len(x.body()) == 0 {
		return url.Values{}, nil
	}
	if media, _, err := mime.ParseMediaType(x.mediaType()); err != nil || media != "application/x-www-form-urlencoded" {
		return nil, refuse(kindMediaType, "a form is sent as application/x-www-form-urlencoded")
	}
	values, err := url.ParseQuery(string(x.body()))
	if err != nil {
		return nil, refuse(kindInvalid, "the form is not percent-encoded as it should be")
	}
	if len(values) > maxFields {
		return nil, refuse(kindInvalid, "the form has more than %d fields", maxFields)
	}
	return values, nil
}
