package quantumjob_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/quantumjob"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/braket/brakettest"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/quantum/relay"
)

// gap is a host without a network, and a relay that knows it and is known to it.
type gap struct {
	host  *site
	relay *quantumjob.Relay
	far   *site // the relay's own home and emulator
}

func openGap(t *testing.T, o brakettest.Options) *gap {
	t.Helper()
	g := &gap{host: open(t, brakettest.Options{}), far: open(t, o)}
	g.host.Client = nil
	key, err := g.far.home.RelayKey()
	if err != nil {
		t.Fatal(err)
	}
	g.host.Relays = relay.Trust{{Name: "harbour", Key: key.Public()}}
	g.relay = &quantumjob.Relay{Name: "calls-itself-so", Key: key, Hosts: relay.Trust{{Name: "office", Key: g.host.HostKey.Public()}},
		Book: g.far.home, Client: g.far.Client, Tokens: g.far.Tokens, Now: g.far.clock.Now, Budget: g.far.home}
	return g
}

// export is a job's file.
func (g *gap) export(t *testing.T, device string) (*quantumjob.Kept, []byte) {
	t.Helper()
	k := g.host.prepare(t, device, "gross-aep/exceedance/5")
	var file []byte
	if err := g.host.Export(t.Context(), k, 300_000_000, into(&file)); err != nil {
		t.Fatal(err)
	}
	return k, file
}

// into takes an exported file.
func into(file *[]byte) func([]byte) error {
	return func(b []byte) error { *file = b; return nil }
}

