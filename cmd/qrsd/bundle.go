package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/bundle"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/doctor"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/durablefile"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/logfile"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/web/client"
)

// bundleCommand is `qrsd bundle`.
type bundleCommand struct {
	Create bundleCreateCommand `cmd:"" default:"withargs" help:"Collect, look at and pack what may be handed to support."`
	Open   bundleOpenCommand   `cmd:"" help:"Open a bundle, at support's side: decrypt it and verify every file."`
}

// bundleCreateCommand is `qrsd bundle create`, and `qrsd bundle` alone.
type bundleCreateCommand struct {
	configFlags
	operatorKeyFlags
	Preview   bool     `aliases:"dry-run" help:"Print every file as it would be packed, and pack nothing."`
	Offline   bool     `help:"Collect without asking the appliance, also while it runs: what its files say."`
	Without   []string `placeholder:"NAME" help:"Leave this file out; may be repeated."`
	Recipient []string `placeholder:"KEY" help:"Encrypt to this public key of age in place of support.recipients; may be repeated."`
	Out       string   `short:"o" placeholder:"FILE" help:"File to write; default qrsd-bundle- with the time."`
	JSON      bool     `help:"Print what is in the bundle as JSON."`
}

// Help is shown by `qrsd bundle create --help`.
func (bundleCreateCommand) Help() string {
	return `A bundle has the log, figures, profiles, the doctor's report, sizes and hashes of the store, and the configuration without secrets, names and
addresses. What is not known to be harmless is withheld: look with --preview, and leave out what you like with --without. It is signed, and encrypted to
the public keys of support (support.recipients, --recipient). Nothing is sent. While the appliance runs, it collects: give an operator's API key (scope
support.bundle), or take --offline. Each collection is in the audit log, as long as the store can be unlocked.`
}

// bundleOutput is `qrsd bundle --json`.
type bundleOutput struct {
	File     string             `json:"file,omitempty"` // absent: nothing was packed
	SignedBy string             `json:"signed_by,omitempty"`
	Audited  bool               `json:"audited"`
	Files    []bundleFileOutput `json:"files"`
	LeftOut  []string           `json:"left_out"`
}

type bundleFileOutput struct {
	Name     string `json:"name"`
	About    string `json:"about"`
	Bytes    int    `json:"bytes"`
	SHA256   string `json:"sha256"`
	Withheld int    `json:"withheld"`
	Text     string `json:"text,omitempty"` // with --preview
}

// Run carries out the command.
func (x *bundleCreateCommand) Run(ctx context.Context, c console) (err error) {
	f := findAppliance(ctx, x.Config)
	defer f.close(&err)
	if f.config == nil {
		fmt.Fprintf(c.err, "qrsd: %v\n", f.ConfigError)
	}
	if f.running() && !x.Offline {
		return x.ask(ctx, c, f)
	}
	b, err := x.collect(ctx, f)
	if err != nil {
		return err
	}
	out := bundleOutput{Audited: f.unlocked()}
	if !out.Audited {
		fmt.Fprintln(c.err, "qrsd: this is not in the audit log, because the store is not open here")
	}
	if !x.Preview {
		if out.File, out.SignedBy, err = x.pack(ctx, c, f, b); err != nil {
			return err
		}
	}
	return x.print(c, b, out)
}

// collect collects what is seen from here.
func (x *bundleCreateCommand) collect(ctx context.Context, f *foundAppliance) (bundle.Bundle, error) {
	if err := f.examine(ctx, "support.bundle"); err != nil {
		return bundle.Bundle{}, err
	}
	report := doctor.Examine(ctx, f.Subject)
	s := bundle.Sources{
		Version: f.Version, Now: time.Now, Doctor: &report, Config: f.config, Examination: f.Store.Examination,
		Absent: "the store is not open to the process that collected this", NoLog: "no log file is configured: journalctl -u qrsd has the log", Host: os.DirFS("/"),
	}
	if f.config != nil && f.config.Log.File != "" {
		var err error
		if s.Log, err = logfile.Tail(f.config.Log.File, 4<<20); err != nil {
			s.NoLog = "the log file could not be read"
		}
	}
	b, err := bundle.Collect(s)
	if err != nil {
		return b, err
	}
	return x.without(b)
}

