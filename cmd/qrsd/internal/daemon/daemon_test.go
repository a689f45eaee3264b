package daemon_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/daemon"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// basics is the configuration of most tests: any free port, a store that is unlocked by a key file.
const basics = `
	listen = "127.0.0.1:0"
	store {
		path     = "data/store"
		key_file = "key/store.key"
	}
`

// running is a daemon in this process, on real TLS.
type running struct {
	t      *testing.T
	folder string
	hangup chan os.Signal
	stop   context.CancelFunc
	ended  chan error
	lines  *lines
	client *http.Client
	base   string
}

// configured writes the configuration into the folder.
func configured(t testing.TB, folder, text string) *config.Config {
	t.Helper()
	file := filepath.Join(folder, "qrsd.hcl")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// optionsOf are those of a daemon as qrsd server gives them.
func optionsOf(c *config.Config) daemon.Options {
	o := daemon.Options{Config: c, Operator: directory.HostOperator("test", store.Source{Address: "host"}), Version: "test"}
	switch u := c.Store.Unlock; {
	case u.KeyFile != "":
		o.Unlocker = func(context.Context, *outbound.Dialer) (store.Unlocker, error) { return store.KeyFile(u.KeyFile), nil }
	case !u.Passphrase.IsZero():
		o.Unlocker = func(context.Context, *outbound.Dialer) (store.Unlocker, error) {
			words, err := u.Passphrase.Read()
			return store.Passphrase([]byte(words.Reveal())), err
		}
	}
	return o
}

// start runs a daemon until the test ends, and waits until it serves.
func start(t *testing.T, folder, text string) *running {
	t.Helper()
	return startOf(t, folder, configured(t, folder, text))
}

func startOf(t *testing.T, folder string, c *config.Config) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &running{t: t, folder: folder, hangup: make(chan os.Signal), stop: stop, ended: make(chan error, 1), lines: newLines()}
	o := optionsOf(c)
	o.Hangup, o.Log = r.hangup, r.lines
	go func() {
		err := daemon.Run(ctx, o)
		r.lines.end()
		r.ended <- err
	}()
	t.Cleanup(func() { _ = r.finish() })
	serving := r.await("serving")
	_, port, _ := strings.Cut(serving["address"].(string), ":")
	r.base = "https://localhost:" + port
	r.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: 30 * time.Second}
	t.Cleanup(r.client.CloseIdleConnections)
	return r
}

// finish stops the daemon and returns how it ended.
func (r *running) finish() error {
	r.stop()
	err := <-r.ended
	r.ended <- err // for whoever asks again
	return err
}

// await returns the first line with the message.
func (r *running) await(message string) map[string]any {
	r.t.Helper()
	line, err := r.lines.await(message)
	if err != nil {
		r.t.Fatal(err)
	}
	return line
}

// get asks for a path and returns status and body.
func (r *running) get(path string) (int, string) {
	r.t.Helper()
	reply, err := r.client.Get(r.base + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return reply.StatusCode, string(body)
}

// reload asks for it and waits for the line that ends it.
func (r *running) reload(message string) map[string]any {
	r.t.Helper()
	r.lines.forget()
	r.hangup <- syscall.SIGHUP
	return r.await(message)
}

// lines is a log that tests read while it is written.
type lines struct {
	mutex sync.Mutex
	rest  []byte
	all   []map[string]any
	ended bool
	more  chan struct{} // closed and replaced when something came
}

func newLines() *lines { return &lines{more: make(chan struct{})} }

// Write takes lines of JSON.
func (l *lines) Write(b []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.rest = append(l.rest, b...)
	for {
		at := bytes.IndexByte(l.rest, '\n')
		if at < 0 {
			break
		}
		var line map[string]any
		if err := json.Unmarshal(l.rest[:at], &line); err != nil {
			return 0, fmt.Errorf("a line of the log is no JSON: %q", l.rest[:at])
		}
		l.rest, l.all = l.rest[at+1:], append(l.all, line)
	}
	l.wake()
	return len(b), nil
}

func (l *lines) wake() {
	close(l.more)
	l.more = make(chan struct{})
}

func (l *lines) end() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.ended = true
	l.wake()
}

