package doctor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/doctor"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// ward is an appliance that is in order on a host that is, to be broken in one place by each test.
type ward struct {
	*testing.T
	doctor.Subject
	proc fstest.MapFS // /proc and /sys
	db   *store.DB
}

// backups are those of an appliance that has one of today, and a drill that passed.
type backups struct {
	begun, ended  time.Time
	passed, found bool
}

func (b backups) LastBackup(context.Context) (time.Time, bool, error) { return b.begun, b.found, nil }
func (b backups) LastDrill(context.Context) (time.Time, bool, bool, error) {
	return b.ended, b.passed, b.found, nil
}

// newWard makes a ward with a store of its own.
func newWard(t *testing.T) *ward {
	t.Helper()
	dir := t.TempDir()
	w := wardIn(t, dir)
	storetest.Create(t, w.Config.Store.Path, w.Config.Store.Options)
	w.db = storetest.Open(t, w.Config.Store.Path, w.Config.Store.Options)
	w.look()
	return w
}

// again is the ward as it was, over the same store, for another test.
func (w *ward) again(t *testing.T) *ward {
	t.Helper()
	fresh := wardIn(t, filepath.Dir(w.Config.Store.Path))
	fresh.db = w.db
	examined := *w.Store.Examination
	examined.Faults = slices.Clone(examined.Faults)
	fresh.Store.Examination = &examined
	return fresh
}

// wardIn is a ward whose store is, or will be, in dir.
func wardIn(t *testing.T, dir string) *ward {
	t.Helper()
	c, err := config.Parse(filepath.Join(dir, "qrsd.hcl"), []byte(`
hosts = ["localhost"]
listen = "127.0.0.1:0"
store {
  path     = "store"
  key_file = "test.key"
  anchor   = "anchor.json"
}`))
	if err != nil {
		t.Fatal(err)
	}
	w := &ward{T: t, proc: fstest.MapFS{
		"proc/meminfo":                 {Data: []byte("MemTotal:       8000000 kB\nMemFree:  4000 kB\nMemAvailable:   4000000 kB\n")},
		"sys/dev/block/254:0/dm/uuid":  {Data: []byte("LVM-abc\n")},
		"sys/dev/block/254:0/slaves/a": {Mode: fs.ModeDir},
		"sys/class/block/a/dm/uuid":    {Data: []byte("CRYPT-LUKS2-0123-root\n")},
		"proc/4711/limits":             {Data: []byte("Limit                     Soft Limit           Hard Limit           Units\nMax open files            65536                65536                files\n")},
	}}
	host := doctor.ThisHost()
	host.Files = w.proc
	host.Space = func(string) (int64, int64, int64, error) { return 100 << 30, 200 << 30, 1e6, nil }
	host.CommitTime = func(string, time.Duration) (time.Duration, error) { return time.Millisecond, nil }
	host.Device = func(string, bool) (uint32, uint32, error) { return 254, 0, nil }
	host.Synchronised = func() (bool, bool) { return true, true }
	host.OpenFiles = func() uint64 { return 65536 }
	host.Cores = func() int { return 4 }
	now := time.Now()
	w.Subject = doctor.Subject{
		Config: c, Version: "1.2.3", Host: host, Now: func() time.Time { return now },
		Backups: backups{begun: now.Add(-time.Hour), ended: now.Add(-time.Hour), passed: true, found: true},
		Port:    &doctor.Port{Own: true, State: "ok"}, SignIn: &doctor.SignIn{At: now},
	}
	w.Config.TLS.Certificate, w.Config.TLS.Key = certificate(t, now.Add(90*24*time.Hour))
	return w
}

// look examines the store.
func (w *ward) look() {
	w.Helper()
	verb, err := store.ParseVerb("store.diagnose")
	if err != nil {
		w.Fatal(err)
	}
	e, err := w.db.Examine(w.Context(), storetest.Operator(), verb)
	if err != nil {
		w.Fatal(err)
	}
	w.Store.Examination = &e
}

