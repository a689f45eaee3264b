package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/benchlab"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/store/directory/breached"
)

// Exit codes, as the help says them.
const (
	exitOK       = 0
	exitError    = 1
	exitUsage    = 2
	exitDiffer   = 3 // a verification failed
	exitNotFound = 4
	exitDenied   = 5 // or locked, or a wrong secret
	exitConflict = 6 // with what is there already, or with another process
)

const help = `Florida hurricane losses from an OED portfolio, on local cores. Nothing leaves this host
unless its owner asks quantum hardware (qrsd quantum --help).

Exit codes: 0 ok, 1 error, 2 usage, 3 verification failed, 4 not found, 5 denied or locked, 6 conflict.`

// grammar is the command line.
type grammar struct {
	Dev        devCommand        `cmd:"" help:"Try the product: a throw-away appliance with a sample portfolio and a first run."`
	Run        runCommand        `cmd:"" help:"Run the model over a portfolio, on this host or on an appliance (--server)."`
	Runs       runsCommand       `cmd:"" help:"Look at the runs of an appliance: list, show, follow, cancel, compare, download."`
	Portfolio  portfolioCommand  `cmd:"" help:"Portfolios of an appliance: upload, list, show, faults, sites, download, delete."`
	Login      loginCommand      `cmd:"" help:"Keep an API key for an appliance, for run --server, runs and portfolio."`
	Logout     logoutCommand     `cmd:"" help:"Forget the API key for an appliance."`
	Exposure   exposureCommand   `cmd:"" help:"Check OED files."`
	Model      modelCommand      `cmd:"" help:"Look at the model: its hazard beside the record, its parameters, its scenarios."`
	Terms      termsCommand      `cmd:"" help:"Check financial terms."`
	Quantum    quantumCommand    `cmd:"" help:"Ask quantum hardware one question of a run: preview, send or carry across an air gap."`
	Relay      relayCommand      `cmd:"" help:"Run jobs of hosts without a network on this connected machine."`
	Server     serverCommand     `cmd:"" help:"Serve API and pages on one port."`
	Validate   validateCommand   `cmd:"" help:"Look whether the configuration of the server is in order."`
	Init       initCommand       `cmd:"" help:"Make a store: the encrypted folder of tenants, portfolios, runs, ledger and audit log."`
	Unlock     unlockCommand     `cmd:"" help:"Keep the store's key ready for later commands of this user on this host."`
	Lock       lockCommand       `cmd:"" help:"Forget the key that unlock has kept."`
	Status     statusCommand     `cmd:"" help:"Show the state of a store, locked or not."`
	Check      checkCommand      `cmd:"" help:"Verify every byte of a store."`
	Doctor     doctorCommand     `cmd:"" help:"Look appliance and host over, and say what to do."`
	Bundle     bundleCommand     `cmd:"" help:"Collect what may be handed to support, without secrets and tenants' data."`
	Compact    compactCommand    `cmd:"" help:"Write the database anew without the space that nothing is in."`
	Backup     backupCommand     `cmd:"" help:"Make, list, verify and prune backups of a store."`
	Restore    restoreCommand    `cmd:"" help:"Make a store from a backup."`
	Drill      drillCommand      `cmd:"" help:"Prove that a backup can be restored."`
	Tenant     tenantCommand     `cmd:"" help:"Add, list and erase tenants."`
	User       userCommand       `cmd:"" help:"Add, list and disable users of a tenant; change one's own password and second factor."`
	Passwords  passwordsCommand  `cmd:"" help:"Make and ask lists of known passwords, which nobody may choose."`
	Token      tokenCommand      `cmd:"" help:"Make, list and revoke API keys."`
	Key        keyCommand        `cmd:"" help:"List, rotate and replace the keys of a store."`
	Audit      auditCommand      `cmd:"" help:"List, export, verify and prove who did what."`
	Ledger     ledgerCommand     `cmd:"" help:"List, export, verify and prove what was imported, run, found and approved."`
	Benchlab   benchlabCommand   `cmd:"" help:"Benchmark the model: 30 independent replicates held to limits that were laid down before."`
	Seal       sealCommand       `cmd:"" help:"Give out the seals of runs and the public keys that verify them; sign what has no seal yet."`
	Completion completionCommand `cmd:"" help:"Print the completion script of a shell."`
	Manual     manualCommand     `cmd:"" help:"Print the manual page, for man."`
	Version    versionCommand    `cmd:"" help:"Print the engine's version and the build."`
}

