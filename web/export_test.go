package web

import "reflect"

// Input is a field of a handler's input, for the test that holds openapi.yaml to it.
type Input struct {
	In   string // path, query, form or body
	Name string
	Type reflect.Type
}

// InputsOf lists what the handler of each operation takes.
func InputsOf() map[string][]Input {
	all := map[string][]Input{}
	for _, r := range routes() {
		for _, p := range r.inputs() {
			all[r.Operation] = append(all[r.Operation], Input{p.in, p.name, p.kind})
		}
	}
	return all
}

// DecodeStrictly reads JSON as bodies are read.
func DecodeStrictly(body []byte, v any) error { return decodeStrictly(body, v) }

// NumberCursor and ReadNumber are the cursors of lists that are counted.
func NumberCursor(n uint64) string { return numberCursor(n) }

// ReadNumber reads what NumberCursor wrote.
func ReadNumber(cursor string) (uint64, error) { return readNumber(cursor) }
