package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/throwaway"
)

// devRun is a `qrsd dev --json` that runs in this process.
type devRun struct {
	t     *testing.T
	stop  context.CancelFunc
	lines *bufio.Scanner
	code  chan int
	said  strings.Builder // on standard error; to be read when code is
}

func startDev(t *testing.T, args ...string) *devRun {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	from, to := io.Pipe()
	d := &devRun{t: t, stop: stop, lines: bufio.NewScanner(from), code: make(chan int, 1)}
	args = append([]string{"dev", "--json", "--listen", "127.0.0.1:0", "--years", "40"}, args...)
	go func() {
		code := run(ctx, args, console{to, &d.said})
		_ = to.Close()
		d.code <- code
	}()
	t.Cleanup(func() { stop(); _ = from.Close() })
	return d
}

// next is the next line.
func (d *devRun) next() (line devLine) {
	d.t.Helper()
	if !d.lines.Scan() {
		d.t.Fatalf("it ended with %d: %s", <-d.code, d.said.String())
	}
	if err := json.Unmarshal(d.lines.Bytes(), &line); err != nil {
		d.t.Fatalf("%s: %v", d.lines.Text(), err)
	}
	return line
}

// end is Ctrl-C.
func (d *devRun) end() {
	d.t.Helper()
	d.stop()
	for d.lines.Scan() {
	}
	if code := <-d.code; code != exitOK || d.said.Len() > 0 {
		d.t.Errorf("exit code %d: %s", code, d.said.String())
	}
}

// get asks the appliance with what stands in the line that said it was ready.
func (d *devRun) get(s *throwaway.SignIn, path, authorization string) (status int, body string) {
	d.t.Helper()
	certificate, err := os.ReadFile(s.Certificate)
	if err != nil {
		d.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}
	q, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	q.Header.Set("Authorization", authorization)
	reply, err := client.Do(q)
	if err != nil {
		d.t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return reply.StatusCode, string(text)
}

// TestDev is a fresh user's first minute: an appliance that can be signed in to, a first run that is sealed, and nothing left behind.
func TestDev(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	d := startDev(t)
	ready := d.next()
	if ready.Event != "ready" || len(ready.Accounts) != 4 || !strings.HasPrefix(ready.Folder, temporary) {
		t.Fatalf("%+v", ready)
	}
	status, runs := d.get(ready.SignIn, "/api/v1/runs", "Bearer "+ready.APIKey)
	if status != http.StatusOK || !strings.Contains(runs, `"items"`) {
		t.Errorf("with the key: %d %s", status, runs)
	}
	if status, _ := d.get(ready.SignIn, "/api/v1/runs", "Bearer "+ready.APIKey+"x"); status != http.StatusUnauthorized {
		t.Errorf("with another key: %d", status)
	}
	stages := map[string]bool{}
	for line := d.next(); line.Event != "sealed"; line = d.next() {
		if line.Event != "run" || line.State == "failed" || line.State == "cancelled" {
			t.Fatalf("%+v", line)
		}
		stages[line.State], stages[line.Stage] = true, true
	}
	for _, want := range []string{"queued", "running", "done", "years", "files"} {
		if !stages[want] {
			t.Errorf("nothing was told of %q: %v", want, stages)
		}
	}
	d.end()
	if left, err := os.ReadDir(temporary); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestDevKept serves a kept appliance again, with the same people and no second first run.
func TestDevKept(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "kept")
	d := startDev(t, "--keep", folder)
	first := d.next()
	d.end()
	d = startDev(t, "--keep", folder)
	again := d.next()
	if fmt.Sprint(again.Accounts, again.APIKey, again.Tenant) != fmt.Sprint(first.Accounts, first.APIKey, first.Tenant) {
		t.Errorf("first %+v, then %+v", first.SignIn, again.SignIn)
	}
	if status, runs := d.get(again.SignIn, "/api/v1/runs", "Bearer "+first.APIKey); status != http.StatusOK {
		t.Errorf("the key of before: %d %s", status, runs)
	}
	d.end()
	for path, want := range map[string]os.FileMode{"sign-in.json": 0o600, "key.header": 0o600, "qrsd.log": 0o600, "": 0o700 | os.ModeDir} {
		if info, err := os.Stat(filepath.Join(folder, path)); err != nil || info.Mode() != want {
			t.Errorf("%q: %v, %v", path, info.Mode(), err)
		}
	}
}

// TestDevRefuses says what is wrong, and leaves nothing behind.
func TestDevRefuses(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }() // it only held the port
	others := t.TempDir()
	if err := os.WriteFile(filepath.Join(others, "letter.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args string
		code int
		want string
	}{
		"to the world":    {"--listen 0.0.0.0:8443", exitUsage, "serves this host alone"},
		"every address":   {"--listen :8443", exitUsage, "serves this host alone"},
		"no port":         {"--listen 127.0.0.1", exitUsage, "write host:port"},
		"wrong port":      {"--listen 127.0.0.1:https", exitUsage, "the port is a number"},
		"no years":        {"--years 0", exitUsage, "give 1 or more"},
		"port taken":      {"--listen " + busy.Addr().String(), exitConflict, "address already in use"},
		"another's files": {"--keep " + others, exitConflict, "no throw-away appliance"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, said strings.Builder
			code := run(t.Context(), append([]string{"dev"}, strings.Fields(c.args)...), console{&out, &said})
			if code != c.code || !strings.Contains(said.String(), c.want) || out.Len() > 0 {
				t.Errorf("exit code %d, %q, %q", code, out.String(), said.String())
			}
		})
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if left, err := os.ReadDir(others); err != nil || len(left) != 1 {
		t.Errorf("in another's folder: %v, %v", left, err)
	}
}
