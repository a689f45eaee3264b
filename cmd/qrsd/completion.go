package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCommand is `qrsd completion`.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"Shell: bash, zsh or fish."`
}

// Help is shown by `qrsd completion --help`.
func (completionCommand) Help() string {
	return `bash: source <(qrsd completion bash), in ~/.bashrc to keep it.
zsh: qrsd completion zsh > a file _qrsd in a folder of $fpath, before compinit.
fish: qrsd completion fish > ~/.config/fish/completions/qrsd.fish.`
}

// Run carries out the command.
func (s *completionCommand) Run(parsed *kong.Context, c console) error {
	words := completions(parsed.Model.Node)
	name := parsed.Model.Name
	switch s.Shell {
	case "bash":
		return bashCompletion(c.out, name, words)
	case "zsh":
		return zshCompletion(c.out, name, words)
	}
	return fishCompletion(c.out, name, words)
}

// place is a point of the command line after which something can be completed: the verbs so far.
type place struct {
	path   string // "model hazard"; "" before any verb
	verbs  []word
	flags  []flagWord
	values []string // that the next argument may have
	wants  want     // what the next argument is, if it is neither verb nor one of values
}

// word is a verb with what it does.
type word struct{ name, help string }

// flagWord is a flag in its spellings.
type flagWord struct {
	word
	spellings []string // --out, -o
	takes     bool     // a value
	values    []string // that the value may have
	wants     want
}

// want is what a value names.
type want uint8

const (
	wantText want = iota
	wantFile
	wantFolder
)

// completions walks the grammar; places come parents first.
func completions(root *kong.Node) []place {
	var all []place
	var walk func(n *kong.Node, path string)
	walk = func(n *kong.Node, path string) {
		p := place{path: path}
		for _, group := range n.AllFlags(true) {
			for _, f := range group {
				p.flags = append(p.flags, newFlagWord(f))
			}
		}
		for _, child := range n.Children {
			if !child.Hidden && child.Type == kong.CommandNode {
				p.verbs = append(p.verbs, word{child.Name, child.Help})
			}
		}
		for _, a := range n.Positional {
			p.values = append(p.values, enumOf(a)...)
			p.wants = max(p.wants, wantOf(a.Tag.PlaceHolder, a.Name))
		}
		all = append(all, p)
		for _, child := range n.Children {
			if !child.Hidden && child.Type == kong.CommandNode {
				walk(child, strings.TrimSpace(path+" "+child.Name))
			}
		}
	}
	walk(root, "")
	return all
}

func newFlagWord(f *kong.Flag) flagWord {
	w := flagWord{word: word{f.Name, f.Help}, spellings: []string{"--" + f.Name}, takes: !f.IsBool() && !f.IsCounter(), values: enumOf(f.Value)}
	for _, alias := range f.Aliases {
		w.spellings = append(w.spellings, "--"+alias)
	}
	if f.Short != 0 {
		w.spellings = append(w.spellings, "-"+string(f.Short))
	}
	if w.takes && len(w.values) == 0 {
		w.wants = wantOf(f.PlaceHolder, f.Name)
	}
	return w
}

// enumOf are the values of an enum, without the empty one that stands for "not given".
func enumOf(v *kong.Value) []string {
	var values []string
	if v.Enum == "" {
		return nil
	}
	for _, x := range v.EnumSlice() {
		if x != "" {
			values = append(values, x)
		}
	}
	return values
}

// wantOf reads off a placeholder what a value names: FILE and DIR are written so throughout the grammar.
func wantOf(placeholder, name string) want {
	if placeholder == "" {
		placeholder = name
	}
	switch strings.ToUpper(placeholder) {
	case "FILE":
		return wantFile
	case "DIR":
		return wantFolder
	}
	return wantText
}

// bashCompletion writes a function that finds the verbs before the cursor, then completes what may follow. The
// equals sign is a word of its own to bash.
func bashCompletion(w io.Writer, name string, places []place) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# bash completion for %[1]s: source <(%[1]s completion bash)\n_%[1]s() {\n", name)
	b.WriteString(`  local cur=${COMP_WORDS[COMP_CWORD]} path= flag= i word
  COMPREPLY=()
  [[ $cur == "=" ]] && cur=
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    [[ $word == "=" ]] && continue
    if [[ -n $flag ]]; then
      flag=
      continue
    fi
    case "$path $word" in
`)
	var takes, verbs []string
	for _, p := range places {
		for _, f := range p.flags {
			for _, s := range f.spellings {
				if f.takes {
					takes = append(takes, fmt.Sprintf("%q", p.path+" "+s))
				}
			}
		}
		for _, v := range p.verbs {
			verbs = append(verbs, fmt.Sprintf("%q", p.path+" "+v.name))
		}
	}
	fmt.Fprintf(&b, "    %s) flag=$word ;;\n", strings.Join(takes, "|"))
	fmt.Fprintf(&b, "    %s) path=\"${path:+$path }$word\" ;;\n    esac\n  done\n", strings.Join(verbs, "|"))
	b.WriteString("  case \"$path $flag\" in\n")
	for _, p := range places {
		for _, f := range p.flags {
			if f.takes {
				var patterns []string
				for _, s := range f.spellings {
					patterns = append(patterns, fmt.Sprintf("%q", p.path+" "+s))
				}
				fmt.Fprintf(&b, "  %s) %s ;;\n", strings.Join(patterns, "|"), bashReply(f.values, f.wants))
			}
		}
		fmt.Fprintf(&b, "  %q)\n", p.path+" ")
		fmt.Fprintf(&b, "    if [[ $cur == -* ]]; then\n      %s\n", bashReply(spellings(p.flags), wantText))
		next := slices.Clone(p.values)
		for _, v := range p.verbs {
			next = append(next, v.name)
		}
		fmt.Fprintf(&b, "    else\n      %s\n    fi ;;\n", bashReply(next, p.wants))
	}
	fmt.Fprintf(&b, "  esac\n}\ncomplete -F _%[1]s %[1]s\n", name)
	_, err := io.WriteString(w, b.String())
	return err
}

// bashReply offers words, or files or folders; names with spaces stay whole.
func bashReply(words []string, wants want) string {
	switch {
	case len(words) > 0:
		return fmt.Sprintf("COMPREPLY=($(compgen -W %q -- \"$cur\"))", strings.Join(words, " "))
	case wants == wantFile:
		return `local IFS=$'\n'; compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur"))`
	case wants == wantFolder:
		return `local IFS=$'\n'; compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$cur"))`
	}
	return ":"
}

func spellings(flags []flagWord) []string {
	var all []string
	for _, f := range flags {
		all = append(all, f.spellings...)
	}
	return all
}

// zshCompletion writes an autoload function: verbs by _describe with their help, flags by _arguments.
func zshCompletion(w io.Writer, name string, places []place) error {
	var b strings.Builder
	fmt.Fprintf(&b, "#compdef %[1]s\n# zsh completion for %[1]s: a file _%[1]s in a folder of $fpath\n", name)
	for _, p := range places {
		fmt.Fprintf(&b, "\n%s() {\n  local context state state_descr line\n  typeset -A opt_args\n", function(name, p.path))
		if len(p.verbs) > 0 {
			b.WriteString("  local -a verbs=(\n")
			for _, v := range p.verbs {
				fmt.Fprintf(&b, "    %s\n", quoted(v.name+":"+v.help))
			}
			b.WriteString("  )\n")
		}
		b.WriteString("  _arguments -C -S \\\n")
		for _, f := range p.flags {
			for _, s := range f.spellings {
				fmt.Fprintf(&b, "    %s \\\n", quoted(zshFlag(f, s)))
			}
		}
		switch {
		case len(p.verbs) > 0:
			b.WriteString("    '1: :->verb' '*:: :->rest'\n  case $state in\n  verb) _describe verb verbs ;;\n  rest)\n    case $words[1] in\n")
			for _, v := range p.verbs {
				fmt.Fprintf(&b, "    %s) %s ;;\n", v.name, function(name, strings.TrimSpace(p.path+" "+v.name)))
			}
			b.WriteString("    esac ;;\n  esac\n")
		case len(p.values) > 0 || p.wants != wantText:
			fmt.Fprintf(&b, "    %s\n", quoted("1:argument:"+zshAction(p.values, p.wants)))
		default:
			b.WriteString("    && return\n")
		}
		b.WriteString("}\n")
	}
	fmt.Fprintf(&b, "\n%s \"$@\"\n", function(name, ""))
	_, err := io.WriteString(w, b.String())
	return err
}

// function is the name of a place's function: _qrsd_model_hazard.
func function(name, path string) string {
	if path == "" {
		return "_" + name
	}
	return "_" + name + "_" + strings.NewReplacer(" ", "_", "-", "_").Replace(path)
}

// zshFlag is a specification of _arguments: --out=[help]:out:_files, with brackets and colons in the help quoted.
func zshFlag(f flagWord, spelling string) string {
	help := strings.NewReplacer("[", "\\[", "]", "\\]", ":", "\\:").Replace(f.help)
	if !f.takes {
		return spelling + "[" + help + "]"
	}
	sign := "="
	if !strings.HasPrefix(spelling, "--") {
		sign = "+"
	}
	return spelling + sign + "[" + help + "]:" + f.name + ":" + zshAction(f.values, f.wants)
}

func zshAction(values []string, wants want) string {
	switch {
	case len(values) > 0:
		return "(" + strings.Join(values, " ") + ")"
	case wants == wantFile:
		return "_files"
	case wants == wantFolder:
		return "_files -/"
	}
	return " "
}

// quoted is text as one word of a shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// fishCompletion writes one complete line for each verb and flag, on the condition that the verbs before are its own.
func fishCompletion(w io.Writer, name string, places []place) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# fish completion for %[1]s: ~/.config/fish/completions/%[1]s.fish\n", name)
	fmt.Fprintf(&b, "function __%s_at\n    set -l path\n    set -l skip 0\n    for word in (commandline -opc)[2..-1]\n        if test $skip = 1\n            set skip 0\n            continue\n        end\n", name)
	b.WriteString("        switch \"$path $word\"\n")
	for _, p := range places {
		for _, f := range p.flags {
			if f.takes {
				for _, s := range f.spellings {
					fmt.Fprintf(&b, "            case %s\n                set skip 1\n", quoted(p.path+" "+s))
				}
			}
		}
		for _, v := range p.verbs {
			fmt.Fprintf(&b, "            case %s\n                set path %s\n", quoted(p.path+" "+v.name), quoted(strings.TrimSpace(p.path+" "+v.name)))
		}
	}
	fmt.Fprintf(&b, "        end\n    end\n    test \"$path\" = \"$argv\"\nend\ncomplete -c %s -f\n", name)
	for _, p := range places {
		at := fmt.Sprintf("complete -c %s -n %s", name, quoted(strings.TrimSpace("__"+name+"_at "+p.path)))
		for _, v := range p.verbs {
			fmt.Fprintf(&b, "%s -a %s -d %s\n", at, v.name, quoted(v.help))
		}
		if len(p.values) > 0 {
			fmt.Fprintf(&b, "%s -a %s\n", at, quoted(strings.Join(p.values, " ")))
		} else if p.wants != wantText {
			fmt.Fprintf(&b, "%s%s\n", at, fishFiles(p.wants))
		}
		for _, f := range p.flags {
			fmt.Fprintf(&b, "%s%s -d %s\n", at, fishFlag(f), quoted(f.help))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func fishFlag(f flagWord) string {
	text := ""
	for _, s := range f.spellings {
		if long, ok := strings.CutPrefix(s, "--"); ok {
			text += " -l " + long
		} else {
			text += " -s " + strings.TrimPrefix(s, "-")
		}
	}
	if !f.takes {
		return text
	}
	text += " -r"
	if len(f.values) > 0 {
		return text + " -f -a " + quoted(strings.Join(f.values, " "))
	}
	return text + fishFiles(f.wants)
}

func fishFiles(wants want) string {
	switch wants {
	case wantFile:
		return " -F"
	case wantFolder:
		return " -f -a '(__fish_complete_directories)'"
	}
	return " -f"
}