// console is where a verb writes.
type console struct{ out, err io.Writer }

// errDiffer is returned by verbs whose comparison failed; the differences have been printed.
var errDiffer = errors.New("the comparison failed")

// run executes a command line and returns the exit code.
func run(ctx context.Context, args []string, c console) int {
	var g grammar
	exited := -1
	parser, err := kong.New(&g, kong.Name("qrsd"), kong.Description(help), kong.Writers(c.out, c.err),
		kong.Exit(func(code int) { exited = code; panic(exitNow{}) }),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		panic("qrsd: the grammar is wrong: " + err.Error())
	}
	parsed, err := parse(parser, args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintln(c.err, "qrsd:", err)
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
	for i, a := range args {
		if flag, value, ok := strings.Cut(a, "="); a == "" && i > 0 {
			return nil, fmt.Errorf("the value after %s is empty; give one, or leave the flag out", args[i-1])
		} else if ok && value == "" && strings.HasPrefix(flag, "-") {
			return nil, fmt.Errorf("the value of %s is empty; give one, or leave the flag out", flag)
		}
	}
	return parser.Parse(args)
}

// report prints an error once, in the words of its kind, and chooses the exit code.
func report(err error, c console) int {
	var faults *exposure.FaultsError
	var usage *runner.ErrUsage
	var missing *notThere
	var altered *damaged
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errDiffer):
		return exitDiffer
	case errors.As(err, &faults):
		printFaults(c.err, faults)
		if joined, ok := err.(interface{ Unwrap() []error }); ok && len(joined.Unwrap()) > 1 {
			fmt.Fprintln(c.err, "qrsd:", joined.Unwrap()[1]) // what went wrong beside the faults
		}
		return exitError
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(c.err, "qrsd:", stopped(err))
		return exitError
	case errors.As(err, &usage):
		fmt.Fprintln(c.err, "qrsd:", err)
		return exitUsage
	case errors.As(err, &missing):
		fmt.Fprintln(c.err, "qrsd:", plain(err.Error()))
		return exitNotFound
	case errors.As(err, &altered):
		fmt.Fprintln(c.err, "qrsd:", err)
		return exitDiffer
	case errors.Is(err, breached.ErrDamaged):
		fmt.Fprintln(c.err, "qrsd:", err)
		return exitDiffer
	case remoteExit(err) != 0:
		printRemoteError(c, err)
		return remoteExit(err)
	case untrusted(err) != nil:
		fmt.Fprintln(c.err, "qrsd:", untrusted(err))
		return exitError
	case storeExit(err) != 0:
		printStoreError(c, err)
		return storeExit(err)
	case configExit(err) != 0:
		printStoreError(c, err)
		return configExit(err)
	case errors.Is(err, benchlab.ErrConflict), errors.Is(err, benchlab.ErrOtherModel):
		fmt.Fprintln(c.err, "qrsd:", err)
		return exitConflict
	case errors.Is(err, benchlab.ErrAltered):
		fmt.Fprintln(c.err, "qrsd:", err)
		return exitDiffer
	case errors.Is(err, os.ErrNotExist):
		fmt.Fprintf(c.err, "qrsd: %v; check the path\n", err)
		return exitError
	}
	fmt.Fprintln(c.err, "qrsd:", plain(err.Error())) // it may hold what a file or a provider says
	return exitError
}

// stoppedRun is the error of a run that was stopped and can be taken up again.
type stoppedRun struct{ error }

// Unwrap is the error beneath.
func (s stoppedRun) Unwrap() error { return s.error }

func stopped(err error) string {
	var left leftRun
	if errors.As(err, &left) {
		return "stopped looking; the appliance carries run " + left.id + " on. qrsd runs follow " + left.id + " looks again, qrsd runs cancel ends it"
	}
	var kept stoppedRun
	if errors.As(err, &kept) {
		return "stopped; the same command with --resume goes on from the finished blocks"
	}
	var benchmark stoppedBenchmark
	if errors.As(err, &benchmark) {
		return "stopped; the same command goes on from the finished replicates"
	}
	return "stopped"
}

func printFaults(w io.Writer, f *exposure.FaultsError) {
	for _, fault := range f.Faults {
		fmt.Fprintln(w, fault)
	}
	if more := f.Count - len(f.Faults); more > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
	fmt.Fprintf(w, "qrsd: %s; nothing was imported\n", counted(f.Count, "fault"))
}

// printJSON writes a value as indented JSON.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
