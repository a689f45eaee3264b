package reference

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// writeJSON writes a YAML node as JSON, its mappings in their order. Aliases are refused: the description has none, so that every reader
// of YAML reads the same.
func writeJSON(out *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.DocumentNode:
		return writeJSON(out, n.Content[0])
	case yaml.MappingNode:
		return writeParts(out, n, "{}", 2)
	case yaml.SequenceNode:
		return writeParts(out, n, "[]", 1)
	case yaml.ScalarNode:
		var value any
		if err := n.Decode(&value); err != nil {
			return err
		}
		if n.Tag == "!!timestamp" {
			return fmt.Errorf("line %d: %s is read as a time by some and as text by others: put it into quotes", n.Line, n.Value)
		}
		return writeText(out, value)
	}
	return fmt.Errorf("line %d: neither a mapping nor a sequence nor a value", n.Line)
}

// writeParts writes a mapping (pairs: keys and values in turn) or a sequence.
func writeParts(out *bytes.Buffer, n *yaml.Node, brackets string, step int) error {
	out.WriteByte(brackets[0])
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += step {
		if i > 0 {
			out.WriteByte(',')
		}
		if step == 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode || seen[key.Value] {
				return fmt.Errorf("line %d: key %q is no text, or is there twice", key.Line, key.Value)
			}
			seen[key.Value] = true
			if err := writeText(out, n.Content[i].Value); err != nil {
				return err
			}
			out.WriteByte(':')
		}
		if err := writeJSON(out, n.Content[i+step-1]); err != nil {
			return err
		}
	}
	out.WriteByte(brackets[1])
	return nil
}

func writeText(out *bytes.Buffer, value any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return err
	}
	out.Truncate(out.Len() - 1) // the encoder's newline
	return nil
}

// indented is an example as people read it.
func indented(example json.RawMessage) string {
	var wide bytes.Buffer
	if err := json.Indent(&wide, example, "", "  "); err != nil {
		panic("reference: JSON of our own making: " + err.Error())
	}
	return wide.String()
}