// TestHealthy wants everything in order where it is, each thing once, and all of them.
func TestHealthy(t *testing.T) {
	w := newWard(t)
	report := doctor.Examine(t.Context(), w.Subject)
	var names []string
	for _, f := range report.Findings {
		names = append(names, f.Check)
		if f.State != doctor.OK || f.Advice != "" || f.Found == "" {
			t.Errorf("%+v", f)
		}
	}
	if !slices.Equal(names, doctor.Checks()) || report.Worst() != doctor.OK || report.Broken() {
		t.Errorf("lines %v, worst %s", names, report.Worst())
	}
}

// TestFaults breaks one thing at a time, and wants the line of that thing to say so, with what to do, and every other line to stay as it was.
func TestFaults(t *testing.T) {
	base := newWard(t)
	healthy := doctor.Examine(t.Context(), base.Subject)
	for _, c := range []struct {
		name, check string
		state       doctor.State
		found       string // in its line
		also        string // a check that says it too
		inject      func(*ward)
	}{
		{"full disk", "disk space", doctor.Failure, "300 MiB of 200.0 GiB", "", func(w *ward) {
			w.Host.Space = func(string) (int64, int64, int64, error) { return 300 << 20, 200 << 30, 1e6, nil }
		}},
		{"disk that fills up", "disk space", doctor.Warning, "4.0 GiB", "", func(w *ward) {
			w.Host.Space = func(string) (int64, int64, int64, error) { return 4 << 30, 200 << 30, 1e6, nil }
		}},
		{"no inodes", "disk space", doctor.Failure, "12 more files", "", func(w *ward) {
			w.Host.Space = func(string) (int64, int64, int64, error) { return 100 << 30, 200 << 30, 12, nil }
		}},
		{"slow disk", "disk speed", doctor.Failure, "after 250ms", "", func(w *ward) {
			w.Host.CommitTime = func(string, time.Duration) (time.Duration, error) { return 250 * time.Millisecond, nil }
		}},
		{"read-only disk", "disk speed", doctor.Failure, "read-only file system", "", func(w *ward) {
			w.Host.CommitTime = func(string, time.Duration) (time.Duration, error) {
				return 0, errors.New("read-only file system")
			}
		}},
		{"disk in the clear", "disk encryption", doctor.Warning, "254:0", "", func(w *ward) { delete(w.proc, "sys/class/block/a/dm/uuid") }},
		{"clock that nothing keeps", "clock", doctor.Warning, "nothing keeps it", "", func(w *ward) {
			w.Host.Synchronised = func() (bool, bool) { return false, true }
		}},
		{"clock before the last checkpoint", "clock", doctor.Failure, "last checkpoint", "", func(w *ward) {
			w.Store.Examination.Status.Anchored = w.Now().Add(time.Hour)
		}},
		{"clock before the build", "clock", doctor.Failure, "commit", "", func(w *ward) { w.Build.Time = w.Now().Add(48 * time.Hour) }},
		{"no memory", "memory", doctor.Failure, "98 MiB", "", func(w *ward) {
			w.proc["proc/meminfo"] = &fstest.MapFile{Data: []byte("MemTotal: 8000000 kB\nMemAvailable: 100000 kB\n")}
		}},
		{"one core", "cores", doctor.Warning, "1", "", func(w *ward) { w.Host.Cores = func() int { return 1 } }},
		{"more cores than there are", "cores", doctor.Warning, "runs.cores says 64", "", func(w *ward) { w.Config.Runs.Cores = 64 }},
		{"few descriptors", "open files", doctor.Warning, "may open 1024", "", func(w *ward) { w.Host.OpenFiles = func() uint64 { return 1024 } }},
		{"store that others may read", "permissions", doctor.Failure, "0755", "", func(w *ward) { w.chmod(w.Config.Store.Path, 0o755) }},
		{"key file that others may read", "permissions", doctor.Failure, "0644", "configuration", func(w *ward) { w.chmod(w.Config.Store.Unlock.KeyFile, 0o644) }},
		{"files of somebody else", "permissions", doctor.Warning, "belongs to user", "", func(w *ward) { w.Host.Self = func() int { return 4711 } }},
		{"certificate that ends soon", "certificate", doctor.Warning, "9 days", "", func(w *ward) {
			w.Config.TLS.Certificate, w.Config.TLS.Key = certificate(w.T, w.Now().Add(10*24*time.Hour-time.Minute))
		}},
		{"certificate that ended", "certificate", doctor.Failure, "ended at", "", func(w *ward) {
			w.Config.TLS.Certificate, w.Config.TLS.Key = certificate(w.T, w.Now().Add(-time.Minute))
		}},
		{"another host", "certificate", doctor.Warning, "risk.example.com is not in it", "", func(w *ward) { w.Config.Hosts = []string{"risk.example.com"} }},
		{"port of somebody else", "port", doctor.Failure, "another program has 127.0.0.1:", "", func(w *ward) { w.occupy() }},
		{"appliance that hangs", "port", doctor.Failure, "does not answer", "", func(w *ward) { w.Port = &doctor.Port{Fault: errors.New("timeout")} }},
		{"old keys", "keys", doctor.Failure, "200 days", "", func(w *ward) {
			w.Store.Examination.Keys.Oldest = w.Now().Add(-200*24*time.Hour - time.Hour)
		}},
		{"keys that are due", "keys", doctor.Warning, "3 rotations due", "", func(w *ward) { w.Store.Examination.Keys.Due = 3 }},
		{"no backup", "backup", doctor.Warning, "no backup yet", "restore drill", func(w *ward) { w.Backups = nil }},
		{"old backup", "backup", doctor.Failure, "the last one is of", "", func(w *ward) {
			b := w.Backups.(backups)
			b.begun = w.Now().Add(-9 * 24 * time.Hour)
			w.Backups = b
		}},
		{"failed drill", "restore drill", doctor.Failure, "failed", "", func(w *ward) {
			b := w.Backups.(backups)
			b.passed = false
			w.Backups = b
		}},
		{"drill of last year", "restore drill", doctor.Warning, "the last one is of", "", func(w *ward) {
			b := w.Backups.(backups)
			b.ended = w.Now().Add(-300 * 24 * time.Hour)
			w.Backups = b
		}},
		{"anchor that somebody changed", "anchor", doctor.Failure, "anchor.json", "", func(w *ward) { w.spoilAnchor() }},
		{"anchor beside the store", "anchor", doctor.Warning, "own folder", "", func(w *ward) { w.Config.Store.Options.Anchor = "" }},
		{"log that was changed", "audit chain", doctor.Failure, "another root", "", func(w *ward) {
			w.Store.Examination.Faults = append(w.Store.Examination.Faults, store.Fault{Where: "audit log", Reason: "the tree has another root than was signed"})
		}},
		{"damaged store", "store", doctor.Failure, "damaged", "anchor audit chain keys", func(w *ward) {
			w.Store = doctor.Store{Fault: store.ErrDamaged}
		}},
		{"store that takes no change", "store", doctor.Failure, "input/output error", "", func(w *ward) { w.Store.Examination.Database.Failed = "input/output error" }},
		{"nobody can sign in", "sign-in", doctor.Failure, "the directory does not answer", "", func(w *ward) {
			w.SignIn = &doctor.SignIn{At: w.Now(), Fault: errors.New("the directory does not answer")}
		}},
		{"changed sources", "version", doctor.Warning, "changed after", "", func(w *ward) { w.Build.Modified = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := base.again(t)
			c.inject(w)
			report := doctor.Examine(t.Context(), w.Subject)
			said := false
			for _, f := range report.Findings {
				if f.Check == c.check && f.State == c.state && strings.Contains(f.Found, c.found) && f.Advice != "" {
					said = true
				} else if f.Check != c.check && !strings.Contains(c.also, f.Check) && f.State != doctor.OK {
					t.Errorf("besides: %+v", f)
				}
			}
			if !said {
				t.Errorf("no %s of %s with %q in %+v", c.state, c.check, c.found, report.Findings)
			}
			if len(report.Findings) < len(healthy.Findings) {
				t.Errorf("%d lines, of a healthy one %d", len(report.Findings), len(healthy.Findings))
			}
			if broken := c.check == "anchor" && c.state == doctor.Failure || c.check == "audit chain"; report.Broken() != broken {
				t.Errorf("broken: %v", report.Broken())
			}
		})
	}
}

