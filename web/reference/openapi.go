package reference

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// The types of this file are the parts of OpenAPI 3.1 (and of JSON Schema 2020-12) that our description uses. A field that is not here
// is refused.

type document struct {
	OpenAPI    string                      `json:"openapi"`
	Dialect    string                      `json:"jsonSchemaDialect"`
	Info       info                        `json:"info"`
	Servers    []server                    `json:"servers"`
	Security   []map[string][]string       `json:"security"`
	Tags       []tag                       `json:"tags"`
	Problems   []Problem                   `json:"x-qrsd-problems"`
	Any        ordered[string]             `json:"x-qrsd-any-request"`
	Paths      ordered[ordered[operation]] `json:"paths"`
	Components components                  `json:"components"`
}

type info struct {
	Title       string            `json:"title"`
	Version     string            `json:"version"`
	Summary     string            `json:"summary"`
	Description string            `json:"description"`
	License     map[string]string `json:"license"`
}

type server struct {
	URL         string `json:"url"`
	Description string `json:"description"`
}

type tag struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

type components struct {
	SecuritySchemes ordered[securityScheme] `json:"securitySchemes"`
	Parameters      ordered[parameter]      `json:"parameters"`
	Headers         ordered[header]         `json:"headers"`
	RequestBodies   ordered[requestBody]    `json:"requestBodies"`
	Responses       ordered[response]       `json:"responses"`
	Schemas         ordered[schema]         `json:"schemas"`
}

type securityScheme struct {
	Type         string `json:"type"`
	In           string `json:"in"`
	Name         string `json:"name"`
	Scheme       string `json:"scheme"`
	BearerFormat string `json:"bearerFormat"`
	Description  string `json:"description"`
}

type operation struct {
	ID           string                 `json:"operationId"`
	Tags         []string               `json:"tags"`
	Summary      string                 `json:"summary"`
	Description  string                 `json:"description"`
	Security     *[]map[string][]string `json:"security"`
	Access       string                 `json:"x-qrsd-access"`
	Verb         string                 `json:"x-qrsd-verb"`
	OperatorVerb string                 `json:"x-qrsd-operator-verb"`
	StepUp       bool                   `json:"x-qrsd-step-up"`
	Parameters   []parameter            `json:"parameters"`
	Body         *requestBody           `json:"requestBody"`
	Responses    ordered[response]      `json:"responses"`
}

type parameter struct {
	Ref         string `json:"$ref"`
	Name        string `json:"name"`
	In          string `json:"in"`
	Required    bool   `json:"required"`
	Description string `json:"description"`
	Schema      schema `json:"schema"`
	Example     any    `json:"example"`
}

type header struct {
	Ref         string `json:"$ref"`
	Required    bool   `json:"required"`
	Description string `json:"description"`
	Schema      schema `json:"schema"`
	Example     any    `json:"example"`
}

type requestBody struct {
	Ref      string         `json:"$ref"`
	Required bool           `json:"required"`
	Content  ordered[media] `json:"content"`
}

type response struct {
	Ref         string          `json:"$ref"`
	Description string          `json:"description"`
	Headers     ordered[header] `json:"headers"`
	Content     ordered[media]  `json:"content"`
}

type media struct {
	Schema schema `json:"schema"`
}

type schema struct {
	Ref                   string            `json:"$ref"`
	Type                  string            `json:"type"`
	Format                string            `json:"format"`
	Description           string            `json:"description"`
	Const                 any               `json:"const"`
	Enum                  []string          `json:"enum"`
	Default               any               `json:"default"`
	Pattern               string            `json:"pattern"`
	MinLength             *int              `json:"minLength"`
	MaxLength             *int              `json:"maxLength"`
	Minimum               *int64            `json:"minimum"`
	Maximum               *int64            `json:"maximum"`
	MinItems              *int              `json:"minItems"`
	MaxItems              *int              `json:"maxItems"`
	MinProperties         *int              `json:"minProperties"`
	MaxProperties         *int              `json:"maxProperties"`
	ReadOnly              bool              `json:"readOnly"`
	WriteOnly             bool              `json:"writeOnly"`
	Required              []string          `json:"required"`
	Properties            ordered[schema]   `json:"properties"`
	AdditionalProperties  *bool             `json:"additionalProperties"`
	UnevaluatedProperties *bool             `json:"unevaluatedProperties"`
	Items                 *schema           `json:"items"`
	AllOf                 []schema          `json:"allOf"`
	Examples              []json.RawMessage `json:"examples"`
}

// ordered is a mapping in the order of the file, which is the order of the page.
type ordered[T any] []entry[T]

type entry[T any] struct {
	Name  string
	Value T
}

// UnmarshalJSON reads an object, strictly as the whole is read.
func (o *ordered[T]) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return fmt.Errorf("an object belongs here, not %.40s", text)
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		e := entry[T]{Name: name.(string)} // a key always is
		if err := decoder.Decode(&e.Value); err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
		*o = append(*o, e)
	}
	return nil
}
