package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
)

// verifyCommand is `qrs-replay verify`.
type verifyCommand struct {
	Seal  string   `arg:"" name:"seal" help:"The run's seal."`
	Files []string `arg:"" optional:"" name:"file" help:"Result files to be held to the seal."`
	Keys  string   `required:"" placeholder:"FILE" help:"The appliance's published keys (JWK Set), obtained from where you trust them to be right."`
	JSON  bool     `help:"Print the checks as JSON."`
}

// verdictOutput is the result of verify as JSON.
type verdictOutput struct {
	OK     bool         `json:"ok"`
	Run    *ledger.ID   `json:"run"` // null where the signature does not hold
	KeyID  string       `json:"key_id"`
	Checks []seal.Check `json:"checks"`
}

// Run carries out the command.
func (x *verifyCommand) Run(c console) error {
	text, err := readUpTo(x.Seal, seal.MaxSeal)
	if err != nil {
		return err
	}
	keys, err := readKeys(x.Keys)
	if err != nil {
		return err
	}
	files, err := digests(x.Files)
	if err != nil {
		return err
	}
	verdict := seal.Verify(text, keys, files)
	if x.JSON {
		err = printJSON(c.out, newVerdictOutput(verdict))
	} else {
		printVerdict(c.out, x.Seal, verdict)
	}
	if err == nil && !verdict.OK() {
		return errDiffer
	}
	return err
}

func newVerdictOutput(v *seal.Verdict) verdictOutput {
	o := verdictOutput{OK: v.OK(), KeyID: v.KeyID, Checks: v.Checks}
	if v.Statement != nil {
		o.Run = &v.Statement.Predicate.Run
	}
	return o
}

func printVerdict(w io.Writer, name string, v *seal.Verdict) {
	printChecks(w, v.Checks)
	if v.OK() {
		fmt.Fprintf(w, "SEAL_VERIFIED run=%s key=%s\n", v.Statement.Predicate.Run, v.KeyID)
		return
	}
	fmt.Fprintf(w, "SEAL_NOT_VERIFIED %s: %s\n", name, clean(failures(v.Checks)))
}

func failures(checks []seal.Check) string {
	var names []string
	for _, c := range checks {
		if !c.OK {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ", ")
}

// printChecks writes a line for each step: "=" before what was the same on both sides; of a step that failed both sides and the reason.
func printChecks(w io.Writer, checks []seal.Check) {
	for _, c := range checks {
		printCheck(w, c)
	}
}

func printCheck(w io.Writer, c seal.Check) {
	mark, value := "ok  ", c.Got
	switch {
	case !c.OK:
		mark = "FAIL"
	case c.Reason != "":
		mark = "note"
	}
	if c.OK && c.Want != "" {
		value = "= " + c.Got
		if c.Got != c.Want {
			value = c.Got + ", " + c.Want
		}
	}
	fmt.Fprintf(w, "%s  %-24s  %s\n", mark, clean(c.Name), clean(value))
	if !c.OK && c.Want != "" {
		fmt.Fprintf(w, "      %-24s  %s\n", "  the seal wants", clean(c.Want))
	}
	if c.Reason != "" {
		fmt.Fprintf(w, "      %s\n", clean(c.Reason))
	}
}

// clean keeps what comes from a seal from steering the terminal or flooding it.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
	if r := []rune(s); len(r) > 1000 {
		return string(r[:1000]) + " ..."
	}
	return s
}