// forget drops what was written so far.
func (l *lines) forget() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.all = nil
}

func (l *lines) find(message string) (line map[string]any, ended bool, more chan struct{}) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, one := range l.all {
		if text, _ := one["@message"].(string); strings.HasPrefix(text, message) {
			return one, l.ended, l.more
		}
	}
	return nil, l.ended, l.more
}

func (l *lines) await(message string) (map[string]any, error) {
	deadline := time.After(time.Minute)
	for {
		line, ended, more := l.find(message)
		switch {
		case line != nil:
			return line, nil
		case ended:
			return nil, fmt.Errorf("the daemon ended without %q; its log: %s", message, l)
		}
		select {
		case <-more:
		case <-deadline:
			return nil, fmt.Errorf("no %q in a minute; the log: %s", message, l)
		}
	}
}

func (l *lines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	var b strings.Builder
	for _, one := range l.all {
		fmt.Fprintln(&b, one)
	}
	return b.String()
}

// ending runs a daemon that must end by itself, and returns its error.
func ending(t *testing.T, folder, text string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o := optionsOf(configured(t, folder, text))
	o.Log = io.Discard
	err := daemon.Run(ctx, o)
	if ctx.Err() != nil {
		t.Fatal("it was served")
	}
	return err
}

// TestFirstStart makes store, key and certificate, offers set-up, and takes all of it up at the second start.
func TestFirstStart(t *testing.T) {
	folder := t.TempDir()
	r := start(t, folder, basics)
	if status, body := r.get("/healthz"); status != http.StatusOK {
		t.Errorf("health: %d %s", status, body)
	}
	offered := r.await("this appliance is not set up")["set_up_code"]
	print := r.await("certificate")["sha256"]
	if code, _ := offered.(string); len(code) < 16 {
		t.Errorf("set-up code %q", offered)
	}
	if err := r.finish(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(folder, "key/store.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info, err)
	}
	again := start(t, folder, basics)
	if line, _, _ := again.lines.find("a new store"); line != nil {
		t.Error("the second start made another store")
	}
	if again.await("certificate")["sha256"] != print {
		t.Error("the second start made another certificate")
	}
	if code := again.await("this appliance is not set up")["set_up_code"]; code == offered {
		t.Errorf("the set-up code %v is that of before", code)
	}
}

// TestStoreIsNotMadeTwice: a key file or an anchor whose store is gone stands for a disk that is not there.
func TestStoreIsNotMadeTwice(t *testing.T) {
	for name, c := range map[string]struct{ file, config string }{
		"key file": {"key/store.key", basics},
		"anchor":   {"elsewhere/anchor", strings.Replace(basics, "key_file", "anchor = \"elsewhere/anchor\"\nkey_file", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			place(t, filepath.Join(folder, c.file), "x")
			if err := ending(t, folder, c.config); err == nil || !strings.Contains(err.Error(), "is its disk mounted?") {
				t.Errorf("got %v", err)
			}
			if _, err := os.Stat(filepath.Join(folder, "data/store/format.json")); err == nil {
				t.Error("a store was made")
			}
		})
	}
	if err := ending(t, t.TempDir(), `store { path = "data/store" }`); err == nil || !strings.Contains(err.Error(), "names no way to unlock") {
		t.Errorf("without a way to unlock: %v", err)
	}
}

func place(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestCreationCutShort goes on after a crash between any two steps of the first start.
func TestCreationCutShort(t *testing.T) {
	for name, after := range map[string]func(t *testing.T, folder string){
		"key made": func(t *testing.T, folder string) {
			if err := os.RemoveAll(filepath.Join(folder, "data/store")); err != nil {
				t.Fatal(err)
			}
		},
		"store made": func(*testing.T, string) {},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if err := start(t, folder, basics).finish(); err != nil {
				t.Fatal(err)
			}
			key := filepath.Join(folder, "key/store.key")
			if err := os.Rename(key, key+".new"); err != nil {
				t.Fatal(err)
			}
			after(t, folder)
			r := start(t, folder, basics)
			if state := r.await("serving")["store"]; state != "unlocked" {
				t.Errorf("the store is %v", state)
			}
			if _, err := os.Stat(key); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSecondDaemon is told who has the store.
func TestSecondDaemon(t *testing.T) {
	folder := t.TempDir()
	start(t, folder, basics)
	var inUse store.InUseError
	if err := ending(t, folder, basics); !errors.As(err, &inUse) || inUse.PID != os.Getpid() {
		t.Errorf("got %v", err)
	}
}

// TestWrongKeyStaysLocked serves a store that its key does not open, and nothing of it.
func TestWrongKeyStaysLocked(t *testing.T) {
	folder := t.TempDir()
	if err := start(t, folder, basics).finish(); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(folder, "key/store.key")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if err := store.NewKeyFile(key, nil); err != nil {
		t.Fatal(err)
	}
	r := start(t, folder, basics)
	if state := r.await("serving")["store"]; state != "locked" {
		t.Errorf("the store is %v", state)
	}
	r.await("the store stays locked")
	if status, _ := r.get("/healthz"); status != http.StatusOK {
		t.Errorf("health: %d", status)
	}
	if status, body := r.get("/api/v1/session"); status != http.StatusServiceUnavailable {
		t.Errorf("a session of a locked store: %d %s", status, body)
	}
	if err := r.finish(); err != nil {
		t.Error(err)
	}
}

// TestRollbackIsNotServed: a store that is older than its anchor is not opened to anybody.
func TestRollbackIsNotServed(t *testing.T) {
	folder := t.TempDir()
	if err := start(t, folder, basics).finish(); err != nil {
		t.Fatal(err)
	}
	database := filepath.Join(folder, "data/store/main.db")
	older, err := os.ReadFile(database)
	if err != nil {
		t.Fatal(err)
	}
	if err := start(t, folder, basics).finish(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(database, older, 0o600); err != nil {
		t.Fatal(err)
	}
	var back *store.RollbackError
	if err := ending(t, folder, basics); !errors.As(err, &back) {
		t.Errorf("got %v", err)
	}
}

// TestLogFormat: text where the configuration says so, and no line under its level.
func TestLogFormat(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	o := optionsOf(configured(t, t.TempDir(), basics+"log {\n level = \"warn\"\n format = \"text\"\n }"))
	read, write := io.Pipe()
	o.Log = write
	ended := make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, o)
		_ = write.Close() // of a pipe in memory
	}()
	line, err := bufio.NewReader(read).ReadString('\n')
	go io.Copy(io.Discard, read) //nolint:errcheck // the rest of the log
	if err != nil || !strings.Contains(line, "[WARN]  qrsd: this appliance is not set up") {
		t.Errorf("first line %q, %v", line, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestRequestLines: at level debug each request has a line with the id of its reply, and nothing of a person.
func TestRequestLines(t *testing.T) {
	r := start(t, t.TempDir(), basics+"log {\n level = \"debug\"\n }")
	reply, err := r.client.Get(r.base + "/api/v1/session?of=ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	line := r.await("request")
	if id := reply.Header.Get("X-Request-Id"); id == "" || line["request_id"] != id || line["status"] != float64(reply.StatusCode) || line["operation"] != "getSession" {
		t.Errorf("line %v of request %s", line, id)
	}
	for key, value := range line {
		if text := fmt.Sprint(value); strings.Contains(text, "127.0.0.1") || strings.Contains(text, "ada@") {
			t.Errorf("%s says %s", key, text)
		}
	}
}
