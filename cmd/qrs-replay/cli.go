package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

// Exit codes, as the help says them.
const (
	exitOK     = 0
	exitError  = 1
	exitUsage  = 2
	exitDiffer = 3
)

const help = `Verify the seal of a run, or of a release, and recompute a run, without a network: every input is a file.

Exit codes: 0 verified or the same, 1 error, 2 usage, 3 verification failed or results differ.`

// grammar is the command line.
type grammar struct {
	Verify    verifyCommand    `cmd:"" help:"Verify a run's seal, and the result files at hand, step by step."`
	Recompute recomputeCommand `cmd:"" help:"Execute a sealed run again and compare every result table."`
	Meta      metaCommand      `cmd:"" name:"verify-meta-seal" help:"Verify the meta-seal of a release: its 30 run seals, its tag and its Merkle root, all computed."`
	Manual    manualCommand    `cmd:"" help:"Print the manual page, for man."`
	Version   versionCommand   `cmd:"" help:"Print the engine's version, the model's digest and the build."`
}

// console is where a verb writes.
type console struct{ out, err io.Writer }

// errDiffer: a verification failed or results differ; what did has been printed.
var errDiffer = errors.New("the verification failed")

// usageError is a command that the user must put otherwise.
type usageError struct{ reason string }

// Error is the reason.
func (e *usageError) Error() string { return e.reason }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// run executes a command line and returns the exit code.
func run(ctx context.Context, args []string, c console) int {
	var g grammar
	exited := -1
	parser, err := kong.New(&g, kong.Name("qrs-replay"), kong.Description(help), kong.Writers(c.out, c.err),
		kong.Exit(func(code int) { exited = code; panic(exitNow{}) }),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		panic("qrs-replay: the grammar is wrong: " + err.Error())
	}
	parsed, err := parse(parser, args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintln(c.err, "qrs-replay:", err)
		return exitUsage
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return report(parsed.Run(c), c)
}

// exitNow unwinds kong's exit after help was printed.
type exitNow struct{}

func parse(parser *kong.Kong, args []string) (parsed *kong.Context, err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(exitNow); !ok {
				panic(r)
			}
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	return parser.Parse(args)
}

// report prints an error once and chooses the exit code.
func report(err error, c console) int {
	var faults *exposure.FaultsError
	var bad *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errDiffer):
		return exitDiffer
	case errors.As(err, &faults):
		for _, fault := range faults.Faults {
			fmt.Fprintln(c.err, fault)
		}
		fmt.Fprintf(c.err, "qrs-replay: %d faults in the exposure: it is not what was sealed\n", faults.Count)
		return exitError
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(c.err, "qrs-replay: stopped")
		return exitError
	case errors.As(err, &bad):
		fmt.Fprintln(c.err, "qrs-replay:", err)
		return exitUsage
	}
	fmt.Fprintln(c.err, "qrs-replay:", err)
	return exitError
}

// printJSON writes a value as indented JSON.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
