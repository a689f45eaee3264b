package web_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestContractShapes: every type of web/wire is a schema of the same name with the same members, of the same types, needed where they are
// always there; and every object schema is a type of web/wire.
func TestContractShapes(t *testing.T) {
	c := readContract(t)
	schemas := c.at("/components/schemas").(map[string]any)
	types := wireTypes(t)
	for name, fields := range types {
		s, ok := schemas[name].(map[string]any)
		if !ok {
			t.Errorf("wire.%s is not in openapi.yaml", name)
			continue
		}
		members, _ := s["properties"].(map[string]any)
		for field, f := range fields {
			m, ok := members[field].(map[string]any)
			if !ok {
				t.Errorf("wire.%s has %s, its schema has not", name, field)
				continue
			}
			if got := c.typeOf(m); got != f.kind {
				t.Errorf("wire.%s, %s is %s, in the schema %s", name, field, f.kind, got)
			}
			if needed := slices.Contains(asList(s["required"]), any(field)); needed == f.optional {
				t.Errorf("wire.%s, %s: optional is %v, needed in the schema %v", name, field, f.optional, needed)
			}
		}
		for member := range members {
			if _, ok := fields[member]; !ok {
				t.Errorf("the schema of wire.%s has %s, the type has not", name, member)
			}
		}
	}
	for name, s := range schemas {
		s := s.(map[string]any)
		_, own := types[name]
		_, part := types[strings.TrimSuffix(name, "Page")]
		if !own && !part && s["type"] != "string" {
			t.Errorf("schema %s is no type of web/wire", name)
		}
		if own && s["additionalProperties"] != false && s["unevaluatedProperties"] != false {
			t.Errorf("schema %s allows members that it does not name", name)
		}
	}
	t.Logf("%d types are held to their schemas", len(types))
}

// typeOf says what a schema is, in the words of wireType.
func (c *contract) typeOf(m map[string]any) string {
	if ref, ok := m["$ref"].(string); ok {
		target := c.at(strings.TrimPrefix(ref, "#")).(map[string]any)
		if target["type"] == "object" {
			return ref[strings.LastIndex(ref, "/")+1:]
		}
		return c.typeOf(target)
	}
	if m["type"] == "array" {
		items, ok := m["items"].(map[string]any)
		if !ok {
			return "array of any"
		}
		return "array of " + c.typeOf(items)
	}
	if m["format"] == "date-time" {
		return "time"
	}
	return fmt.Sprint(m["type"])
}

// wireField is a field of a type of web/wire as JSON sees it.
type wireField struct {
	kind     string
	optional bool
}

// wireTypes reads the exported structs of web/wire from their source, so that none is forgotten.
func wireTypes(t *testing.T) map[string]map[string]wireField {
	t.Helper()
	files, err := filepath.Glob("wire/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("files of web/wire: %v, %v", files, err)
	}
	types := map[string]map[string]wireField{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok && spec.Name.IsExported() {
				types[spec.Name.Name] = wireFields(t, spec.Name.Name, s)
			}
			return false
		})
	}
	return types
}

func wireFields(t *testing.T, name string, s *ast.StructType) map[string]wireField {
	t.Helper()
	fields := map[string]wireField{}
	for _, f := range s.Fields.List {
		if f.Tag == nil || len(f.Names) != 1 {
			t.Errorf("wire.%s has a field without a tag, or an embedded one", name)
			continue
		}
		text, _ := strconv.Unquote(f.Tag.Value)
		member, options, _ := strings.Cut(reflect.StructTag(text).Get("json"), ",")
		fields[member] = wireField{wireType(f.Type), strings.Contains(options, "omit")}
	}
	return fields
}

// wireType says what a Go type is in JSON.
func wireType(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return wireType(e.X)
	case *ast.ArrayType:
		return "array of " + wireType(e.Elt)
	case *ast.MapType:
		return "object"
	case *ast.SelectorExpr:
		if e.Sel.Name == "Time" {
			return "time"
		}
		return "object" // json.RawMessage
	case *ast.Ident:
		switch {
		case strings.HasPrefix(e.Name, "int"), strings.HasPrefix(e.Name, "uint"):
			return "integer"
		case strings.HasPrefix(e.Name, "float"):
			return "number"
		case e.Name == "bool":
			return "boolean"
		case e.Name == "T":
			return "any"
		}
		return e.Name // string, or a type of ours
	}
	return "unknown"
}
