package reference

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Description is the API as openapi.yaml describes it. It does not change; it is safe for many goroutines.
type Description struct {
	document document
	json     []byte
}

// Parse reads openapi.yaml. An error names the line, or the operation and what it lacks or names in vain.
func Parse(text []byte) (*Description, error) {
	var whole yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(text))
	if err := documents.Decode(&whole); err != nil {
		return nil, fmt.Errorf("read the description of the API: %w", err)
	}
	if err := documents.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("read the description of the API: it holds more than one document")
	}
	var out bytes.Buffer
	if err := writeJSON(&out, &whole); err != nil {
		return nil, fmt.Errorf("write the description of the API as JSON: %w", err)
	}
	d := &Description{json: out.Bytes()}
	decoder := json.NewDecoder(bytes.NewReader(d.json))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d.document); err != nil {
		return nil, fmt.Errorf("read the description of the API: %w", err)
	}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("read the description of the API: %w", err)
	}
	return d, nil
}

// JSON is the whole description as JSON, in the order of the file. It is not to be changed.
func (d *Description) JSON() []byte { return d.json }

// Operation is one operation, as those see it who hold the description to the server.
type Operation struct {
	ID     string
	Method string // GET, POST ...
	Path   string // with parameters in braces
	Access string // open, locked-too, signed-in, permitted or published
	Verb   string // of the permission table; "" is none
	// OperatorVerb is what operators need in its place; "" is the same.
	OperatorVerb string
	StepUp       bool
	Keyed        bool // takes an Idempotency-Key
	Keys         bool // API keys may ask for it
	// Parameters are those of path and query, \"in name\".
	Parameters []string
	Body       string // name of the schema; \"\" is none
}

// Operations lists all operations, in the order of the file.
func (d *Description) Operations() (all []Operation) {
	for _, p := range d.document.Paths {
		for _, m := range p.Value {
			all = append(all, d.described(strings.ToUpper(m.Name), p.Name, m.Value))
		}
	}
	return all
}

func (d *Description) described(method, path string, o operation) Operation {
	out := Operation{ID: o.ID, Method: method, Path: path, Access: o.Access, Verb: o.Verb, OperatorVerb: o.OperatorVerb, StepUp: o.StepUp, Keys: d.forKeys(o)}
	for _, ref := range o.Parameters {
		switch p, _ := find(d.document.Components.Parameters, ref.Ref); { // checked by Parse
		case p.In != "header":
			out.Parameters = append(out.Parameters, p.In+" "+p.Name)
		case p.Name == "Idempotency-Key":
			out.Keyed = true
		}
	}
	if o.Body != nil {
		body, _ := find(d.document.Components.RequestBodies, o.Body.Ref) // checked by Parse
		for _, m := range body.Content {
			out.Body = nameOf(m.Value.Schema.Ref)
		}
	}
	return out
}

// forKeys reports whether API keys may ask for the operation.
func (d *Description) forKeys(o operation) bool {
	schemes := d.document.Security
	if o.Security != nil {
		schemes = *o.Security
	}
	return slices.ContainsFunc(schemes, func(s map[string][]string) bool { _, ok := s["apiKey"]; return ok })
}

// Problem is a type of problem, as the description lists it.
type Problem struct {
	Name        string `json:"name"` // the last part of the type's URI
	Status      int    `json:"status"`
	Title       string `json:"title"`
	Description string `json:"description"`
}

// Problems lists the types of problems, in the order of the file.
func (d *Description) Problems() []Problem { return d.document.Problems }

// check finds references that lead nowhere, and operations without what their page needs.
func (d *Description) check() error {
	var faults []error
	for _, p := range d.document.Paths {
		for _, m := range p.Value {
			if err := d.checkOperation(m.Value); err != nil {
				faults = append(faults, fmt.Errorf("%s %s: %w", strings.ToUpper(m.Name), p.Name, err))
			}
		}
	}
	for _, s := range d.document.Components.Schemas {
		if err := d.checkSchema(s.Value); err != nil {
			faults = append(faults, fmt.Errorf("schema %s: %w", s.Name, err))
		}
	}
	return errors.Join(faults...)
}

func (d *Description) checkOperation(o operation) error {
	if o.ID == "" || o.Summary == "" || len(o.Tags) != 1 {
		return errors.New("it needs an operationId, a summary and one tag")
	}
	known := false
	for _, t := range d.document.Tags {
		known = known || t.Name == o.Tags[0]
	}
	if !known {
		return fmt.Errorf("tag %q is not in the list of tags", o.Tags[0])
	}
	for _, ref := range o.Parameters {
		p, err := find(d.document.Components.Parameters, ref.Ref)
		if err != nil {
			return err
		}
		if err := d.checkSchema(p.Schema); err != nil {
			return fmt.Errorf("parameter %s: %w", p.Name, err)
		}
	}
	if o.Body != nil {
		body, err := find(d.document.Components.RequestBodies, o.Body.Ref)
		if err != nil {
			return err
		}
		if err := d.checkContent(body.Content); err != nil {
			return fmt.Errorf("body: %w", err)
		}
	}
	for _, r := range o.Responses {
		got, err := d.response(r.Value)
		if err != nil {
			return fmt.Errorf("response %s: %w", r.Name, err)
		}
		if err := d.checkContent(got.Content); err != nil {
			return fmt.Errorf("response %s: %w", r.Name, err)
		}
	}
	return nil
}

func (d *Description) checkContent(content ordered[media]) error {
	for _, c := range content {
		if err := d.checkSchema(c.Value.Schema); err != nil {
			return err
		}
	}
	return nil
}

func (d *Description) checkSchema(s schema) error {
	if s.Ref != "" {
		_, err := find(d.document.Components.Schemas, s.Ref)
		return err
	}
	for _, p := range s.Properties {
		if err := d.checkSchema(p.Value); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	for _, base := range s.AllOf {
		if _, err := find(d.document.Components.Schemas, base.Ref); err != nil {
			return err
		}
	}
	if s.Items != nil {
		return d.checkSchema(*s.Items)
	}
	return nil
}

// response follows a response to where it is described. Its own description, if any, counts.
func (d *Description) response(r response) (response, error) {
	if r.Ref == "" {
		return r, nil
	}
	found, err := find(d.document.Components.Responses, r.Ref)
	if r.Description != "" {
		found.Description = r.Description
	}
	return found, err
}

// find follows a reference into a part of the components.
func find[T any](part ordered[T], ref string) (found T, err error) {
	name := ref[strings.LastIndexByte(ref, '/')+1:]
	for _, entry := range part {
		if entry.Name == name && strings.HasPrefix(ref, "#/components/") {
			return entry.Value, nil
		}
	}
	return found, fmt.Errorf("reference %q leads nowhere", ref)
}
