package main

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/egressfile"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/logins"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/web/client"
	"github.com/qrsrisk/qrsd/web/wire"
)

// reachFlags say who asks an appliance, and how its certificate is known.
type reachFlags struct {
	APIKeyFile  string `name:"api-key-file" env:"QRSD_API_KEY_FILE" placeholder:"FILE" help:"File with the API key, alone or as a header. Without it QRSD_API_KEY, or what qrsd login has kept."`
	CA          string `name:"ca" env:"QRSD_CA" placeholder:"FILE" help:"Trust the authorities in this PEM file, such as the appliance's own self-signed certificate."`
	Fingerprint string `env:"QRSD_FINGERPRINT" placeholder:"SHA256" help:"Trust the certificate with this SHA-256 alone, as the appliance's log shows it."`
}

// serverFlags say which appliance. Every verb of one has them.
type serverFlags struct {
	Server string `env:"QRSD_SERVER" placeholder:"URL" help:"Appliance, such as https://qrsd.example.com:8443; the one of the last qrsd login unless told."`
	reachFlags
	homeFlags
}

// answerPatience is how long an appliance may take to begin an answer: it reads an upload of millions of locations to its end before it says what it found.
const answerPatience = time.Hour

// forAppliance is why commands dial.
const forAppliance outbound.Purpose = "appliance"

// connect makes a client of the appliance; it sends nothing.
func (f serverFlags) connect() (*client.Client, error) {
	folder, err := f.folder()
	if err != nil {
		return nil, err
	}
	l, err := f.login(folder)
	if err != nil {
		return nil, err
	}
	if l.APIKey == "" {
		return nil, &runner.ErrUsage{Reason: fmt.Sprintf("who asks %s? Sign in with qrsd login %[1]s, or name a file with an API key (--api-key-file)", l.Server)}
	}
	return clientOf(l, folder)
}

// login is what is known of the appliance: what is kept, and over that what flags and the environment say.
func (f serverFlags) login(folder string) (l logins.Login, err error) {
	server := ""
	if f.Server != "" {
		if server, err = serverURL(f.Server); err != nil {
			return l, err
		}
	}
	l, err = logins.Open(folder).Find(server)
	switch {
	case errors.Is(err, fs.ErrNotExist) && server == "":
		return l, &runner.ErrUsage{Reason: "which appliance? Name it with --server or QRSD_SERVER, or sign in with qrsd login"}
	case errors.Is(err, fs.ErrNotExist):
		l = logins.Login{Server: server}
	case err != nil:
		return l, err
	}
	if key, err := f.apiKey(); err != nil {
		return l, err
	} else if key != "" {
		l.APIKey = key
	}
	return l, f.trust(&l)
}

// serverURL is the address of an appliance as users write it: https may be left out.
func serverURL(text string) (string, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return "", &runner.ErrUsage{Reason: fmt.Sprintf("appliance %q: write https://host or https://host:port", text)}
	}
	return "https://" + strings.ToLower(u.Host), nil
}

// apiKey is the key of the file or of the environment; "": neither is there.
func (f reachFlags) apiKey() (logins.Key, error) {
	text, where := os.Getenv("QRSD_API_KEY"), "QRSD_API_KEY"
	if f.APIKeyFile != "" {
		line, err := secretIn(f.APIKeyFile)
		if err != nil {
			return "", fmt.Errorf("--api-key-file: %w", err)
		}
		text, where = string(line), f.APIKeyFile
	}
	key := strings.TrimSpace(text)
	if name, value, ok := strings.Cut(key, ":"); ok && strings.EqualFold(name, "Authorization") {
		key = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(value), "Bearer"))
	}
	if key != "" && !strings.HasPrefix(key, "qrs_") {
		return "", &runner.ErrUsage{Reason: where + ": it holds no API key; one begins with qrs_"}
	}
	return logins.Key(key), nil
}

