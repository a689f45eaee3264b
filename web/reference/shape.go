package reference

import (
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"
)

// shape is a schema as a table of its members.
func (d *Description) shape(name string, s schema) *shapeView {
	v := &shapeView{Anchor: "shape-" + name, Name: name, About: marked(s.Description), Example: d.example(s)}
	whole := d.whole(s)
	if len(whole.Properties) == 0 {
		v.Type = d.typeOf(s)
	}
	for _, p := range whole.Properties {
		about := p.Value.Description
		if about == "" && p.Value.Ref != "" {
			target, _ := find(d.document.Components.Schemas, p.Value.Ref) // checked by Parse
			about = target.Description
		}
		v.Fields = append(v.Fields, fieldView{Name: p.Name, Required: slices.Contains(whole.Required, p.Name), Type: d.typeOf(p.Value), About: marked(about)})
	}
	return v
}

// whole joins a schema with what it extends.
func (d *Description) whole(s schema) schema {
	for _, base := range s.AllOf {
		of, _ := find(d.document.Components.Schemas, base.Ref) // checked by Parse
		joined := slices.Clone(of.Properties)
		for _, p := range s.Properties {
			if i := slices.IndexFunc(joined, func(e entry[schema]) bool { return e.Name == p.Name }); i >= 0 {
				joined[i].Value.Items = p.Value.Items
			} else {
				joined = append(joined, p)
			}
		}
		s.Properties, s.Required = joined, append(slices.Clone(of.Required), s.Required...)
	}
	return s
}

// example is a schema's own, or of a list one made of its items'.
func (d *Description) example(s schema) string {
	if len(s.Examples) > 0 {
		return indented(s.Examples[0])
	}
	for _, p := range s.Properties {
		if p.Name != "items" || p.Value.Items == nil {
			continue
		}
		item, _ := find(d.document.Components.Schemas, p.Value.Items.Ref) // checked by Parse
		if len(item.Examples) > 0 {
			return indented(json.RawMessage(fmt.Sprintf(`{"items":[%s]}`, item.Examples[0])))
		}
	}
	return ""
}

// typeOf is what a value may be, in a few words: its type, its bounds, or a link to its shape.
func (d *Description) typeOf(s schema) template.HTML {
	if s.Ref != "" {
		return shapeLink(nameOf(s.Ref))
	}
	if s.Items != nil {
		return "list of " + d.typeOf(*s.Items)
	}
	words := map[string]string{"string": "text", "integer": "whole number", "boolean": "true or false", "object": "object", "array": "list"}[s.Type]
	if s.Format == "date-time" {
		words = "time (RFC 3339)"
	}
	if len(s.Enum) > 0 {
		return template.HTML(escaped(strings.Join(quoted(s.Enum), ", "))) //nolint:gosec // escaped just now
	}
	if s.Const != nil {
		words = fmt.Sprint(s.Const)
	}
	return template.HTML(escaped(words + bounds(s))) //nolint:gosec // escaped just now
}

func shapeLink(name string) template.HTML {
	return template.HTML(fmt.Sprintf(`<a href="#shape-%s">%s</a>`, escaped(name), escaped(name))) //nolint:gosec // escaped just now
}

func quoted(words []string) (all []string) {
	for _, w := range words {
		if w == "" {
			w = "(empty)"
		}
		all = append(all, w)
	}
	return all
}

// bounds says how long or large a value may be.
func bounds(s schema) string {
	switch {
	case s.MinLength != nil && s.MaxLength != nil:
		return fmt.Sprintf(", %d to %d characters", *s.MinLength, *s.MaxLength)
	case s.MaxLength != nil:
		return fmt.Sprintf(", at most %d characters", *s.MaxLength)
	case s.Minimum != nil && s.Maximum != nil && *s.Maximum < 1<<53:
		return fmt.Sprintf(", %d to %d", *s.Minimum, *s.Maximum)
	case s.Minimum != nil:
		return fmt.Sprintf(", at least %d", *s.Minimum)
	}
	return ""
}

// marked turns the marks of the description into HTML: blank lines between paragraphs, `code`, **strong**.
func marked(text string) template.HTML {
	var out strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if paragraph != "" {
			out.WriteString("<p>" + inline(paragraph) + "</p>")
		}
	}
	return template.HTML(out.String()) //nolint:gosec // inline escapes
}

func inline(text string) string {
	var out strings.Builder
	for i, part := range strings.Split(text, "`") {
		if i%2 == 1 {
			out.WriteString("<code>" + escaped(part) + "</code>")
			continue
		}
		for j, words := range strings.Split(part, "**") {
			if j%2 == 1 {
				words = "<strong>" + escaped(words) + "</strong>"
			} else {
				words = escaped(words)
			}
			out.WriteString(words)
		}
	}
	return out.String()
}

func escaped(text string) string { return template.HTMLEscapeString(text) }
