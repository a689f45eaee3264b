package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// body is what may stand between two braces, or in the file.
type body struct {
	keys   []key
	blocks []block
	check  func() error // of the keys together, after each was right; nil: none
}

// key is one setting.
type key struct {
	name     string
	required bool
	set      func(d *decoder, v cty.Value) error // the error is the reason, with the mend
}

// block is a group of settings.
type block struct {
	name  string
	label string // what its label says; "": it has none
	many  bool   // may stand more than once
	open  func(label string) (body, error)
}

// decoder walks the syntax tree along the table, and gathers faults.
type decoder struct {
	file, folder string
	faults       []Fault
}

// decode parses the text and sets what the table says.
func (d *decoder) decode(text []byte, root body) {
	file, problems := hclsyntax.ParseConfig(text, d.file, hcl.InitialPos)
	for _, p := range problems {
		d.problem("", p)
	}
	if len(d.faults) > 0 {
		return // what follows from a brace that is missing would only mislead
	}
	top, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		panic(fmt.Sprintf("config: the parser gave a %T", file.Body))
	}
	d.walk(top, "", root, hcl.Range{Start: hcl.InitialPos})
}

// walk sets a body's keys, and then holds them to one another.
func (d *decoder) walk(b *hclsyntax.Body, within string, known body, at hcl.Range) {
	before := len(d.faults)
	for _, k := range known.keys {
		if a, ok := b.Attributes[k.name]; ok {
			d.set(a, within+k.name, k)
		} else if k.required && !slices.ContainsFunc(b.Blocks, func(b *hclsyntax.Block) bool { return b.Type == k.name }) {
			d.fault(at, within+k.name, "missing; it has no default")
		}
	}
	for name, a := range b.Attributes {
		if !slices.ContainsFunc(known.keys, func(k key) bool { return k.name == name }) {
			d.unknown(a.NameRange, within, name, known, false)
		}
	}
	d.walkBlocks(b, within, known)
	if known.check != nil && len(d.faults) == before {
		if err := known.check(); err != nil {
			d.fault(at, strings.TrimSuffix(within, "."), err.Error())
		}
	}
}

func (d *decoder) walkBlocks(b *hclsyntax.Body, within string, known body) {
	first := map[string]int{} // line by name and label
	for _, found := range b.Blocks {
		i := slices.IndexFunc(known.blocks, func(k block) bool { return k.name == found.Type })
		if i < 0 {
			d.unknown(found.TypeRange, within, found.Type, known, true)
			continue
		}
		k, name := known.blocks[i], within+found.Type
		label, ok := d.label(found, name, k)
		if !ok {
			continue
		}
		if line := first[name+label]; line > 0 && !k.many {
			d.fault(found.TypeRange, name, fmt.Sprintf("it stands in line %d already; put everything of it there", line))
			continue
		}
		first[name+label] = found.TypeRange.Start.Line
		inner, err := k.open(label)
		if err != nil {
			d.fault(found.LabelRanges[0], name, err.Error())
			continue
		}
		if label != "" {
			name += fmt.Sprintf(" %q", label)
		}
		d.walk(found.Body, name+".", inner, found.TypeRange)
	}
}

// label is the block's label, where it has as many as it should.
func (d *decoder) label(found *hclsyntax.Block, name string, k block) (string, bool) {
	switch {
	case k.label == "" && len(found.Labels) > 0:
		d.fault(found.LabelRanges[0], name, fmt.Sprintf("it has no label: write %s { ... }", found.Type))
		return "", false
	case k.label == "":
		return "", true
	case len(found.Labels) != 1 || found.Labels[0] == "":
		d.fault(found.TypeRange, name, fmt.Sprintf("it needs one label, its %s: write %s \"...\" { ... }", k.label, found.Type))
		return "", false
	}
	return found.Labels[0], true
}

