package reference

import (
	"embed"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/qrsrisk/qrsd/web/page"
)

//go:embed page.html
var files embed.FS

// Path is where the page is served. Types of problems are references into it.
const Path = "/docs/api"

// Page draws the description as a page of the site. roles says who may do a verb of the permission table. An error is a fault of this
// build: the template does not fit.
func (d *Description) Page(site *page.Site, roles func(verb string) []string) ([]byte, error) {
	text, err := files.ReadFile("page.html")
	if err != nil {
		return nil, fmt.Errorf("read the page of the API: %w", err)
	}
	t, err := site.Parse(string(text))
	if err != nil {
		return nil, err
	}
	v := d.view(roles)
	return t.Render(page.Frame{Title: d.document.Info.Title, Lead: d.document.Info.Summary, Sections: v.sections(), Wide: true}, v)
}

// view is what the template shows.
type view struct {
	About    template.HTML
	Groups   []groupView
	Shapes   []shapeView
	Problems []problemView
	Any      []anyView
	Schemes  []schemeView
}

type groupView struct {
	Anchor, Name string
	About        template.HTML
	Operations   []operationView
}

type operationView struct {
	Anchor, Method, Path string
	Summary, Access      string
	Verb                 string
	OperatorVerb         string
	Roles                []string
	StepUp               bool
	About                template.HTML
	Parameters           []fieldView
	Body                 *shapeView
	Responses            []responseView
	Curl                 string
	Answer               string // an example
}

// fieldView is a parameter, or a member of a shape.
type fieldView struct {
	Name, In string
	Required bool
	Type     template.HTML
	About    template.HTML
}

type responseView struct {
	Status  string
	About   template.HTML
	Shape   string // a schema's name; "" for none
	Media   string
	Headers []string
	Kinds   []Problem
}

type shapeView struct {
	Anchor, Name string
	About        template.HTML
	Type         template.HTML // of what is no object
	Fields       []fieldView
	Example      string
}

type problemView struct {
	Anchor, Name, Title string
	Status              int
	About               template.HTML
}

type anyView struct {
	Status string
	About  template.HTML
}

type schemeView struct {
	Name  string
	About template.HTML
}

// sections are the navigation: the parts of the page.
func (v *view) sections() []page.Section {
	first := page.Section{Links: []page.Link{{Path: "#about", Text: "About the API"}, {Path: "#problems", Text: "Problems"}, {Path: "#shapes", Text: "Shapes"}}}
	resources := page.Section{Name: "Resources"}
	for _, g := range v.Groups {
		resources.Links = append(resources.Links, page.Link{Path: "#" + g.Anchor, Text: g.Name})
	}
	files := page.Section{Name: "For programs", Links: []page.Link{{Path: "/api/v1/openapi.yaml", Text: "openapi.yaml"}, {Path: "/api/v1/openapi.json", Text: "openapi.json"}}}
	return []page.Section{first, resources, files}
}

func (d *Description) view(roles func(string) []string) *view {
	v := &view{About: marked(d.document.Info.Description)}
	for _, s := range d.document.Components.SecuritySchemes {
		v.Schemes = append(v.Schemes, schemeView{s.Name, marked(s.Value.Description)})
	}
	for _, t := range d.document.Tags {
		g := groupView{Anchor: anchor("resource", t.Name), Name: t.Name, About: marked(t.Description)}
		for _, p := range d.document.Paths {
			for _, m := range p.Value {
				if m.Value.Tags[0] == t.Name {
					g.Operations = append(g.Operations, d.operation(strings.ToUpper(m.Name), p.Name, m.Value, roles))
				}
			}
		}
		v.Groups = append(v.Groups, g)
	}
	for _, s := range d.document.Components.Schemas {
		v.Shapes = append(v.Shapes, *d.shape(s.Name, s.Value))
	}
	for _, p := range d.document.Problems {
		v.Problems = append(v.Problems, problemView{"problem-" + p.Name, p.Name, p.Title, p.Status, marked(p.Description)})
	}
	for _, a := range d.document.Any {
		v.Any = append(v.Any, anyView{a.Name, marked(a.Value)})
	}
	return v
}

