package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// sealCommand is `qrsd seal`.
type sealCommand struct {
	Get     sealGet     `cmd:"" help:"Write a run's seal, the keys that verify it and, if wanted, the files that it speaks of."`
	List    sealList    `cmd:"" help:"List the seals of a tenant's runs, and the runs that have none yet."`
	Pending sealPending `cmd:"" help:"Seal the finished runs that have no seal yet, because their command was cut off or the key could not be reached."`
	Keys    sealKeys    `cmd:"" help:"Give out the public keys of this installation: what verifies seals and ledgers, old keys among them."`
	Rotate  sealRotate  `cmd:"" help:"Begin with a new seal key. What older keys signed stays valid."`
}

// Help is shown by `qrsd seal --help`.
func (sealCommand) Help() string {
	return `A seal is the signature over a run's evidence. Whoever has it and the public keys verifies it with qrs-replay, without this
installation and without a network: qrs-replay verify run.seal.json --keys keys.json FILES...`
}

// sealGet is `qrsd seal get`.
type sealGet struct {
	ID string `arg:"" name:"run" help:"Id of the run."`
	storeFlags
	tenantFlags
	Out   string `short:"o" placeholder:"FILE" help:"Write the seal into this file, such as run.seal.json, and the keys into keys.json beside it. Without it the seal is printed."`
	Keys  string `placeholder:"FILE" help:"Write the public keys into this file in place of keys.json."`
	Files string `placeholder:"DIR" help:"Also write the files that the seal speaks of into this folder."`
	JSON  bool   `help:"Print what was written as JSON."`
}

// sealOutput is one seal.
type sealOutput struct {
	Run    store.ID      `json:"run"`
	Digest ledger.Digest `json:"sha256"`
	Key    ledger.Digest `json:"key"`
	Made   time.Time     `json:"made"`
}

func newSealOutput(r store.Record[workspace.Seal]) sealOutput {
	return sealOutput{r.ID, r.Value.Digest, r.Value.Key, r.Value.Made}
}

// sealGetOutput is `qrsd seal get --json`.
type sealGetOutput struct {
	sealOutput
	Seal  string   `json:"seal,omitempty"` // where it was written
	Keys  string   `json:"keys,omitempty"`
	Files []string `json:"files"`
}

// Run carries out the command.
func (x *sealGet) Run(ctx context.Context, c console) (err error) {
	run, err := x.check()
	if err != nil {
		return err
	}
	db, err := openStore(ctx, c, x.storeFlags)
	if err != nil {
		return err
	}
	defer closeStore(db, &err)
	t, leave, err := x.enter(ctx, db)
	if err != nil {
		return err
	}
	defer func() { err = joined(err, leave()) }()
	w := workspace.Open(t)
	r, err := w.SealOf(ctx, run)
	if err != nil {
		return err
	}
	keys, err := db.PublishedKeys()
	if err != nil {
		return err
	}
	out, err := x.write(ctx, w, r, keys)
	if err != nil {
		return err
	}
	return x.print(c, out, r.Value.Envelope)
}

func (x *sealGet) check() (run store.ID, err error) {
	if err := x.ofTenant(); err != nil {
		return run, &runner.ErrUsage{Reason: "--tenant: say whose run it is"}
	}
	if x.JSON && x.Out == "" {
		return run, &runner.ErrUsage{Reason: "--json says what was written: name the file with -o; without it the seal itself is printed"}
	}
	if run, err = store.ParseID(x.ID); err != nil {
		return run, &runner.ErrUsage{Reason: "run: " + err.Error()}
	}
	return run, nil
}

