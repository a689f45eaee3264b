package web

import (
	"bytes"
	"encoding/json"
)

// decodeBody reads the JSON of a body into v.
func decodeBody(x *exchange, v any) error {
	d := json.NewDecoder(bytes.NewReader(x.body()))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return badField("", "the body is not the JSON that is expected here")
	}
	return nil
}