// trust reads what says which certificate to trust. A flag takes the place of all that was kept.
func (f reachFlags) trust(l *logins.Login) error {
	switch {
	case f.CA != "" && f.Fingerprint != "":
		return &runner.ErrUsage{Reason: "--ca and --fingerprint: give one of them"}
	case f.CA != "":
		text, err := os.ReadFile(f.CA)
		if err != nil {
			return fmt.Errorf("--ca: %w", err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(text) {
			return &runner.ErrUsage{Reason: fmt.Sprintf("--ca: %s holds no certificate in PEM", f.CA)}
		}
		l.Roots, l.Fingerprint = string(text), ""
	case f.Fingerprint != "":
		digest, err := hex.DecodeString(strings.ReplaceAll(strings.TrimPrefix(f.Fingerprint, "sha256:"), ":", ""))
		if err != nil || len(digest) != 32 {
			return &runner.ErrUsage{Reason: fmt.Sprintf("--fingerprint %q: write the SHA-256 of the certificate, 64 hexadecimal digits with or without colons", f.Fingerprint)}
		}
		l.Roots, l.Fingerprint = "", hex.EncodeToString(digest)
	}
	return nil
}

// clientOf makes the client. What it opens is in the record of the folder.
func clientOf(l logins.Login, folder string) (*client.Client, error) {
	u, err := url.Parse(l.Server)
	if err != nil {
		return nil, err
	}
	port := 443
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil {
			return nil, &runner.ErrUsage{Reason: fmt.Sprintf("appliance %s: the port is a number", l.Server)}
		}
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder for the record of connections: %w; name another with --home", err)
	}
	o := outbound.Options{
		Mode: outbound.Connected, Answer: answerPatience, Log: &egressfile.Journal{Path: filepath.Join(folder, "egress.jsonl"), Now: time.Now},
		Allowed: []outbound.Destination{{Host: u.Hostname(), Port: port, Purpose: forAppliance, Local: true}},
	}
	if l.Roots != "" {
		o.Roots = x509.NewCertPool()
		o.Roots.AppendCertsFromPEM([]byte(l.Roots))
	}
	if o.Pin, err = hex.DecodeString(l.Fingerprint); err != nil {
		return nil, fmt.Errorf("the fingerprint of %s: %w; sign in again", l.Server, err)
	}
	dialer, err := outbound.New(o)
	if err != nil {
		return nil, err
	}
	return client.New(client.Options{BaseURL: l.Server, HTTP: dialer.Client(forAppliance), APIKey: string(l.APIKey), UserAgent: "qrsd/" + engine.Version})
}

// remoteExit is the exit code of an error of an appliance, 0 where it is none of those that have a code of their own.
func remoteExit(err error) int {
	var wrong *outbound.WrongCertificate
	var p *client.Problem
	switch {
	case errors.As(err, &wrong):
		return exitDiffer
	case !errors.As(err, &p):
		return 0
	}
	switch {
	case p.Kind() == "invalid":
		return exitUsage
	case p.Status == 401, p.Status == 403, p.Kind() == "locked":
		return exitDenied
	case p.Status == 404, p.Status == 410:
		return exitNotFound
	case p.Status == 409, p.Status == 412, p.Kind() == "quota-exceeded":
		return exitConflict
	}
	return exitError
}

// printRemoteError prints what an appliance says of a request, and what to do where it is known.
func printRemoteError(c console, err error) {
	var p *client.Problem
	if errors.As(err, &p) && p.Exposure != nil {
		printFaults(c.err, faultsOf(p.Exposure.Faults, p.Exposure.FaultCount))
		fmt.Fprintf(c.err, "qrsd: the rows with faults, each with its reason: qrsd portfolio faults %s --bad-rows DIR\n", plain(p.Exposure.ID))
		return
	}
	fmt.Fprintln(c.err, "qrsd:", plain(err.Error()))
	switch {
	case p != nil && p.Kind() == "sign-in-needed":
		fmt.Fprintln(c.err, "qrsd: the API key is not one of the appliance's, was revoked, or is past its time: qrsd login makes a new one")
	case p != nil && p.Kind() == "denied":
		fmt.Fprintln(c.err, "qrsd: the API key may do what its scopes say; its owner sees them on the page API keys")
	}
}

// untrusted says what to do about a certificate that nobody signed whom this host trusts; nil: that is not what is wrong.
func untrusted(err error) error {
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		return nil
	}
	return errors.New("the appliance's certificate is signed by nobody whom this host trusts: name the file of the certificate with --ca, or its SHA-256 with --fingerprint, " +
		"as the appliance's owner gives them to you")
}

// faultsOf are faults as the command line prints them.
func faultsOf(faults []wire.ExposureFault, count int) *exposure.FaultsError {
	out := &exposure.FaultsError{Count: count}
	for _, f := range faults {
		out.Faults = append(out.Faults, exposure.Fault{File: plain(f.File), Line: f.Line, Column: plain(f.Column), Value: f.Value, Reason: plain(f.Reason), Fix: plain(f.Fix)})
	}
	return out
}

// theOne finds the one item of a list whose id begins with the text, or whose name it is. An id as a whole is taken as it is.
func theOne[T any](what, text string, all iter.Seq2[T, error], of func(T) (id, name string)) (string, error) {
	if isID(text) {
		return text, nil
	}
	var found []string
	for item, err := range all {
		if err != nil {
			return "", err
		}
		id, name := of(item)
		if name == text || len(text) >= shortestID && strings.HasPrefix(id, text) {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 0:
		return "", &notThere{fmt.Sprintf("%s %q: there is none with this name or with an id that begins so", what, text)}
	case 1:
		return found[0], nil
	}
	return "", &runner.ErrUsage{Reason: fmt.Sprintf("%s %q: there are %d: %s; name one by its id", what, text, len(found), strings.Join(found, ", "))}
}

// shortestID is the shortest beginning of an id that is taken for one.
const shortestID = 4

func isID(text string) bool {
	_, err := hex.DecodeString(text)
	return err == nil && len(text) == 32
}

// notThere is something that was named and is not there.
type notThere struct{ reason string }

// Error says what.
func (e *notThere) Error() string { return e.reason }

// portfolioNamed finds a portfolio by its id, the beginning of one, or its name.
func portfolioNamed(ctx context.Context, c *client.Client, text string) (string, error) {
	return theOne("portfolio", text, c.Portfolios(ctx), func(p wire.Portfolio) (string, string) { return p.ID, p.Name })
}

// runNamed finds a run by its id, the beginning of one, or its name.
func runNamed(ctx context.Context, c *client.Client, text string) (string, error) {
	return theOne("run", text, c.Runs(ctx, client.RunQuery{}), func(r wire.Run) (string, string) { return r.ID, r.Name })
}

// fileToSend is a file of this host as it is uploaded.
func fileToSend(flag, path string) (*client.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	if !info.Mode().IsRegular() {
		return nil, &runner.ErrUsage{Reason: fmt.Sprintf("%s: %s is no file", flag, path)}
	}
	return &client.File{Name: filepath.Base(path), Size: info.Size(), Open: func() (io.ReadCloser, error) { return os.Open(path) }}, nil
}