// write writes the files first and the seal last.
func (x *sealGet) write(ctx context.Context, w *workspace.Workspace, r store.Record[workspace.Seal], keys *seal.Keys) (out sealGetOutput, err error) {
	out = sealGetOutput{sealOutput: newSealOutput(r), Seal: x.Out, Keys: x.Keys, Files: []string{}}
	if out.Keys == "" && x.Out != "" {
		out.Keys = beside(x.Out, "keys.json")
	}
	if x.Files != "" {
		if out.Files, err = exportSealed(ctx, w, r, keys, x.Files); err != nil {
			return out, err
		}
	}
	if out.Keys != "" {
		if err := keepFile(out.Keys, copying(keys.JWKS())); err != nil {
			return out, err
		}
	}
	if x.Out != "" {
		err = keepFile(x.Out, copying(r.Value.Envelope))
	}
	return out, err
}

func (x *sealGet) print(c console, out sealGetOutput, envelope []byte) error {
	if x.Out == "" {
		_, err := fmt.Fprintln(c.out, string(envelope))
		return err
	}
	if x.JSON {
		return printJSON(c.out, out)
	}
	fmt.Fprintf(c.out, "seal of run %s in %s, sha256 %s, signed %s by key %s\npublic keys in %s\n", out.Run, out.Seal, out.Digest, minute(out.Made), out.Key, out.Keys)
	if len(out.Files) > 0 {
		fmt.Fprintf(c.out, "%s in %s\n", counted(len(out.Files), "file"), x.Files)
	}
	return nil
}

// sealList is `qrsd seal list`.
type sealList struct {
	storeFlags
	tenantFlags
	After string `placeholder:"CURSOR" help:"Only seals after this place, to go on with a list."`
	Limit int    `default:"100" help:"At most so many seals, 1 to 1,000."`
	JSON  bool   `help:"Print the seals as JSON."`
}

// sealListOutput is `qrsd seal list --json`.
type sealListOutput struct {
	Seals   []sealOutput `json:"seals"`
	Pending []store.ID   `json:"pending"` // finished runs without a seal
	Next    store.Cursor `json:"next,omitempty"`
}

// Run carries out the command.
func (x *sealList) Run(ctx context.Context, c console) (err error) {
	if err := x.ofTenant(); err != nil {
		return &runner.ErrUsage{Reason: "--tenant: say whose runs are meant"}
	}
	if x.Limit < 1 || x.Limit > 1000 {
		return &runner.ErrUsage{Reason: fmt.Sprintf("limit %d: must be 1 to 1000", x.Limit)}
	}
	t, leave, err := openTenant(ctx, c, x.storeFlags, x.tenantFlags)
	if err != nil {
		return err
	}
	defer leave(&err)
	w := workspace.Open(t)
	page, err := w.Seals(ctx, store.Cursor(x.After), x.Limit)
	if err != nil {
		return err
	}
	out := sealListOutput{Seals: []sealOutput{}, Pending: []store.ID{}, Next: page.Next}
	for _, r := range page.Records {
		out.Seals = append(out.Seals, newSealOutput(r))
	}
	pending, err := w.Unsealed(ctx)
	if err != nil {
		return err
	}
	out.Pending = append(out.Pending, pending...)
	if x.JSON {
		return printJSON(c.out, out)
	}
	printSeals(c, out)
	return nil
}

func printSeals(c console, out sealListOutput) {
	if len(out.Seals) == 0 {
		fmt.Fprintln(c.out, "there are no seals here yet")
	} else {
		t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "run\tsealed\tkey\tsha256")
		for _, s := range out.Seals {
			fmt.Fprintf(t, "%s\t%s\t%.16s\t%s\n", s.Run, minute(s.Made), s.Key, s.Digest)
		}
		t.Flush()
	}
	for _, run := range out.Pending {
		fmt.Fprintf(c.out, "run %s is finished and has no seal yet: qrsd seal pending\n", run)
	}
	if out.Next != "" {
		fmt.Fprintf(c.err, "%s shown; there may be more: go on with --after %s\n", counted(len(out.Seals), "seal"), out.Next)
	}
}

