package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
)

// Secrets come from the terminal or from files, and are shown on the terminal or in files: never in flags, which other
// processes can read, nor on standard output, which ends up in logs.

// errNotAgreed is a question that was answered with anything but yes.
var errNotAgreed = errors.New("not agreed to; nothing was changed")

// errNoTerminal is a question that nobody is there to answer.
var errNoTerminal = errors.New("there is no terminal to ask on")

// maxSecretFile bounds what is read of a file with a secret.
const maxSecretFile = 4096

// readSecretFile reads a secret from the file that an environment variable names: its first line, without the newline. A
// regular file that others may read or change is refused.
func readSecretFile(variable string) ([]byte, error) {
	secret, err := secretIn(os.Getenv(variable))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", variable, err)
	}
	return secret, nil
}

// secretIn is the first line of a file, without the newline.
func secretIn(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if info.Mode().IsRegular() && info.Mode().Perm()&0o027 != 0 {
		return nil, fmt.Errorf("the mode of %s is %o, so that others can read or change it: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile))
	if err != nil {
		return nil, err
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 {
		return nil, fmt.Errorf("the first line of %s is empty", path)
	}
	return line, nil
}

// terminal is where a person is asked and shown secrets, whatever standard input and output are.
func terminal() (*os.File, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoTerminal, err)
	}
	return tty, nil
}

// typed asks for a secret, which is not echoed.
func typed(ctx context.Context, prompt string) ([]byte, error) {
	return onTerminal(ctx, prompt, func(tty *os.File) ([]byte, error) {
		secret, err := term.ReadPassword(int(tty.Fd()))
		fmt.Fprintln(tty)
		return secret, err
	})
}

// typedTwice asks for a new secret, so that a slip of the finger locks nobody out.
func typedTwice(ctx context.Context, what string) ([]byte, error) {
	first, err := typed(ctx, "new "+what+": ")
	if err != nil {
		return nil, err
	}
	again, err := typed(ctx, "the same again: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, again) {
		return nil, &runner.ErrUsage{Reason: "the two are not the same; nothing was changed"}
	}
	return first, nil
}

// answered asks for a line of text.
func answered(ctx context.Context, prompt string) (string, error) {
	line, err := onTerminal(ctx, prompt, func(tty *os.File) ([]byte, error) { return bufio.NewReader(tty).ReadBytes('\n') })
	return strings.TrimSpace(string(line)), err
}

// onTerminal asks and reads. A command that is stopped meanwhile gives the terminal its echo back.
func onTerminal(ctx context.Context, prompt string, read func(*os.File) ([]byte, error)) ([]byte, error) {
	tty, err := terminal()
	if err != nil {
		return nil, err
	}
	defer tty.Close()
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoTerminal, err)
	}
	fmt.Fprint(tty, prompt)
	type outcome struct {
		text []byte
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		text, err := read(tty)
		done <- outcome{text, err}
	}()
	select {
	case o := <-done:
		return o.text, o.err
	case <-ctx.Done():
		fmt.Fprintln(tty)
		return nil, errors.Join(ctx.Err(), term.Restore(int(tty.Fd()), before))
	}
}

// agree asks whether to go on, for what cannot be undone. Where nobody can be asked it wants --yes.
func agree(ctx context.Context, question, word string) error {
	answer, err := answered(ctx, question)
	switch {
	case errors.Is(err, errNoTerminal):
		return &runner.ErrUsage{Reason: "this cannot be undone, and nobody can be asked here: agree with --yes"}
	case err != nil:
		return err
	case answer != word:
		return errNotAgreed
	}
	return nil
}

// keepOnce opens where a secret that exists only now will be kept: a new file, or the terminal. It is called before the
// secret is made, so that none is made that cannot be given.
func keepOnce(path, flag string) (*os.File, error) {
	if path != "" {
		return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	}
	tty, err := terminal()
	if err != nil {
		return nil, &runner.ErrUsage{Reason: "a secret is shown once, and only on a terminal, which is not here: name a new file for it with " + flag}
	}
	return tty, nil
}

// giveOnce writes the secret, to a file alone, to the terminal with words around it, and closes.
func giveOnce(to *os.File, path, secret, before, after string) error {
	if path == "" {
		fmt.Fprintf(to, "\n%s\n\n    %s\n\n%s\n\n", before, secret, after)
		return to.Close()
	}
	_, err := fmt.Fprintln(to, secret)
	return errors.Join(err, to.Sync(), to.Close())
}