// without leaves out what the flags name.
func (x *bundleCreateCommand) without(b bundle.Bundle) (bundle.Bundle, error) {
	b, err := b.Without(x.Without)
	if errors.Is(err, bundle.ErrNoFile) {
		err = &runner.ErrUsage{Reason: "--without " + err.Error()}
	}
	return b, err
}

// pack signs with the store's seal key, or where the store is not open here with one made for this.
func (x *bundleCreateCommand) pack(ctx context.Context, c console, f *foundAppliance, b bundle.Bundle) (file, signedBy string, err error) {
	names := x.Recipient
	if len(names) == 0 && f.config != nil {
		names = f.config.Support.Recipients
	}
	to, err := bundle.ParseRecipients(names)
	if err == nil && len(to) == 0 {
		err = &runner.ErrUsage{Reason: "there is nobody to encrypt the bundle to: write support.recipients into the configuration, or give --recipient; --preview shows it all the same"}
	}
	if err != nil {
		return "", "", err
	}
	var by bundle.Signer = f.db
	if !f.unlocked() {
		own, err := bundle.NewOwnKey()
		if err != nil {
			return "", "", err
		}
		by, signedBy = own, own.ID()
		fmt.Fprintf(c.err, "qrsd: signed with a key made for this bundle; tell support its id: %s\n", signedBy)
	}
	packed, err := b.Pack(ctx, by, to)
	if err != nil {
		return "", "", err
	}
	file = x.file(b.Collected)
	return file, signedBy, durablefile.Create(file, packed, 0o600)
}

func (x *bundleCreateCommand) file(at time.Time) string {
	if x.Out != "" {
		return x.Out
	}
	return "qrsd-bundle-" + at.UTC().Format("20060102T150405Z") + ".tar.gz.age"
}

// ask has the running appliance collect and pack.
func (x *bundleCreateCommand) ask(ctx context.Context, c console, f *foundAppliance) error {
	a, err := f.client(x.operatorKeyFlags)
	if err != nil {
		return err
	}
	if a == nil {
		return &runner.ErrUsage{Reason: "the appliance runs: give an operator's API key with the scope support.bundle (--api-key-file or QRSD_API_KEY), or take --offline for what its files say"}
	}
	if len(x.Recipient) > 0 {
		return &runner.ErrUsage{Reason: "--recipient: a running appliance encrypts to its support.recipients; take --offline for others"}
	}
	collected, err := a.CollectBundle(ctx)
	if err != nil {
		return err
	}
	b := bundle.Bundle{Version: f.Version, Collected: collected.Collected}
	for _, one := range collected.Files {
		var text bytes.Buffer
		if err := a.BundleFile(ctx, collected.ID, one.Name, &text); err != nil {
			return err
		}
		b.Files = append(b.Files, bundle.File{Name: one.Name, About: one.About, Text: text.Bytes(), Withheld: one.Withheld})
	}
	if b, err = x.without(b); err != nil {
		return err
	}
	out := bundleOutput{Audited: true}
	if !x.Preview {
		if out.File, err = x.download(ctx, a, collected.ID, b.Collected); err != nil {
			return err
		}
	}
	return x.print(c, b, out)
}

func (x *bundleCreateCommand) download(ctx context.Context, a *client.Client, id string, at time.Time) (string, error) {
	var packed bytes.Buffer
	if err := a.DownloadBundle(ctx, id, x.Without, &packed); err != nil {
		return "", err
	}
	file := x.file(at)
	return file, durablefile.Create(file, packed.Bytes(), 0o600)
}

