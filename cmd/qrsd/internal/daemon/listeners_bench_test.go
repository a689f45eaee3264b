package daemon_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/daemon"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/examples/florida"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// office is a daemon with a tenant, a portfolio and somebody who has API keys.
type office struct {
	*testing.B
	daemon.Running
	tenant    store.ID
	work      *workspace.Workspace
	portfolio store.ID
	model     *modelpack.Model
	keys      []string
	client    *http.Client
}

func (o *office) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

// newOffice starts the daemon, which stops when the benchmark ends.
func newOffice(b *testing.B, keys int) *office {
	b.Helper()
	o := &office{B: b, client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}}
	ctx, stop := context.WithCancel(context.Background())
	begun, ended := make(chan daemon.Running, 1), make(chan error, 1)
	options := optionsOf(configured(b, b.TempDir(), basics))
	options.Log = io.Discard
	options.Begun = func(_ context.Context, r daemon.Running) error { begun <- r; return nil }
	go func() { ended <- daemon.Run(ctx, options) }()
	b.Cleanup(func() {
		stop()
		o.must(<-ended)
	})
	select {
	case o.Running = <-begun:
	case err := <-ended:
		b.Fatal(err)
	}
	operator := directory.HostOperator("test", store.Source{Address: "host"})
	var err error
	o.tenant, err = o.DB.AddTenant(ctx, operator, "Example Mutual")
	o.must(err)
	o.addKeys(ctx, operator, keys)
	t, err := o.DB.Tenant(ctx, storetest.User(o.tenant, store.Modeler), o.tenant)
	o.must(err)
	o.work = workspace.Open(t)
	o.importSample(ctx)
	return o
}

// addKeys makes people of the tenant with an API key each: one may have a few streams of events.
func (o *office) addKeys(ctx context.Context, operator store.Principal, count int) {
	o.Helper()
	const password = "copper lantern under nine bridges"
	from := store.Source{Address: "192.0.2.1"}
	for i := range count {
		email := fmt.Sprintf("user%d@example.com", i)
		_, oneTime, err := o.Directory.AddUser(ctx, operator, o.tenant, directory.NewUser{Email: email, Name: "N. N.", Role: store.Modeler})
		o.must(err)
		by, _, err := o.Directory.SignIn(ctx, directory.Credentials{Email: email, Password: oneTime, Tenant: o.tenant}, from)
		o.must(err)
		token, err := o.Directory.SetPassword(ctx, by, oneTime, directory.NewSecret(password))
		o.must(err)
		by, _, err = o.Directory.Session(ctx, token, from)
		o.must(err)
		_, key, err := o.Directory.AddAPIKey(ctx, by, directory.NewAPIKey{Name: "listener", Scopes: []string{"run.read"}})
		o.must(err)
		o.keys = append(o.keys, key.Reveal())
	}
}

func (o *office) importSample(ctx context.Context) {
	o.Helper()
	var err error
	o.model, err = modelpack.Florida(vulnerability.Options{})
	o.must(err)
	const folder = "../../../../examples/florida"
	files := runner.Files{Location: filepath.Join(folder, florida.Location), Account: filepath.Join(folder, florida.Account)}
	exposure, report, err := files.Read(o.model.Ground)
	o.must(err)
	o.portfolio, err = o.work.Import(ctx, files.AsPortfolio("Sample", exposure, report))
	o.must(err)
}

// run carries a run out and says how long it took.
func (o *office) run(seed uint64, years int) time.Duration {
	o.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	listener := o.Feed.Listen(o.tenant, 0)
	defer listener.Close()
	id, err := o.work.Submit(ctx, workspace.NewRun{Portfolio: o.portfolio, Model: o.model.Digest, ModelVersion: engine.Version,
		Spec: engine.Spec{Years: years, Samples: 5, Seed: seed, Correlation: loss.DefaultCorrelation(), ReturnPeriods: []float64{10, 100}}})
	o.must(err)
	o.Queue.Submitted(o.tenant, id)
	for {
		events, _, err := listener.Next(ctx)
		o.must(err)
		for _, e := range events {
			if e.Run == id && e.State.Ended() {
				r, err := o.work.Run(ctx, id)
				o.must(err)
				if r.Value.State != workspace.Done {
					o.Fatalf("the run is %s: %s", r.Value.State, r.Value.Reason)
				}
				return r.Value.Ended.Sub(*r.Value.Started)
			}
		}
	}
}

// listen opens so many streams of events, and returns when all stand. What comes is read and counted.
func (o *office) listen(count int, heard *sync.WaitGroup) (stop func()) {
	o.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	for i := range count {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, o.URL+"/api/v1/events", http.NoBody)
		o.must(err)
		q.Header.Set("Authorization", "Bearer "+o.keys[i%len(o.keys)])
		r, err := o.client.Do(q)
		o.must(err)
		lines := bufio.NewScanner(r.Body)
		if r.StatusCode != http.StatusOK || !lines.Scan() || !strings.HasPrefix(lines.Text(), "retry:") {
			o.Fatalf("stream %d: %s %q", i, r.Status, lines.Text())
		}
		heard.Go(func() {
			defer r.Body.Close()
			for lines.Scan() { //nolint:revive // what comes is read, and that is all
			}
		})
	}
	return cancel
}

// BenchmarkListeners carries a run of the sample out with nobody listening and with 200 streams of events, whose readers share the
// cores with the engine.
func BenchmarkListeners(b *testing.B) {
	const years = 500
	o := newOffice(b, 14)
	o.run(1, 100) // what is opened at the first run only
	seed := uint64(1)
	for _, count := range []int{0, 200} {
		b.Run(fmt.Sprint("streams=", count), func(b *testing.B) {
			var heard sync.WaitGroup
			stop := o.listen(count, &heard)
			var took time.Duration
			for b.Loop() {
				seed++
				took += o.run(seed, years)
			}
			b.ReportMetric(float64(years*b.N)/took.Seconds(), "years/s")
			stop()
			heard.Wait()
		})
	}
}
