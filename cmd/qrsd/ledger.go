package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// ledgerCommand is `qrsd ledger`.
type ledgerCommand struct {
	List       ledgerList       `cmd:"" help:"List leaves of a tenant's ledger: what was imported, run, found, approved."`
	Export     ledgerExport     `cmd:"" help:"Write a tenant's ledger into a file that can be verified without the store."`
	Verify     ledgerVerify     `cmd:"" help:"Verify the ledgers of the store from every stored byte, or an export."`
	Prove      ledgerProve      `cmd:"" help:"Prove that a leaf is in a tenant's ledger, against a signed checkpoint."`
	Checkpoint ledgerCheckpoint `cmd:"" help:"Sign the head of the ledger as it stands, and print the signed note."`
}

// Help is shown by `qrsd ledger --help`.
func (ledgerCommand) Help() string {
	return `A ledger is a tenant's: give --tenant, and --user or an API key in QRSD_API_KEY. Whoever unlocks the store can verify all of them, and
sign the appliance's own log, into which the heads of all ledgers are entered.`
}

// ofTenant refuses what only a tenant has.
func (f tenantFlags) ofTenant() error {
	if f.Tenant == "" {
		return &runner.ErrUsage{Reason: "--tenant: the appliance has no ledger; say whose is meant"}
	}
	return nil
}

// ledgerList is `qrsd ledger list`.
type ledgerList struct {
	storeFlags
	tenantFlags
	After int64 `default:"-1" placeholder:"SEQUENCE" help:"Only leaves after this one, to go on with a list."`
	Limit int   `default:"100" help:"At most so many leaves, 1 to 10,000."`
	JSON  bool  `help:"Print the leaves as JSON."`
}

// leafOutput is one leaf of a ledger.
type leafOutput struct {
	Sequence int64           `json:"sequence"`
	Leaf     ledger.Hash     `json:"leaf"`
	Lineage  json.RawMessage `json:"lineage"` // exactly the text that the leaf commits to
}

// Run carries out the command.
func (x *ledgerList) Run(ctx context.Context, c console) (err error) {
	if err := x.ofTenant(); err != nil {
		return err
	}
	if x.Limit < 1 || x.Limit > 10000 {
		return &runner.ErrUsage{Reason: fmt.Sprintf("limit %d: must be 1 to 10000", x.Limit)}
	}
	t, leave, err := openTenant(ctx, c, x.storeFlags, x.tenantFlags)
	if err != nil {
		return err
	}
	defer leave(&err)
	all, err := t.Ledger(ctx, max(x.After, -1), x.Limit)
	if err != nil {
		return err
	}
	if x.JSON {
		out, err := leafOutputs(all)
		if err != nil {
			return err
		}
		return printJSON(c.out, out)
	}
	printLeaves(c.out, all)
	if len(all) == x.Limit {
		fmt.Fprintf(c.err, "%s shown; there may be more: go on with --after %d\n", counted(len(all), "leaf"), all[len(all)-1].Sequence)
	}
	return nil
}

func leafOutputs(all []store.LedgerLeaf) ([]leafOutput, error) {
	out := make([]leafOutput, len(all))
	for i, l := range all {
		text, err := l.Lineage.Canonical()
		if err != nil {
			return nil, err
		}
		out[i] = leafOutput{l.Sequence, l.Leaf, text}
	}
	return out, nil
}

func printLeaves(w io.Writer, all []store.LedgerLeaf) {
	if len(all) == 0 {
		fmt.Fprintln(w, "the ledger has no leaves here yet")
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "leaf\ttime\twhat\tsubject\tby\tdigests\thash")
	for _, l := range all {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%d\t%s\n", l.Sequence, minute(l.Lineage.Time), l.Lineage.Kind, l.Lineage.Subject, l.Lineage.Actor,
			len(l.Lineage.Digests), l.Leaf)
	}
	t.Flush()
}

// ledgerExport is `qrsd ledger export`.
type ledgerExport struct{ exportFlags }

// Run carries out the command.
func (x *ledgerExport) Run(ctx context.Context, c console) error {
	if err := x.ofTenant(); err != nil {
		return err
	}
	return x.export(ctx, c, store.Lineage)
}

// ledgerVerify is `qrsd ledger verify`.
type ledgerVerify struct{ verifyFlags }

// Run carries out the command.
func (x *ledgerVerify) Run(ctx context.Context, c console) error {
	return x.verify(ctx, c, store.Lineage)
}

// ledgerProve is `qrsd ledger prove`.
type ledgerProve struct{ proveFlags }

// Run carries out the command.
func (x *ledgerProve) Run(ctx context.Context, c console) error {
	if err := x.ofTenant(); err != nil {
		return err
	}
	return x.prove(ctx, c, store.Lineage)
}

// ledgerCheckpoint is `qrsd ledger checkpoint`.
type ledgerCheckpoint struct {
	storeFlags
	tenantFlags
	JSON bool `help:"Print the note as JSON."`
}

// Run carries out the command.
func (x *ledgerCheckpoint) Run(ctx context.Context, c console) (err error) {
	t, leave, err := openTenant(ctx, c, x.storeFlags, x.tenantFlags)
	if err != nil {
		return err
	}
	defer leave(&err)
	kind := store.Lineage
	if t.ID() == store.Appliance {
		kind = store.AuditLog
	}
	signed, err := t.Checkpoint(ctx, kind)
	if err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, struct {
			Log        string `json:"log"`
			Checkpoint string `json:"checkpoint"`
		}{kind.String(), string(signed)})
	}
	fmt.Fprint(c.out, string(signed))
	return nil
}