// set evaluates a setting and hands it to its key.
func (d *decoder) set(a *hclsyntax.Attribute, name string, k key) {
	if at, ok := plain(a.Expr, false); !ok {
		d.fault(at, name, "must be a plain value: a text, a number, true or false, a list, or the reference of a secret; nothing is computed here")
		return
	}
	v, problems := a.Expr.Value(&hcl.EvalContext{Functions: references(d.folder)})
	if problems.HasErrors() {
		for _, p := range problems {
			d.problem(name, p)
		}
		return
	}
	at := a.Expr.Range()
	if v.IsNull() || !v.IsWhollyKnown() {
		d.fault(at, name, "null says nothing; leave the key out for its default")
		return
	}
	if err := k.set(d, v); err != nil {
		d.fault(at, name, err.Error())
	}
}

// plain reports whether an expression only says a value, and otherwise where it does more: what computes can take for ever (a number
// may have a thousand million digits), and settings need none of it. Within a text, and as the name of a file or variable, there is only text.
func plain(e hclsyntax.Expression, within bool) (hcl.Range, bool) {
	all := func(within bool, parts ...hclsyntax.Expression) (hcl.Range, bool) {
		for _, p := range parts {
			if at, ok := plain(p, within); !ok {
				return at, false
			}
		}
		return hcl.Range{}, true
	}
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return e.Range(), !within || e.Val.Type().Equals(cty.String)
	case *hclsyntax.TemplateExpr:
		return all(true, e.Parts...)
	case *hclsyntax.TemplateWrapExpr:
		return all(true, e.Wrapped)
	case *hclsyntax.FunctionCallExpr:
		return all(true, e.Args...)
	case *hclsyntax.ScopeTraversalExpr: // of which the language says more
		return e.Range(), true
	case *hclsyntax.TupleConsExpr:
		if !within {
			return all(false, e.Exprs...)
		}
	}
	return e.Range(), false
}

// unknown reports a name that is not in the table, with what was probably meant.
func (d *decoder) unknown(at hcl.Range, within, name string, known body, isBlock bool) {
	var names []string
	for _, k := range known.keys {
		if isBlock && k.name == name {
			d.fault(at, within+name, fmt.Sprintf("it is a value: write %s = ...", name))
			return
		}
		names = append(names, k.name)
	}
	for _, k := range known.blocks {
		if !isBlock && k.name == name {
			d.fault(at, within+name, fmt.Sprintf("it is a block: write %s { ... }, without =", name))
			return
		}
		names = append(names, k.name)
	}
	what := fmt.Sprintf("no such key; the nearest is %s", nearest(name, names))
	if homes := homesOf(name, "", schema(defaults())); len(homes) > 0 {
		what = fmt.Sprintf("no such key here; it belongs into %s", strings.Join(homes, " or "))
	}
	d.fault(at, within+name, what)
}

// nearest is the name with the fewest changed letters.
func nearest(name string, names []string) string {
	return slices.MinFunc(names, func(a, b string) int {
		return cmp.Or(levenshtein.Distance(name, a, nil)-levenshtein.Distance(name, b, nil), strings.Compare(a, b))
	})
}

// homesOf are the blocks that know a name.
func homesOf(name, within string, b body) (homes []string) {
	for _, k := range b.keys {
		if k.name == name && within == "" {
			homes = append(homes, "the file itself, outside of all blocks")
		} else if k.name == name {
			homes = append(homes, within)
		}
	}
	for _, k := range b.blocks {
		if inner, err := k.open(k.sample()); err == nil {
			homes = append(homes, homesOf(name, strings.TrimPrefix(within+"."+k.name, "."), inner)...)
		}
	}
	return homes
}

// problem reports what the language's parser found. Its words quote no values.
func (d *decoder) problem(name string, p *hcl.Diagnostic) {
	if p.Severity != hcl.DiagError {
		return
	}
	at := hcl.Range{Start: hcl.InitialPos}
	if p.Subject != nil {
		at = *p.Subject
	}
	d.fault(at, name, strings.TrimSpace(strings.TrimSuffix(p.Summary, ".")+": "+strings.ReplaceAll(p.Detail, "\n", " ")))
}

func (d *decoder) fault(at hcl.Range, name, reason string) {
	d.faults = append(d.faults, Fault{File: d.file, Line: at.Start.Line, Column: at.Start.Column, Key: name, Reason: reason})
}

// sorted is all faults in the order of the file.
func (d *decoder) sorted() *FaultsError {
	slices.SortStableFunc(d.faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Key, b.Key))
	})
	return &FaultsError{d.faults}
}