// sealPending is `qrsd seal pending`.
type sealPending struct {
	storeFlags
	tenantFlags
	sealSignerFlags
	JSON bool `help:"Print the runs that were sealed as JSON."`
}

// Run carries out the command.
func (x *sealPending) Run(ctx context.Context, c console) (err error) {
	if err := x.ofTenant(); err != nil {
		return &runner.ErrUsage{Reason: "--tenant: say whose runs are meant"}
	}
	if err := x.sealWith(ctx, &x.storeFlags); err != nil {
		return err
	}
	t, leave, err := openTenant(ctx, c, x.storeFlags, x.tenantFlags)
	if err != nil {
		return err
	}
	defer leave(&err)
	sealed, failed := workspace.Open(t).SealPending(ctx)
	if x.JSON {
		err = printJSON(c.out, struct {
			Sealed []store.ID `json:"sealed"`
		}{append([]store.ID{}, sealed...)})
		return joined(failed, err)
	}
	for _, run := range sealed {
		fmt.Fprintf(c.out, "run %s is sealed\n", run)
	}
	if len(sealed) == 0 && failed == nil {
		fmt.Fprintln(c.out, "every finished run has its seal")
	}
	return failed
}

// sealKeys is `qrsd seal keys`.
type sealKeys struct {
	storeFlags
	Out  string `short:"o" placeholder:"FILE" help:"Write the keys into this file, such as keys.json, as a JWK Set."`
	JSON bool   `help:"Print the JWK Set."`
}

// Help is shown by `qrsd seal keys --help`.
func (sealKeys) Help() string {
	return `Give the file to whoever verifies, on a way of its own: a seal that comes with its keys proves nothing.`
}

// Run carries out the command.
func (x *sealKeys) Run(ctx context.Context, c console) (err error) {
	db, err := openStore(ctx, c, x.storeFlags)
	if err != nil {
		return err
	}
	defer closeStore(db, &err)
	keys, err := db.PublishedKeys()
	if err != nil {
		return err
	}
	if x.Out != "" {
		if err := keepFile(x.Out, copying(keys.JWKS())); err != nil {
			return err
		}
	}
	if x.JSON {
		_, err := fmt.Fprintln(c.out, string(keys.JWKS()))
		return err
	}
	printSealKeys(c.out, keys)
	if x.Out != "" {
		fmt.Fprintf(c.out, "written to %s as a JWK Set\n", x.Out)
	}
	return nil
}

func printSealKeys(w io.Writer, keys *seal.Keys) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "signs\tuntil\tkey")
	for _, k := range keys.All() {
		until := "current"
		if !k.NotAfter.IsZero() {
			until = minute(k.NotAfter)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", map[seal.Role]string{seal.SealKey: "seals", seal.CheckpointKey: "checkpoints"}[k.Role], until, k.ID)
	}
	t.Flush()
}

// sealRotate is `qrsd seal rotate`.
type sealRotate struct {
	storeFlags
	sealSignerFlags
	JSON bool `help:"Print the new key's id as JSON."`
}

// Help is shown by `qrsd seal rotate --help`.
func (sealRotate) Help() string {
	return `The new key is the store's own; with --seal-kms it is the one that AWS KMS holds. The private half of a key of the store's that it follows
is destroyed, its public half stays among qrsd seal keys. Give the new keys to whoever verifies.`
}

// Run carries out the command.
func (x *sealRotate) Run(ctx context.Context, c console) (err error) {
	if err := x.sealWith(ctx, &x.storeFlags); err != nil {
		return err
	}
	db, err := openStore(ctx, c, x.storeFlags)
	if err != nil {
		return err
	}
	defer closeStore(db, &err)
	key, err := db.RotateSealKey(ctx, operator())
	if err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, struct {
			Key string `json:"key"`
		}{key.ID})
	}
	fmt.Fprintf(c.out, "seals are signed by key %s from now on\nnext: qrsd seal keys -o keys.json, for whoever verifies\n", key.ID)
	return nil
}
