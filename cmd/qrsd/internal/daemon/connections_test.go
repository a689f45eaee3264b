package daemon_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/daemon"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/egressfile"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/web"
)

// TestConnections reads back what a dialer did in two runs of the program, newest first and in pages.
func TestConnections(t *testing.T) {
	path := filepath.Join(t.TempDir(), "outbound.jsonl")
	if all, err := daemon.Connections(&egressfile.Journal{Path: path, Now: time.Now}).Connections(0, 10); err != nil || len(all) != 0 {
		t.Errorf("of no record: %v, %v", all, err)
	}
	var record web.Connections
	for range 2 {
		journal := &egressfile.Journal{Path: path, Now: time.Now}
		dialSome(t, journal)
		record = daemon.Connections(journal)
	}
	all, err := record.Connections(0, 10)
	if err != nil || len(all) != 6 {
		t.Fatalf("%d connections, %v", len(all), err)
	}
	for i, want := range []string{
		"opened e-mail 127.0.0.1:1025 sent 5", "refused e-mail other.example.com:25 sent 0", "failed e-mail smtp.example.com:587 sent 0",
	} {
		for _, c := range []outbound.Connection{all[i], all[i+3]} {
			got := fmt.Sprintf("%s %s %s sent %d", c.Outcome, c.Purpose, net.JoinHostPort(c.Host, fmt.Sprint(c.Port)), c.Sent)
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if c.Ended.IsZero() || c.Ended.Before(c.Began) || (c.Reason == "") != (c.Outcome == outbound.Opened) {
				t.Errorf("%s: from %s to %s, %q", want, c.Began, c.Ended, c.Reason)
			}
		}
	}
	if !all[0].Address.IsValid() || all[0].Address != netip.MustParseAddrPort("127.0.0.1:1025") {
		t.Errorf("address %s", all[0].Address)
	}
	journal, each := &egressfile.Journal{Path: path, Now: time.Now}, []outbound.Connection{}
	if err := daemon.EachConnection(t.Context(), journal, func(c outbound.Connection) { each = append(each, c) }); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(each, func(a, b outbound.Connection) int { return cmp.Compare(b.ID, a.ID) })
	if fmt.Sprint(each) != fmt.Sprint(all) {
		t.Errorf("one by one %v, at once %v", each, all)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := daemon.EachConnection(gone, journal, func(outbound.Connection) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("for nobody: %v", err)
	}
	var paged []outbound.Connection
	for before := uint64(0); ; before = paged[len(paged)-1].ID {
		page, err := record.Connections(before, 2)
		if err != nil {
			t.Fatal(err)
		}
		if paged = append(paged, page...); len(page) < 2 {
			break
		}
	}
	if fmt.Sprint(paged) != fmt.Sprint(all) {
		t.Errorf("in pages %v, at once %v", paged, all)
	}
}

// dialSome leaves one failed, one refused and one opened connection.
func dialSome(t *testing.T, log outbound.Log) {
	t.Helper()
	d, err := outbound.New(outbound.Options{
		Mode: outbound.Connected, Log: log,
		Allowed: []outbound.Destination{{Host: "smtp.example.com", Port: 587, Purpose: "e-mail"}, {Host: "127.0.0.1", Port: 1025, Purpose: "e-mail"}},
		Resolve: func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such name") },
		Connect: func(context.Context, netip.AddrPort) (net.Conn, error) {
			here, there := net.Pipe()
			go func() { _, _ = there.Read(make([]byte, 8)) }()
			return here, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Dial(t.Context(), "e-mail", "smtp.example.com", 587); err == nil {
		t.Error("a name that nobody knows was reached")
	}
	if err := d.Check("e-mail", "other.example.com", 25); err == nil {
		t.Error("another host was allowed")
	}
	conn, err := d.Dial(t.Context(), "e-mail", "127.0.0.1", 1025)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "HELO\n")
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

// TestConnectionsOfABrokenRecord says that it is broken, not that there were none.
func TestConnectionsOfABrokenRecord(t *testing.T) {
	journal := &egressfile.Journal{Path: filepath.Join(t.TempDir(), "outbound.jsonl"), Now: time.Now}
	dialSome(t, journal)
	text, err := os.ReadFile(journal.Path)
	if err != nil {
		t.Fatal(err)
	}
	place(t, journal.Path, strings.Replace(string(text), "smtp.example.com", "smtp.example.org", 1))
	if _, err := daemon.Connections(journal).Connections(0, 10); err == nil || !strings.Contains(err.Error(), "reading the record of connections") {
		t.Errorf("got %v", err)
	}
}