// anchor is the id of a part of the page.
func anchor(kind, name string) string {
	return kind + "-" + strings.ReplaceAll(strings.ToLower(name), " ", "-")
}

// accessWords say who may ask at all.
func accessWords(o operation) string {
	switch {
	case o.Access == "open":
		return "everybody, while the store is unlocked"
	case o.Access == "locked-too" && o.Verb == "":
		return "everybody, also while the store is locked"
	case o.Access == "locked-too":
		return "everybody while the store is locked; otherwise whoever may do the verb"
	case o.Access == "signed-in":
		return "everybody signed in, also with an account that is not in order yet"
	case o.Access == "published":
		return "whoever may do the verb; everybody where the operator has published the trust center"
	}
	return "whoever may do the verb"
}

func (d *Description) operation(method, path string, o operation, roles func(string) []string) operationView {
	v := operationView{
		Anchor: anchor("operation", o.ID), Method: method, Path: path, Summary: o.Summary, Access: accessWords(o), Verb: o.Verb, OperatorVerb: o.OperatorVerb, StepUp: o.StepUp,
		About: marked(o.Description),
	}
	v.Roles = rolesOf(o, roles)
	var given []parameter
	for _, ref := range o.Parameters {
		p, _ := find(d.document.Components.Parameters, ref.Ref) // checked by Parse
		given = append(given, p)
		v.Parameters = append(v.Parameters, fieldView{p.Name, p.In, p.Required, d.typeOf(p.Schema), marked(p.Description)})
	}
	if o.Body != nil {
		v.Body = d.bodyOf(*o.Body)
	}
	for _, r := range o.Responses {
		v.Responses = append(v.Responses, d.responseView(r.Name, r.Value))
	}
	v.Curl = d.curl(method, path, o, given)
	v.Answer = d.answer(o)
	return v
}

// rolesOf lists who may ask for an operation. What operators may is said by a verb of theirs, where there is one.
func rolesOf(o operation, roles func(string) []string) (all []string) {
	if o.Verb == "" {
		return nil
	}
	const operator = "operator"
	for _, role := range roles(o.Verb) {
		if role != operator || o.OperatorVerb == "" {
			all = append(all, role)
		}
	}
	if o.OperatorVerb != "" && slices.Contains(roles(o.OperatorVerb), operator) {
		all = append(all, operator)
	}
	return all
}

// bodyOf is the shape of a request's body.
func (d *Description) bodyOf(ref requestBody) *shapeView {
	body, _ := find(d.document.Components.RequestBodies, ref.Ref) // checked by Parse
	for _, m := range body.Content {
		s, _ := find(d.document.Components.Schemas, m.Value.Schema.Ref)
		return d.shape(nameOf(m.Value.Schema.Ref), s)
	}
	return nil
}

func (d *Description) responseView(status string, r response) responseView {
	r, _ = d.response(r) // checked by Parse
	v := responseView{Status: status, About: marked(r.Description)}
	for _, c := range r.Content {
		v.Media, v.Shape = c.Name, nameOf(c.Value.Schema.Ref)
	}
	for _, h := range r.Headers {
		v.Headers = append(v.Headers, h.Name)
	}
	for _, p := range d.document.Problems {
		if fmt.Sprint(p.Status) == status {
			v.Kinds = append(v.Kinds, p)
		}
	}
	return v
}

// answer is the example of an operation's good reply.
func (d *Description) answer(o operation) string {
	for _, r := range o.Responses {
		for _, c := range r.Value.Content {
			if s, err := find(d.document.Components.Schemas, c.Value.Schema.Ref); err == nil && r.Name[0] == '2' {
				return d.example(s)
			}
		}
	}
	return ""
}

func nameOf(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }
