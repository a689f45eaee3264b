package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func script(t *testing.T, shell string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"completion", shell}, console{out: &out, err: &errs}); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	return out.String()
}

// grammarPlaces are the places of the real grammar.
func grammarPlaces(t *testing.T) []place {
	t.Helper()
	k, err := kong.New(new(grammar))
	if err != nil {
		t.Fatal(err)
	}
	return completions(k.Model.Node)
}

// complete asks bash what it would offer after each command line: words, the last of them under the cursor. A reply
// is sorted.
func complete(t *testing.T, folder string, lines [][]string) [][]string {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash to complete with")
	}
	var b strings.Builder
	b.WriteString(script(t, "bash"))
	for _, words := range lines {
		b.WriteString("COMP_WORDS=(")
		for _, w := range words {
			b.WriteString(quoted(w) + " ")
		}
		fmt.Fprintf(&b, ")\nCOMP_CWORD=%d\n_qrsd\nprintf '%%s\\n' \"${COMPREPLY[@]}\"\necho ---\n", len(words)-1)
	}
	c := exec.Command(bash, "--norc", "--noprofile") // which reads the script: it is longer than an argument may be
	c.Stdin = strings.NewReader(b.String())
	c.Dir = folder
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("bash: %v: %s", err, errs.String())
	}
	replies := strings.Split(strings.TrimSuffix(string(out), "---\n"), "---\n")
	all := make([][]string, len(replies))
	for i, r := range replies {
		all[i] = strings.FieldsFunc(r, func(c rune) bool { return c == '\n' })
		slices.Sort(all[i])
	}
	if len(all) != len(lines) {
		t.Fatalf("%d replies to %d lines", len(all), len(lines))
	}
	return all
}

func TestBashCompletes(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"location.csv", "with space.csv"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "out"), 0o755); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		line string // "|" between words; the cursor is at the end
		want string // space between words; "|" instead where a word holds a space
	}{
		{"qrsd|", "audit backup benchlab bundle check compact completion dev doctor drill exposure init key ledger lock login logout manual model passwords portfolio quantum relay restore run runs seal server status tenant terms token unlock user validate version"},
		{"qrsd|mo", "model"},
		{"qrsd|tenant|", "add erase list"},
		{"qrsd|user|add|ada@example.com|--role|", "admin analyst approver modeler operator viewer"},
		{"qrsd|status|--store|", "out"},
		{"qrsd|model|", "hazard judgement losscost parameters scenarios"},
		{"qrsd|model|parameters|--ki", "--kind"},
		{"qrsd|model|parameters|--kind|", "fitted judgement literature"},
		{"qrsd|model|parameters|--kind|f", "fitted"},
		{"qrsd|model|parameters|--kind|=", "fitted judgement literature"}, // bash cuts at the equals sign
		{"qrsd|model|parameters|--kind|=|lit", "literature"},
		{"qrsd|model|parameters|--kind|fitted|--st", "--stage"},
		{"qrsd|run|--location|", "location.csv|out|with space.csv"},
		{"qrsd|run|--location|loc", "location.csv"},
		{"qrsd|run|--location|=|wi", "|with space.csv"},
		{"qrsd|run|-o|", "out"},
		{"qrsd|run|--years|", ""},
		{"qrsd|run|--location|model|--res", "--resume"}, // a value that reads like a verb
		{"qrsd|run|--json|--res", "--resume"},
		{"qrsd|run|--re", "--recovery --resume --return-periods"},
		{"qrsd|run|", ""},
		{"qrsd|--h", "--help"},
		{"qrsd|terms|check|", "out"},
		{"qrsd|completion|", "bash fish zsh"},
		{"qrsd|nonsense|--kind|", "audit backup benchlab bundle check compact completion dev doctor drill exposure init key ledger lock login logout manual model passwords portfolio quantum relay restore run runs seal server status tenant terms token unlock user validate version"},
	}
	var lines [][]string
	for _, c := range cases {
		lines = append(lines, strings.Split(c.line, "|"))
	}
	for i, got := range complete(t, folder, lines) {
		want := strings.Fields(cases[i].want)
		if strings.Contains(cases[i].want, "|") {
			want = strings.FieldsFunc(cases[i].want, func(c rune) bool { return c == '|' })
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: offered %q, want %q", cases[i].line, got, want)
		}
	}
}

// Every verb and flag of the grammar is offered where it stands, and every value of an enum.
func TestBashOffersTheWholeGrammar(t *testing.T) {
	var lines [][]string
	var wants [][]string
	add := func(path, cursor string, want []string) {
		lines = append(lines, append(append([]string{"qrsd"}, strings.Fields(path)...), strings.Fields(cursor)...))
		if cursor == "" || strings.HasSuffix(cursor, " ") {
			lines[len(lines)-1] = append(lines[len(lines)-1], "")
		}
		want = slices.Clone(want)
		slices.Sort(want)
		wants = append(wants, want)
	}
	places := grammarPlaces(t)
	for _, p := range places {
		add(p.path, "-", spellings(p.flags))
		if len(p.verbs) > 0 {
			var names []string
			for _, v := range p.verbs {
				names = append(names, v.name)
			}
			add(p.path, "", names)
		}
		for _, f := range p.flags {
			if len(f.values) > 0 {
				add(p.path, f.spellings[0]+" ", f.values)
			}
		}
	}
	if len(places) < 12 || len(lines) < 16 {
		t.Fatalf("only %d places and %d lines", len(places), len(lines))
	}
	for i, got := range complete(t, t.TempDir(), lines) {
		if !slices.Equal(got, wants[i]) {
			t.Errorf("%q: offered %q, want %q", lines[i], got, wants[i])
		}
	}
}

// The scripts of the other shells name every verb and flag; where the shell exists, it reads its script.
func TestOtherShellsNameTheWholeGrammar(t *testing.T) {
	for shell, check := range map[string][]string{"bash": {"-n"}, "zsh": {"-n"}, "fish": {"--no-execute"}} {
		text := script(t, shell)
		for _, p := range grammarPlaces(t) {
			for _, v := range p.verbs {
				if !strings.Contains(text, v.name) {
					t.Errorf("%s: no verb %s %s", shell, p.path, v.name)
				}
			}
			for _, f := range p.flags {
				spelling := map[string]string{"bash": "--" + f.name, "zsh": "'--" + f.name, "fish": "-l " + f.name + " "}[shell]
				if !strings.Contains(text, spelling) {
					t.Errorf("%s: no flag %s of %q", shell, spelling, p.path)
				}
			}
		}
		if strings.Count(strings.ReplaceAll(text, `\'`, ""), "'")%2 != 0 && shell != "bash" {
			t.Errorf("%s: quotes do not pair", shell)
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("no %s here: its script was not run", shell)
			continue
		}
		c := exec.Command(path, check...)
		c.Stdin = strings.NewReader(text)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s refuses its script: %v\n%s", shell, err, out)
		}
	}
}
