package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/store/directory/breached"
)

// passwordsCommand is `qrsd passwords`.
type passwordsCommand struct {
	Import passwordsImport `cmd:"" help:"Make a compact list of known passwords from a published list of hashes."`
	Check  passwordsCheck  `cmd:"" help:"Say whether a password is known."`
	Verify passwordsVerify `cmd:"" help:"Read the whole of a list that import made, and say what is in it."`
}

// Help is shown by `qrsd passwords --help`.
func (passwordsCommand) Help() string {
	return `Passwords that leaked somewhere are refused as new ones: those of a list inside this program, and of lists that import made. A list is
named to the server by the key breached of the block passwords, to qrsd user password by --breached. None of this uses a network.`
}

// passwordsImport is `qrsd passwords import`.
type passwordsImport struct {
	File  string `arg:"" help:"List of hashes, or - for standard input."`
	Out   string `short:"o" required:"" placeholder:"FILTER" help:"File to write. One that is there is not replaced."`
	Plain bool   `help:"The list has passwords, one a line in UTF-8, in place of hashes: for words that nobody in this house should use, in small letters."`
	Bits  int    `default:"14" placeholder:"N" help:"A password that is in no list is taken for known once in 2^N times. Each bit more costs a bit a password; 4 to 24."`
	JSON  bool   `help:"Print what is in the list as JSON."`
}

// Help is shown by `qrsd passwords import --help`.
func (passwordsImport) Help() string {
	return `The list has lines HASH or HASH:COUNT, in any order, where HASH is the SHA-1 of a password in 40 hexadecimal digits, as Have I Been Pwned
publishes them. Lists of NTLM hashes are refused. The file has about two bytes a password; while it is made, the folder of FILTER
takes eight bytes a password more.`
}

// Run carries out the command.
func (x *passwordsImport) Run(ctx context.Context, c console) (err error) {
	if _, err := os.Lstat(x.Out); err == nil {
		return fmt.Errorf("%s: there is such a file: remove it or name another: %w", x.Out, os.ErrExist)
	}
	b, err := breached.NewBuilder(breached.Options{Bits: x.Bits, Folder: filepath.Dir(x.Out)})
	if err != nil {
		return &runner.ErrUsage{Reason: "--bits: " + err.Error()}
	}
	defer func() { err = joined(err, b.Close()) }()
	if err := x.read(ctx, c, b); err != nil {
		return err
	}
	var content breached.Content
	shown := startTally(c.err, progressTotal(b.Lines()))
	err = keepFile(x.Out, func(to io.Writer) error {
		content, err = b.Write(ctx, to, func(done uint64) { shown.at("passwords written", progressTotal(done)) })
		return err
	})
	shown.stop()
	if err != nil {
		return err
	}
	return printContent(c, x.JSON, x.Out, content)
}

// progressTotal is a count as the bar takes it.
func progressTotal(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

// read gives the list to the builder.
func (x *passwordsImport) read(ctx context.Context, c console, b *breached.Builder) (err error) {
	file, size := os.Stdin, int64(-1)
	if x.File != "-" {
		if file, err = os.Open(x.File); err != nil {
			return err
		}
		defer file.Close()
		info, err := file.Stat()
		switch {
		case err != nil:
			return err
		case info.Mode().IsRegular():
			size = info.Size()
		}
	}
	shown := startTally(c.err, size)
	defer shown.stop()
	from := &meteredReader{from: file, read: func(n int64) { shown.add("bytes of the list read", n) }}
	if x.Plain {
		err = b.AddPasswords(ctx, from)
	} else {
		err = b.AddHashes(ctx, from)
	}
	if err == nil && b.Lines() == 0 {
		err = errors.New("there is nothing in it")
	}
	if err != nil {
		return fmt.Errorf("reading the list %s: %w", x.File, err)
	}
	return nil
}

// meteredReader tells how much is read.
type meteredReader struct {
	from io.Reader
	read func(int64)
}

// Read reads on.
func (r *meteredReader) Read(b []byte) (int, error) {
	n, err := r.from.Read(b)
	r.read(int64(n))
	return n, err
}

// printContent says what a list has.
func printContent(c console, asJSON bool, path string, content breached.Content) error {
	if asJSON {
		return printJSON(c.out, content)
	}
	fmt.Fprintf(c.out, "%s: %d lines at %d places, in %d bytes: %.2f a line\n", path, content.Lines, content.Entries, content.Size, float64(content.Size)/float64(content.Lines))
	fmt.Fprintf(c.out, "of passwords that are not in the list, one in %d is taken for known\n", content.OneIn)
	return nil
}

// passwordsCheck is `qrsd passwords check`.
type passwordsCheck struct {
	Breached []string `placeholder:"FILTER" env:"QRSD_BREACHED" help:"List that qrsd passwords import made, asked beside the one of this program. May be repeated."`
	JSON     bool     `help:"Print the answer as JSON."`
}

// Help is shown by `qrsd passwords check --help`.
func (passwordsCheck) Help() string {
	return `The password is typed, or in the file named by QRSD_PASSWORD_FILE. It is neither shown nor kept. Exit code 3: it is known.`
}

// Run carries out the command.
func (x *passwordsCheck) Run(ctx context.Context, c console) (err error) {
	filters, leave, err := openBreached(x.Breached)
	if err != nil {
		return err
	}
	defer leave(&err)
	password, err := secretOr(ctx, "QRSD_PASSWORD_FILE", "password: ")
	if err != nil {
		return err
	}
	var fault error
	known := breached.NewList(func(err error) { fault = err }, filters...).Known(string(password))
	if fault != nil {
		return fault
	}
	if x.JSON {
		err = printJSON(c.out, struct {
			Known bool `json:"known"`
		}{known})
	} else if known {
		fmt.Fprintln(c.out, "known: it is in a list of passwords that leaked somewhere")
	} else {
		fmt.Fprintln(c.out, "not known")
	}
	if known {
		return errors.Join(errDiffer, err)
	}
	return err
}

// openBreached opens lists of known passwords; leave, which is deferred with the verb's named result, closes them.
func openBreached(paths []string) (filters []*breached.Filter, leave func(*error), err error) {
	leave = func(err *error) {
		for _, f := range filters {
			*err = joined(*err, f.Close())
		}
	}
	for _, path := range paths {
		f, err := breached.Open(path)
		if err != nil {
			leave(&err)
			return nil, nil, err
		}
		filters = append(filters, f)
	}
	return filters, leave, nil
}

// passwordsVerify is `qrsd passwords verify`.
type passwordsVerify struct {
	Filter string `arg:"" help:"List that qrsd passwords import made."`
	JSON   bool   `help:"Print what is in the list as JSON."`
}

// Run carries out the command.
func (x *passwordsVerify) Run(ctx context.Context, c console) (err error) {
	f, err := breached.Open(x.Filter)
	if err != nil {
		return err
	}
	defer func() { err = joined(err, f.Close()) }()
	shown := startTally(c.err, f.Content().Size)
	err = f.Verify(ctx, func(read int64) { shown.at("bytes of the list verified", read) })
	shown.stop()
	if err != nil {
		return fmt.Errorf("%s: %w", x.Filter, err)
	}
	return printContent(c, x.JSON, x.Filter, f.Content())
}