// TestExportGoesOn: whatever fails while a job is exported, the journal or the writing, the same command writes the very file, once signed, and
// the record says which writing failed.
func TestExportGoesOn(t *testing.T) {
	g := openGap(t, brakettest.Options{})
	k := g.host.prepare(t, braket.SV1, "gross-aep/exceedance/5")
	g.host.Journal = refusing{}
	if err := g.host.Export(t.Context(), k, 300_000_000, func([]byte) error { t.Fatal("written"); return nil }); !errors.Is(err, errShaky) {
		t.Fatalf("got %v", err)
	}
	if again := g.host.reload(t, k.ID); again.Stage != quantumjob.Prepared {
		t.Fatalf("a job that never left is %s", again.Stage)
	}
	g.host.Journal = g.host.home.Journal(g.host.clock.Now)
	var tried, file, again []byte
	if err := g.host.Export(t.Context(), k, 300_000_000, func(b []byte) error { tried = b; return errShaky }); !errors.Is(err, errShaky) {
		t.Fatalf("got %v", err)
	}
	for _, to := range []*[]byte{&file, &again} {
		g.host.clock.now = g.host.clock.now.Add(time.Hour)
		if err := g.host.Export(t.Context(), g.host.reload(t, k.ID), 300_000_000, into(to)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(tried, file) || !bytes.Equal(file, again) || len(file) == 0 {
		t.Fatal("another file the second time")
	}
	if err := g.host.Export(t.Context(), g.host.reload(t, k.ID), 1, into(&file)); err == nil || !strings.Contains(err.Error(), "was signed with the price 300.00 USD") {
		t.Fatalf("at another price: %v", err)
	}
	failures := 0
	if _, err := g.host.home.Journal(g.host.clock.Now).Verify(func(e egress.Entry) error {
		if e.Kind == egress.KindOutcome && e.Failure != "" {
			failures++
		}
		return nil
	}); err != nil || failures != 1 {
		t.Fatalf("%d failures on record, %v", failures, err)
	}
	if _, _, err := g.host.Import(t.Context(), g.carry(t, again), ""); err != nil {
		t.Fatal(err)
	}
}

// refusing is a journal that cannot write.
type refusing struct{}

func (refusing) Begin(context.Context, egress.Record) (egress.ID, error) { return "", errShaky }

func (refusing) Finish(context.Context, egress.ID, egress.Record) error { return errShaky }

// TestRelayMends: a task that failed at a relay is quoted and created anew, it alone, and both are paid for in the answer; a
// job whose price does not allow that is refused before.
func TestRelayMends(t *testing.T) {
	g := openGap(t, brakettest.Options{Noise: noise, Seed: 4})
	_, file := g.export(t, braket.Forte1)
	g.far.server.Plan(brakettest.Plan{FailureReason: "Ion chain lost"})
	e, err := g.relay.Take(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	var failed *braket.FailedError
	if _, err = g.relay.Run(t.Context(), e, nil); !errors.As(err, &failed) || !strings.Contains(err.Error(), "task 1 of 6: ") || failed.Reason != "Ion chain lost" {
		t.Fatalf("got %v", err)
	}
	if e, err = g.relay.Take(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	if e.Offer == nil || e.Offer.Quote.Tasks != 1 || e.Offer.Quote.Total.String() != "40.30" || len(e.Offer.Requests) != 1 {
		t.Fatalf("offer %+v", e.Offer)
	}
	result, err := g.relay.Run(t.Context(), e, nil)
	if err != nil || g.far.made(t) != 7 {
		t.Fatalf("%v, %d tasks made", err, g.far.made(t))
	}
	_, report, err := g.host.Import(t.Context(), result, "")
	if err != nil || report.QuoteUSD != "282.10" || report.Estimate == nil {
		t.Fatalf("%+v, %v", report, err)
	}

	_, file = g.export(t, braket.Forte1)
	tight := g.rejob(t, file, func(j *relay.Job) { j.MaxPriceUSD = "250.00" })
	g.far.server.Plan(brakettest.Plan{FailureReason: "Ion chain lost"})
	if e, err = g.relay.Take(t.Context(), tight); err != nil {
		t.Fatal(err)
	}
	if _, err = g.relay.Run(t.Context(), e, nil); !errors.As(err, &failed) {
		t.Fatalf("got %v", err)
	}
	var price *braket.PriceError
	if _, err = g.relay.Take(t.Context(), tight); !errors.As(err, &price) || price.Quote.String() != "282.10" {
		t.Fatalf("got %v", err)
	}
}

// carry runs a job's file at the relay.
func (g *gap) carry(t *testing.T, file []byte) []byte {
	t.Helper()
	e, err := g.relay.Take(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if e.Host != "office" {
		t.Fatalf("the relay knows the host as %q", e.Host)
	}
	result, err := g.relay.Run(t.Context(), e, nil)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// TestCarried carries a job across a gap and back.
func TestCarried(t *testing.T) {
	g := openGap(t, brakettest.Options{Noise: noise, Seed: 4})
	k, file := g.export(t, braket.Forte1)
	result := g.carry(t, file)
	got, report, err := g.host.Import(t.Context(), result, "")
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != k.ID || report.Provenance != "ARN as reported by relay harbour" || len(report.Tasks) != 6 || report.Simulated || report.QuoteUSD != "241.80" {
		t.Fatalf("report %+v", report)
	}
	if report.Estimate == nil || len(report.CapabilitiesSHA256) != 64 {
		t.Fatalf("report %+v", report)
	}
	g.host.checkReportFile(t, k.ID, report)
	if again := g.host.reload(t, k.ID); again.Answer.Relay != "harbour" || again.Circuits[0].Ones == nil {
		t.Fatalf("kept %+v", again.Answer)
	}
	for _, secret := range [][]byte{[]byte("gross"), []byte("exceedance"), []byte(k.Run), []byte("complement"), []byte("twin")} {
		if bytes.Contains(file, secret) || bytes.Contains(result, secret) {
			t.Errorf("%s was carried", secret)
		}
	}
}

// TestSecondTime: a result counts once; a job is paid for once.
func TestSecondTime(t *testing.T) {
	g := openGap(t, brakettest.Options{})
	k, file := g.export(t, braket.SV1)
	first := g.carry(t, file)
	second := g.carry(t, file)
	if g.far.made(t) != 6 || g.far.server.Received("CreateQuantumTask") != 6 {
		t.Fatalf("the relay made %d tasks by %d requests", g.far.made(t), g.far.server.Received("CreateQuantumTask"))
	}
	if _, _, err := g.host.Import(t.Context(), first, ""); err != nil {
		t.Fatal(err)
	}
	for _, again := range [][]byte{first, second} {
		var replay *quantumjob.ReplayError
		if _, _, err := g.host.Import(t.Context(), again, ""); !errors.As(err, &replay) || !strings.Contains(err.Error(), "was answered before") {
			t.Fatalf("got %v", err)
		}
	}
	if err := g.host.Export(t.Context(), g.host.reload(t, k.ID), 1, into(&file)); err == nil || !strings.Contains(err.Error(), "a job leaves once") {
		t.Fatalf("exported again: %v", err)
	}
}

// resigned changes a result and signs it with the relay's key, as a dishonest or faulty relay would.
func (g *gap) resigned(t *testing.T, file []byte, change func(*relay.Result)) []byte {
	t.Helper()
	var r relay.Result
	if err := json.Unmarshal(file, &r); err != nil {
		t.Fatal(err)
	}
	change(&r)
	again, err := r.Sign(g.relay.Key)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// results changes the result object of a task, digest included.
func results(task int, was, is string) func(*relay.Result) {
	return func(r *relay.Result) {
		t := r.Tasks[task]
		r.Tasks[task] = relay.NewTaskResult(t.ARN, t.Task, bytes.ReplaceAll(t.Results, []byte(was), []byte(is)))
	}
}

// TestResultRefused: each way in which a result can be wrong, refused in words, with nothing changed at home.
func TestResultRefused(t *testing.T) {
	g := openGap(t, brakettest.Options{})
	k, file := g.export(t, braket.SV1)
	good := g.carry(t, file)
	_, otherFile := g.export(t, braket.SV1)
	other := g.carry(t, otherFile)
	stranger, err := relay.NewKey(random(77))
	if err != nil {
		t.Fatal(err)
	}
	var theirs relay.Result
	if err := json.Unmarshal(good, &theirs); err != nil {
		t.Fatal(err)
	}
	theirs.Signature = nil
	unsigned, err := json.Marshal(theirs)
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := theirs.Sign(stranger)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"one byte":            {bytes.Replace(good, []byte("calls-itself-so"), []byte("calls-itself-sO"), 1), "signature does not fit"},
		"cut off":             {good[:len(good)/2], "no JSON document"},
		"no signature":        {unsigned, "signature does not fit"},
		"another member":      {bytes.Replace(good, []byte(`{"created"`), []byte(`{"approved":true,"created"`), 1), "unknown field"},
		"member twice":        {bytes.Replace(good, []byte(`{"created"`), []byte(`{"created":"x","created"`), 1), "stands twice"},
		"the job's own file":  {file, `"qres/1" is needed`},
		"unknown relay":       {unknown, "unknown relay calling itself \"calls-itself-so\" with fingerprint SHA256:"},
		"job of others":       {g.resigned(t, good, func(r *relay.Result) { r.Nonce = strings.Repeat("ab", 32) }), "was not exported from here"},
		"wrong job":           {g.resigned(t, other, func(r *relay.Result) { r.Nonce = k.ID }), "answers another job"},
		"other device":        {g.resigned(t, good, func(r *relay.Result) { r.Device = braket.DM1 }), `it ran on "` + braket.DM1},
		"task left out":       {g.resigned(t, good, func(r *relay.Result) { r.Tasks = r.Tasks[:5] }), "it has 5 tasks, and the job has 6"},
		"task reported twice": {g.resigned(t, good, func(r *relay.Result) { r.Tasks[1] = r.Tasks[0] }), "one ARN"},
		"tasks exchanged":     {g.resigned(t, good, func(r *relay.Result) { r.Tasks[0], r.Tasks[1] = r.Tasks[1], r.Tasks[0] }), "additionalMetadata.action.source"},
		"altered source":      {g.resigned(t, good, results(2, "cnot q[0], q[1]", "cnot q[1], q[0]")), "additionalMetadata.action.source"},
		"wrong shots":         {g.resigned(t, good, results(3, `"shots":500`, `"shots":400`)), "taskMetadata.shots"},
		"another task's ARN":  {g.resigned(t, good, func(r *relay.Result) { r.Tasks[4].ARN = strings.Replace(r.Tasks[4].ARN, "1111", "2222", 1) }), "taskMetadata.id"},
		"ARN of nothing":      {g.resigned(t, good, func(r *relay.Result) { r.Tasks[4].ARN = "\x1b[2J" }), "is no ARN of a task"},
		"price in words":      {g.resigned(t, good, func(r *relay.Result) { r.PriceUSD = "free" }), "no amount"},
		"digest of others":    {g.resigned(t, good, func(r *relay.Result) { r.Tasks[5].ResultsSHA256 = r.Tasks[4].ResultsSHA256 }), "results_sha256 is not that of the results"},
		"no JSON":             {[]byte("hello"), "no JSON document"},
		"empty":               {nil, "no JSON document"},
	} {
		t.Run(name, func(t *testing.T) {
			before := homeFiles(t, g.host)
			_, _, err := g.host.Import(t.Context(), c.file, "")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error with %q", err, c.want)
			}
			if homeFiles(t, g.host) != before {
				t.Fatal("a refused result changed what is kept")
			}
		})
	}
	if _, _, err := g.host.Import(t.Context(), append([]byte(" \n"), good...), ""); err != nil {
		t.Fatalf("the good result, with other white space: %v", err)
	}
}

// homeFiles is the text of a job's kept files.
func homeFiles(t *testing.T, s *site) string {
	t.Helper()
	var all strings.Builder
	entries, err := os.ReadDir(s.home.Path() + "/jobs")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(s.home.Path() + "/jobs/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(e.Name())
		all.Write(text)
	}
	return all.String()
}

// rejob changes a job and signs it with the host's key.
func (g *gap) rejob(t *testing.T, file []byte, change func(*relay.Job)) []byte {
	t.Helper()
	var j relay.Job
	if err := json.Unmarshal(file, &j); err != nil {
		t.Fatal(err)
	}
	change(&j)
	again, err := j.Sign(g.host.HostKey)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// TestJobRefused: what a relay does not run. None of it reaches the service with a circuit.
func TestJobRefused(t *testing.T) {
	g := openGap(t, brakettest.Options{})
	_, file := g.export(t, braket.Forte1)
	stranger, err := relay.NewKey(random(78))
	if err != nil {
		t.Fatal(err)
	}
	var j relay.Job
	if err := json.Unmarshal(file, &j); err != nil {
		t.Fatal(err)
	}
	unknown, err := j.Sign(stranger)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"unknown host":  {unknown, "unknown host with fingerprint SHA256:"},
		"shots changed": {bytes.Replace(file, []byte(`"shots":500`), []byte(`"shots":501`), 1), "signature does not fit"},
		"price changed": {bytes.Replace(file, []byte(`"300.00"`), []byte(`"900.00"`), 1), "signature does not fit"},
		"too dear":      {g.rejob(t, file, func(j *relay.Job) { j.MaxPriceUSD = "241.79" }), "the most that the job allows is 241.79 USD"},
		"other strings": {g.rejob(t, file, func(j *relay.Job) {
			j.Tasks[0].DeviceParameters = strings.Replace(j.Tasks[0].DeviceParameters, "3", "4", 1)
		}), "not those that this relay sends"},
		"retired device":  {g.rejob(t, file, func(j *relay.Job) { j.Device = "arn:aws:braket:us-east-1::device/qpu/ionq/Aria-1" }), "IonQ Aria 1 (arn:aws:braket:us-east-1::device/qpu/ionq/Aria-1) is retired"},
		"a result's file": {[]byte(`{"format":"qres/1"}`), `"qcirc/1" is needed`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := g.relay.Take(t.Context(), c.file); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error with %q", err, c.want)
			}
		})
	}
	if n := g.far.server.Received("CreateQuantumTask"); n != 0 {
		t.Fatalf("%d tasks were created", n)
	}
}

// TestOneNonceIsOneJob: another content under a nonce that was run is refused.
func TestOneNonceIsOneJob(t *testing.T) {
	g := openGap(t, brakettest.Options{Polls: -1})
	_, file := g.export(t, braket.SV1)
	g.carry(t, file)
	changed := g.rejob(t, file, func(j *relay.Job) { j.MaxPriceUSD = "1.00" })
	if _, err := g.relay.Take(t.Context(), changed); err == nil || !strings.Contains(err.Error(), "one nonce is one job") {
		t.Fatalf("got %v", err)
	}
}

// TestRelayGoesOn: a relay that fails in the middle goes on with the tasks that it has paid for.
func TestRelayGoesOn(t *testing.T) {
	g := openGap(t, brakettest.Options{})
	_, file := g.export(t, braket.SV1)
	e, err := g.relay.Take(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	// The first two tasks are created, the third is not.
	denied := 0
	g.relay.Book = &shakyBook{Book: g.far.home, n: 4, seen: &denied}
	if _, err := g.relay.Run(t.Context(), e, nil); !errors.Is(err, errShaky) || denied != 1 {
		t.Fatalf("got %v", err)
	}
	g.relay.Book = g.far.home
	if e, err = g.relay.Take(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	before := g.far.server.Received("CreateQuantumTask")
	g.far.server.Fail(brakettest.Fault{Operation: "GetObject", Times: 1, Status: 403, Type: "AccessDenied", Message: "no"})
	if _, err := g.relay.Run(t.Context(), e, nil); !errors.Is(err, braket.ErrDenied) {
		t.Fatalf("got %v", err)
	}
	if _, _, err := g.host.Import(t.Context(), g.carry(t, file), ""); err != nil {
		t.Fatal(err)
	}
	if more := g.far.server.Received("CreateQuantumTask") - before; g.far.made(t) != 6 || more != 4 {
		t.Fatalf("%d tasks, of the last four %d requests", g.far.made(t), more)
	}
}

// shakyBook fails its n-th writing.
type shakyBook struct {
	quantumjob.Book
	n    int
	seen *int
}

func (s *shakyBook) Write(ctx context.Context, c *quantumjob.Carried) error {
	s.n--
	if s.n == 0 {
		*s.seen++
		return errShaky
	}
	return s.Book.Write(ctx, c)
}

// TestRunWasMoved: the answer goes to where the run lies now, and to no other run.
func TestRunWasMoved(t *testing.T) {
	g := openGap(t, brakettest.Options{Polls: -1})
	_, file := g.export(t, braket.SV1)
	result := g.carry(t, file)
	other, moved := t.TempDir(), filepath.Join(t.TempDir(), "moved")
	writeRun(t, quantumjob.ResultsFolder(other), losses(2))
	if err := os.Rename(string(g.host.run), moved); err != nil {
		t.Fatal(err)
	}
	if _, _, err := g.host.Import(t.Context(), result, ""); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
	if _, _, err := g.host.Import(t.Context(), result, other); err == nil || !strings.Contains(err.Error(), "is of another run") {
		t.Fatalf("got %v", err)
	}
	k, _, err := g.host.Import(t.Context(), result, moved)
	if err != nil || filepath.Dir(k.Report) != moved {
		t.Fatalf("written to %s, %v", k.Report, err)
	}
}