func (x *bundleCreateCommand) print(c console, b bundle.Bundle, out bundleOutput) error {
	out.LeftOut = append([]string{}, b.LeftOut...)
	for _, f := range b.Files {
		one := bundleFileOutput{Name: f.Name, About: f.About, Bytes: len(f.Text), SHA256: f.SHA256(), Withheld: f.Withheld}
		if x.Preview {
			one.Text = string(f.Text)
		}
		out.Files = append(out.Files, one)
	}
	if x.JSON {
		return printJSON(c.out, out)
	}
	if x.Preview {
		for _, f := range b.Files {
			fmt.Fprintf(c.out, "==== %s, %d bytes, %s withheld: %s\n%s\n", f.Name, len(f.Text), counted(f.Withheld, "place"), f.About, f.Text)
		}
		return nil
	}
	printBundleFiles(c.out, out.Files)
	fmt.Fprintf(c.out, "packed into %s; only support can open it\n", out.File)
	return nil
}

func printBundleFiles(w io.Writer, files []bundleFileOutput) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "file\tbytes\twithheld\t")
	for _, f := range files {
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\n", f.Name, f.Bytes, f.Withheld, f.About)
	}
	t.Flush()
}

// bundleOpenCommand is `qrsd bundle open`.
type bundleOpenCommand struct {
	File     string `arg:"" name:"file" help:"Bundle."`
	Identity string `required:"" placeholder:"FILE" help:"File with the secret key, as age-keygen writes it."`
	Keys     string `placeholder:"FILE" help:"Published keys of the appliance (/.well-known/qrsd-keys.json), known from elsewhere. Without them it is not shown who made the bundle."`
	Out      string `short:"o" placeholder:"DIR" help:"New folder for its files. Without it they are only verified."`
	JSON     bool   `help:"Print what is in it as JSON."`
}

// bundleOpenOutput is `qrsd bundle open --json`.
type bundleOpenOutput struct {
	Manifest bundle.Manifest `json:"manifest"`
	Key      string          `json:"key"`
	Known    bool            `json:"known"` // the key is one of --keys
}

// Run carries out the command.
func (x *bundleOpenCommand) Run(_ context.Context, c console) error {
	o, err := x.open()
	if errors.Is(err, bundle.ErrAltered) {
		fmt.Fprintln(c.err, "qrsd:", err)
		return errDiffer
	}
	if err != nil {
		return err
	}
	if x.Out != "" {
		if err := writeBundle(x.Out, o); err != nil {
			return err
		}
	}
	if x.JSON {
		return printJSON(c.out, bundleOpenOutput{o.Manifest, o.KeyID, o.Known})
	}
	var files []bundleFileOutput
	for _, f := range o.Files {
		files = append(files, bundleFileOutput{Name: f.Name, Bytes: len(f.Text), Withheld: f.Withheld})
	}
	printBundleFiles(c.out, files)
	who := "which is known"
	if !o.Known {
		who = "which is in the bundle itself: ask the customer for its id, or give --keys"
	}
	fmt.Fprintf(c.out, "every file is as it was signed, with key %s, %s\n", o.KeyID, who)
	return nil
}

func (x *bundleOpenCommand) open() (*bundle.Opened, error) {
	secret, err := os.Open(x.Identity)
	if err != nil {
		return nil, err
	}
	defer secret.Close()
	identities, err := bundle.ParseIdentities(secret)
	if err != nil {
		return nil, err
	}
	var trusted *seal.Keys
	if x.Keys != "" {
		text, err := os.ReadFile(x.Keys)
		if err != nil {
			return nil, err
		}
		if trusted, err = seal.ParseKeys(text); err != nil {
			return nil, fmt.Errorf("%s: %w", x.Keys, err)
		}
	}
	packed, err := os.Open(x.File)
	if err != nil {
		return nil, err
	}
	defer packed.Close()
	return bundle.Open(packed, trusted, identities)
}

// writeBundle writes the files into a new folder.
func writeBundle(folder string, o *bundle.Opened) error {
	if err := os.Mkdir(folder, 0o700); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there: name a new folder: %w", folder, err)
	} else if err != nil {
		return err
	}
	for _, f := range o.Files {
		if err := os.WriteFile(filepath.Join(folder, f.Name), f.Text, 0o600); err != nil {
			return err
		}
	}
	return nil
}
