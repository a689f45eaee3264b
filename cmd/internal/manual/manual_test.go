package manual

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

type sample struct {
	Run struct {
		Depth int      `short:"d" default:"3" env:"SAMPLE_DEPTH" placeholder:"N" help:"How deep; .5 is none, and \\n no line."`
		Kind  string   `enum:"flat,round" default:"flat" help:"Shape."`
		Named string   `enum:"a-word,other" default:"other" help:"Either a-word or other."`
		Quiet bool     `help:"Say nothing — at all."`
		Plan  bool     `hidden:"" help:"Unknown to the page."`
		Files []string `arg:"" help:"What to read."`
	} `cmd:"" help:"Do it."`
	Old struct{} `cmd:"" hidden:"" help:"Gone."`
}

func page(t *testing.T) string {
	t.Helper()
	k, err := kong.New(new(sample), kong.Name("sample"), kong.Description("Does things.\n\n'Exit codes: 0 ok.\n  sample run x"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	err = Write(&b, k.Model, Page{Summary: "do things", Version: "1.2", Date: "2026-11-22", Files: []File{{"/etc/sample", "Its settings."}}, SeeAlso: []string{"other(1)"}})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPage: every verb, flag, choice and variable that is shown is on the page, what is hidden is not, and nothing in a text is taken
// for a request or an escape.
func TestPage(t *testing.T) {
	got := page(t)
	for _, want := range []string{
		`.TH SAMPLE 1 "2026\-11\-22" "sample 1.2" "Manual of sample"`, ".SS sample run\n", "\\-d, \\-\\-depth=N\n", "How deep; .5 is none, and \\en no line. Default 3.",
		"Shape. One of flat, round.", "Either a\\-word or other.\n", "\\-\\-quiet\nSay nothing \\[u2014] at all.\n", ".B SAMPLE_DEPTH\nStands in for \\-\\-depth.", "\\&'Exit codes: 0 ok.\n.br\nsample run x\n",
		".I /etc/sample\nIts settings.", ".SH SEE ALSO\nother(1)", "What to read.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	for _, secret := range []string{"Unknown to the page", "Gone"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q is on the page", secret)
		}
	}
}

// TestPageIsRead: groff takes the page without a warning.
func TestPageIsRead(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("no groff here")
	}
	command := exec.Command(groff, "-man", "-Tutf8", "-ww", "-z")
	command.Stdin = strings.NewReader(page(t))
	if out, err := command.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("groff: %v: %s", err, out)
	}
}
