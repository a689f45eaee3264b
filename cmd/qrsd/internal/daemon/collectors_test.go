package daemon_test

import (
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/daemon"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/egressfile"
	"github.com/qrsrisk/qrsd/internal/outbound"
)

// listener is a service that takes whatever it is told, by path.
type listener struct {
	*httptest.Server
	got chan [2]string
}

func newListener(t *testing.T) *listener {
	s := &listener{got: make(chan [2]string, 100)}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.got <- [2]string{r.URL.Path, string(body)}
	}))
	t.Cleanup(s.Close)
	return s
}

// watched runs a daemon that is to tell the service, has it serve two requests with something of a person in them and fail one reload, and stops it.
func (s *listener) watched(t *testing.T, mode string) (connections []outbound.Connection) {
	folder := t.TempDir()
	place(t, filepath.Join(folder, "dsn"), strings.Replace(s.URL, "https://", "https://key@", 1)+"/42")
	if err := os.Chmod(filepath.Join(folder, "dsn"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := basics + fmt.Sprintf("mode = %q\ntraces {\n endpoint = %q\n}\nerrors {\n endpoint = %q\n dsn = file(\"dsn\")\n}\n", mode, s.URL, s.URL)
	c := configured(t, folder, text)
	c.Outbound.Roots = x509.NewCertPool()
	c.Outbound.Roots.AddCert(s.Certificate())
	r := startOf(t, folder, c)
	r.get("/api/v1/session?of=jane.roe@harbour.example")
	r.get("/jane.roe/harbour")
	place(t, filepath.Join(folder, "qrsd.hcl"), text+"hosts = [\"https://jane.roe.harbour.example/\"]\n")
	r.reload("nothing is reloaded")
	if err := r.finish(); err != nil {
		t.Error(err)
	}
	connections, err := daemon.Connections(&egressfile.Journal{Path: c.Record}).Connections(0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return connections
}

// TestCollectors: a daemon in mode connected tells its collectors of requests and of an error, with nothing of a person's, over connections that are
// on record; by its end all is told.
func TestCollectors(t *testing.T) {
	s := newListener(t)
	purposes := map[outbound.Purpose]bool{}
	for _, c := range s.watched(t, "connected") {
		purposes[c.Purpose] = c.Outcome == outbound.Opened
	}
	if len(purposes) != 2 || !purposes["traces"] || !purposes["errors"] {
		t.Errorf("connections for %v", purposes)
	}
	all := map[string]string{}
	for len(s.got) > 0 {
		one := <-s.got
		all[one[0]] += one[1]
	}
	traces, faults := all["/v1/traces"], all["/api/42/envelope/"]
	if len(all) != 2 || strings.Count(traces, `"name":"getSession"`) != 1 || strings.Count(traces, `"name":"none"`) < 1 {
		t.Errorf("traces %s", traces)
	}
	if strings.Count(faults, "nothing is reloaded: the configuration is at fault") != 1 || !strings.Contains(faults, `"function":"(*appliance).reload"`) || !strings.Contains(faults, `"release":"qrsd@test`) {
		t.Errorf("faults %s", faults)
	}
	for _, part := range []string{"jane", "roe.", "harbour", "127.0.0.1", "localhost", "Go-http", os.TempDir()} {
		if strings.Contains(traces+faults, part) {
			t.Errorf("%q was told:\n%s\n%s", part, traces, faults)
		}
	}
}

// TestCollectorsAreClosed: in the other modes nothing is told, dialled, or tried.
func TestCollectorsAreClosed(t *testing.T) {
	for _, mode := range []string{"air-gapped", "hybrid"} {
		s := newListener(t)
		if connections := s.watched(t, mode); len(connections) != 0 || len(s.got) != 0 {
			t.Errorf("in mode %s: %v, %d requests", mode, connections, len(s.got))
		}
	}
}