// TestUnlooked wants honesty of what cannot be seen: a configuration that is at fault, no store yet, a running appliance without a key, a
// rollback.
func TestUnlooked(t *testing.T) {
	w := newWard(t)
	states := func(s doctor.Subject) map[string]doctor.Finding {
		all := map[string]doctor.Finding{}
		for _, f := range doctor.Examine(t.Context(), s).Findings {
			all[f.Check] = f
		}
		return all
	}
	s := w.Subject
	s.Config, s.ConfigError, s.Store, s.Port = nil, errors.New("qrsd.hcl:3:1: stor: there is no such block"), doctor.Store{}, nil
	got := states(s)
	if got["configuration"].State != doctor.Failure || got["disk space"].State != doctor.Unknown || got["audit chain"].State != doctor.Unknown || got["memory"].State != doctor.OK {
		t.Errorf("without a configuration: %+v", got)
	}
	s = w.Subject
	s.Store, s.Port = doctor.Store{Absent: true}, nil
	if got = states(s); got["store"].State != doctor.Warning || got["anchor"].State != doctor.Unknown {
		t.Errorf("without a store: %+v", got)
	}
	peeked, ages, err := store.Peek(w.Config.Store.Path, w.Config.Store.Options)
	if err != nil {
		t.Fatal(err)
	}
	s.Store = doctor.Store{Status: &peeked, Keys: ages, Holder: 4711}
	s.Port = &doctor.Port{State: "ok"}
	got = states(s)
	if got["store"].State != doctor.OK || got["keys"].State != doctor.OK || got["audit chain"].State != doctor.Unknown || !strings.Contains(got["audit chain"].Advice, "QRSD_API_KEY") ||
		got["open files"].State != doctor.OK {
		t.Errorf("beside a running appliance: %+v", got)
	}
	s.Store = doctor.Store{Status: &peeked, Keys: ages, Fault: &store.OwnerError{Path: "store/anchor/format.json", Owner: 54321}}
	got = states(s)
	if got["store"].State != doctor.Warning || !strings.Contains(got["store"].Advice, "as that user") || !strings.Contains(got["audit chain"].Advice, "as that user") ||
		got["anchor"].State != doctor.OK {
		t.Errorf("of another user: %+v", got)
	}
	s.Store.Fault = fmt.Errorf("anchor: open anchor.json: %w", fs.ErrPermission)
	if got = states(s); got["anchor"].State != doctor.Failure || strings.Contains(got["anchor"].Advice, "accept-rollback") {
		t.Errorf("with an anchor that is closed to this user: %+v", got["anchor"])
	}
	s.Store = doctor.Store{Status: &peeked, Keys: ages, Fault: &store.RollbackError{What: "audit log", Have: 3, Anchor: 9}}
	if report := doctor.Examine(t.Context(), s); !report.Broken() {
		t.Errorf("after a rollback: %+v", report)
	}
}

