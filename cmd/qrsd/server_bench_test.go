package main

import (
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// BenchmarkServerStart measures from the start of the process to its first answer over TLS, for the first start, which makes store,
// key and certificate, and for later ones. MiB-idle is the resident memory a second after that.
func BenchmarkServerStart(b *testing.B) {
	dir := b.TempDir()
	program := buildProgram(b, filepath.Join(dir, "qrsd"))
	const text = "listen = \"127.0.0.1:0\"\nstore {\n path = \"data/store\"\n key_file = \"key/store.key\"\n }\n"
	for _, c := range []struct {
		name  string
		fresh bool
		runs  int
	}{{"first", true, 0}, {"later", false, 0}, {"runs=10000", false, 10_000}} {
		b.Run(c.name, func(b *testing.B) {
			home := b.TempDir()
			if c.runs > 0 {
				withRuns(b, home, c.runs)
			}
			idle := 0.0
			for b.Loop() {
				b.StopTimer()
				if c.fresh {
					home = b.TempDir()
				}
				if err := os.WriteFile(filepath.Join(home, "qrsd.hcl"), []byte(text), 0o600); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				command := startServer(b, program, home)
				b.StopTimer()
				time.Sleep(time.Second)
				idle += residentMiB(b, command.Process.Pid)
				if err := command.Process.Signal(os.Interrupt); err != nil {
					b.Fatal(err)
				}
				if err := command.Wait(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(idle/float64(b.N), "MiB-idle")
		})
	}
}

// withRuns makes a store of a tenant with so many runs that have ended, where the server of the benchmark looks for one.
func withRuns(b *testing.B, home string, count int) {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	ctx, key := b.Context(), filepath.Join(home, "key", "store.key")
	must(os.MkdirAll(filepath.Dir(key), 0o700))
	must(os.MkdirAll(filepath.Join(home, "data"), 0o700))
	must(store.NewKeyFile(key, nil))
	at := filepath.Join(home, "data", "store")
	_, err := store.Create(ctx, at, store.Options{}, store.KeyFile(key))
	must(err)
	db, err := store.Open(at, store.Options{})
	must(err)
	operator := storetest.Operator()
	must(db.Unlock(ctx, operator, store.KeyFile(key)))
	tenant, err := db.AddTenant(ctx, operator, "Example Mutual")
	must(err)
	t, err := db.Tenant(ctx, storetest.User(tenant, store.Modeler), tenant)
	must(err)
	w := workspace.Open(t)
	portfolio, err := w.Import(ctx, workspace.NewPortfolio{
		Name: "Coast", Locations: 1, Accounts: 1, TIV: 1, Currency: "USD",
		Files: []workspace.NewFile{{Name: "location.csv", Role: "location", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("x")), nil }}},
	})
	must(err)
	var work errgroup.Group
	work.SetLimit(64) // whose changes share their fsyncs
	for range count {
		work.Go(func() error {
			id, err := w.Submit(ctx, workspace.NewRun{Portfolio: portfolio, ModelVersion: engine.Version, Spec: engine.Spec{Years: 1000, Samples: 1}})
			if err != nil {
				return err
			}
			return w.Cancel(ctx, id, "of a benchmark")
		})
	}
	must(work.Wait())
	must(db.Close())
}

// startServer returns when the server has answered.
func startServer(b *testing.B, program, home string) *exec.Cmd {
	b.Helper()
	log := filepath.Join(home, "log")
	file, err := os.Create(log)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	command := exec.Command(program, "server")
	command.Dir, command.Stderr = home, file
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = command.Process.Kill() })
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	serving := regexp.MustCompile(`"@message":"serving".*"url":"(https://[^"]+)"`)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(log)
		if err != nil {
			b.Fatal(err)
		}
		found := serving.FindSubmatch(text)
		if found == nil {
			continue
		}
		reply, err := client.Get(string(found[1]) + "/healthz")
		if err != nil || reply.StatusCode != http.StatusOK {
			b.Fatalf("%v, %v", reply, err)
		}
		reply.Body.Close()
		return command
	}
	b.Fatal("the server does not serve")
	return nil
}

// residentMiB is the resident memory of a process, where the kernel says it.
func residentMiB(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		b.Skip("resident memory is read from /proc:", err)
	}
	found := regexp.MustCompile(`VmRSS:\s+([0-9]+) kB`).FindSubmatch(text)
	if found == nil {
		b.Fatalf("no VmRSS in %s", text)
	}
	kib, err := strconv.Atoi(string(found[1]))
	if err != nil {
		b.Fatal(err)
	}
	return float64(kib) / 1024
}
