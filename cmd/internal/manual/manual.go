// Package manual writes the manual page of a program, in the macros of man(7), from the grammar of its command line, so that page and
// program cannot disagree.
//
// It holds the layout of the page and nothing about a verb: what a page says of verbs and flags is their help. Begin with Write.
package manual

import (
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Page is what the grammar does not know. Zero fields are left out of the page.
type Page struct {
	Summary string   // after the program's name under NAME, without a full stop
	Version string   // of the program
	Date    string   // 2006-01-02, of the commit: a page is the same whenever it is made
	Files   []File   // under FILES
	SeeAlso []string // under SEE ALSO, "qrs-replay(1)"
}

// File is a path and what is there.
type File struct{ Path, Text string }

// Write writes the page of section 1.
func Write(w io.Writer, program *kong.Application, p Page) error {
	var b strings.Builder
	name := program.Name
	fmt.Fprintf(&b, ".TH %s 1 %s %s %s\n", strings.ToUpper(name), quoted(p.Date), quoted(name+" "+p.Version), quoted("Manual of "+name))
	b.WriteString(".nh\n.ad l\n") // names of flags and files stay whole
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", escaped(name), escaped(p.Summary))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n.I verb\n.RI [ flags ]\n", escaped(name))
	b.WriteString(".SH DESCRIPTION\n")
	paragraphs(&b, program.Help)
	if shared := shownFlags(program.Node); len(shared) > 0 {
		b.WriteString(".SH FLAGS OF EVERY VERB\n")
		flags(&b, shared)
	}
	b.WriteString(".SH VERBS\n")
	for _, leaf := range program.Leaves(true) {
		verb(&b, program.Node, leaf)
	}
	environment(&b, program.Node)
	if len(p.Files) > 0 {
		b.WriteString(".SH FILES\n")
		for _, f := range p.Files {
			fmt.Fprintf(&b, ".TP\n.I %s\n", escaped(f.Path))
			paragraphs(&b, f.Text)
		}
	}
	if len(p.SeeAlso) > 0 {
		fmt.Fprintf(&b, ".SH SEE ALSO\n%s\n", escaped(strings.Join(p.SeeAlso, ", ")))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// verb writes what one verb does, its arguments and the flags that are not those of every verb.
func verb(b *strings.Builder, root, n *kong.Node) {
	fmt.Fprintf(b, ".SS %s\n", escaped(root.Name+" "+n.Path()))
	fmt.Fprintf(b, ".B %s\n.PP\n", escaped(root.Name+" "+n.Summary()))
	paragraphs(b, n.Help)
	if n.Detail != "" && n.Detail != n.Help {
		b.WriteString(".PP\n")
		paragraphs(b, n.Detail)
	}
	for _, a := range n.Positional {
		fmt.Fprintf(b, ".TP\n.I %s\n", escaped(a.Summary()))
		paragraphs(b, a.Help+choice(a))
	}
	var own []*kong.Flag
	for at := n; at != nil && at != root; at = at.Parent {
		own = append(shownFlags(at), own...)
	}
	flags(b, own)
}

func shownFlags(n *kong.Node) (shown []*kong.Flag) {
	for _, f := range n.Flags {
		if !f.Hidden {
			shown = append(shown, f)
		}
	}
	return shown
}

func flags(b *strings.Builder, list []*kong.Flag) {
	for _, f := range list {
		spelling := "--" + f.Name
		if f.Short != 0 {
			spelling = "-" + string(f.Short) + ", " + spelling
		}
		fmt.Fprintf(b, ".TP\n.B %s", escaped(spelling))
		if !f.IsBool() && !f.IsCounter() {
			b.WriteString("=" + escaped(f.FormatPlaceHolder()))
		}
		b.WriteString("\n")
		paragraphs(b, f.Help+choice(f.Value)+standing(f))
	}
}

// standing is the value of a flag that is not given, where neither its placeholder nor its help says it.
func standing(f *kong.Flag) string {
	if f.Default == "" || f.PlaceHolder == "" || strings.Contains(f.Help, f.Default) {
		return ""
	}
	return " Default " + f.Default + "."
}

// choice are the words that a value is one of, where its help does not name them.
func choice(v *kong.Value) string {
	var missing bool
	var words []string
	if v.Enum == "" {
		return ""
	}
	for _, word := range v.EnumSlice() {
		if word != "" {
			words = append(words, word)
			missing = missing || !strings.Contains(v.Help, word)
		}
	}
	if !missing {
		return ""
	}
	return " One of " + strings.Join(words, ", ") + "."
}

// environment lists the variables that stand in for flags.
func environment(b *strings.Builder, root *kong.Node) {
	var names []string
	of := map[string]string{}
	_ = kong.Visit(root, func(v kong.Visitable, next kong.Next) error {
		if f, ok := v.(*kong.Flag); ok && !f.Hidden {
			for _, name := range f.Envs {
				if _, known := of[name]; !known {
					names, of[name] = append(names, name), f.Name
				}
			}
		}
		return next(nil)
	})
	if len(names) == 0 {
		return
	}
	b.WriteString(".SH ENVIRONMENT\n")
	for _, name := range names {
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", escaped(name), escaped("Stands in for --"+of[name]+"."))
	}
}

// paragraphs writes text with its blank lines as paragraphs.
func paragraphs(b *strings.Builder, text string) {
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		for _, line := range strings.Split(paragraph, "\n") {
			if strings.HasPrefix(line, "  ") { // an example: its lines stay lines
				fmt.Fprintf(b, ".br\n")
			}
			fmt.Fprintf(b, "%s\n", escaped(strings.TrimSpace(line)))
		}
	}
}

// escaped is text that troff prints as it stands: a backslash is none of its escapes, a hyphen is one that can be
// copied into a shell, and no line begins a request.
func escaped(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	var b strings.Builder
	for _, r := range text {
		if r < 0x80 {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\[u%04X]`, r) // read whatever the encoding of the reader's terminal
		}
	}
	return b.String()
}

// quoted is an argument of a request.
func quoted(text string) string { return `"` + strings.ReplaceAll(escaped(text), `"`, `\(dq`) + `"` }

// Date is the day of the commit that a program was built from, in UTC; "" where the build does not say it.
func Date(build *debug.BuildInfo) string {
	if build == nil {
		return ""
	}
	for _, s := range build.Settings {
		if t, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil {
			return t.UTC().Format(time.DateOnly)
		}
	}
	return ""
}