// TestThisHost asks the real machine: it must answer, whatever it says.
func TestThisHost(t *testing.T) {
	host, dir := doctor.ThisHost(), t.TempDir()
	if host.Cores() < 1 {
		t.Error("no cores")
	}
	if took, err := host.CommitTime(dir, 10*time.Millisecond); err != nil || took <= 0 {
		t.Errorf("commits take %v, %v", took, err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("the measurement left %v", left)
	}
	if free, total, _, err := host.Space(dir); err != nil || free <= 0 || total < free {
		t.Errorf("space %d of %d, %v", free, total, err)
	}
	if _, _, err := host.Device(dir, false); err != nil {
		t.Error(err)
	}
}

func (w *ward) chmod(path string, mode fs.FileMode) {
	w.Helper()
	before, err := os.Stat(path)
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		if err := os.Chmod(path, before.Mode()); err != nil {
			w.Error(err)
		}
	})
}

func (w *ward) occupy() {
	w.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = l.Close() })
	w.Config.Listen, w.Port = l.Addr().String(), nil
}

func (w *ward) spoilAnchor() {
	w.Helper()
	path := w.Config.Store.Options.Anchor
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, bytes.Replace(text, []byte("generation"), []byte("generatiom"), 1), 0o600)
	}
	if err != nil {
		w.Fatal(err)
	}
	w.look()
	if err := os.WriteFile(path, text, 0o600); err != nil { // the store goes on with it
		w.Fatal(err)
	}
}

func ExampleReport_Worst() {
	r := doctor.Report{Findings: []doctor.Finding{{State: doctor.OK}, {State: doctor.Warning}, {State: doctor.Unknown}}}
	fmt.Println(r.Worst())
	// Output: warning
}
