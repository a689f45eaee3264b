package quantumjob_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/quantumjob"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/braket/brakettest"
)

// submit sends a job at any price.
func (s *site) submit(t *testing.T, k *quantumjob.Kept) {
	t.Helper()
	offer, err := s.Offer(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Submit(t.Context(), k, offer, offer.Quote.Total); err != nil {
		t.Fatal(err)
	}
}

// TestSubmitted leads jobs from the question to the estimate: on noisy hardware and on a simulator, a probability and an amount.
func TestSubmitted(t *testing.T) {
	for _, c := range []struct {
		device, question string
		simulated        bool
		usd              string
	}{
		{braket.Forte1, "gross-aep/exceedance/5", false, "241.80"},
		{braket.SV1, "gross-aep/exceedance/10", true, ""},
		{braket.Forte1, "gross-aep/layer/10", false, "241.80"},
		{braket.SV1, "gross-aep/excess/5", true, ""},
	} {
		t.Run(c.question, func(t *testing.T) {
			s := open(t, brakettest.Options{Noise: noise, Seed: 4})
			k := s.prepare(t, c.device, c.question)
			s.submit(t, k)
			if again := s.reload(t, k.ID[:8]); again.Stage != quantumjob.Submitted || again.Circuits[5].Task == nil {
				t.Fatalf("kept as %s, last task %v", again.Stage, again.Circuits[5].Task)
			}
			report, err := s.Follow(t.Context(), s.reload(t, k.ID), true, nil)
			if err != nil {
				t.Fatal(err)
			}
			if report.Simulated != c.simulated || report.Backend != "braket" || len(report.Tasks) != 6 || report.Shots != 3000 || c.usd != "" && report.QuoteUSD != c.usd {
				t.Errorf("report %+v", report)
			}
			if report.Estimate == nil {
				t.Fatalf("no estimate: %s", report.NoEstimate)
			}
			held := false
			for _, i := range report.Estimate.Intervals {
				held = held || i.Low <= report.Exact && report.Exact <= i.High
			}
			if e := report.Estimate; e.Value < e.Intervals[0].Low || e.Value > e.Intervals[len(e.Intervals)-1].High {
				t.Errorf("estimate %v outside %v", e.Value, e.Intervals)
			}
			if !held {
				t.Errorf("exact %v, intervals %v (the seed is one of the 95 %%)", report.Exact, report.Estimate.Intervals)
			}
			s.checkReportFile(t, k.ID, report)
		})
	}
}

// checkReportFile wants the report beside the run, and the run's own files as they were.
func (s *site) checkReportFile(t *testing.T, id string, want *quantumjob.Report) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(string(s.run), "quantum-"+id[:8]+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var got quantumjob.Report
	if err := json.Unmarshal(text, &got); err != nil || got.Job != id || got.Estimate == nil || got.Estimate.Value != want.Estimate.Value {
		t.Fatalf("the file has %+v, %v", got, err)
	}
	k := s.reload(t, id)
	if digest, err := s.run.Digest(); err != nil || digest != k.Run || got.Run != digest {
		t.Fatalf("the run's estimate has digest %s now, %v", digest, err)
	}
	if k.Stage != quantumjob.Answered {
		t.Fatalf("stage %s", k.Stage)
	}
}

// TestStatesOneByOne: without waiting, each call asks once; a restart between any two loses nothing.
func TestStatesOneByOne(t *testing.T) {
	s := open(t, brakettest.Options{})
	k := s.prepare(t, braket.Forte1, "gross-aep/exceedance/5")
	s.submit(t, k)
	for calls := 1; ; calls++ {
		report, err := s.Follow(t.Context(), s.reload(t, k.ID), false, nil)
		if err != nil {
			t.Fatal(err)
		}
		if report != nil {
			if calls < 3 {
				t.Fatalf("answered after %d calls; the emulator takes some polls", calls)
			}
			break
		}
		if calls > 20 {
			t.Fatal("no end")
		}
	}
	if created := s.server.Received("CreateQuantumTask"); created != 6 {
		t.Fatalf("%d tasks were created", created)
	}
	if report, err := s.Follow(t.Context(), s.reload(t, k.ID), false, nil); report != nil || err != nil {
		t.Fatalf("an answered job: %v, %v", report, err)
	}
}

// shaky fails its n-th Keep, before or after the effect.
type shaky struct {
	quantumjob.Keeper
	n     int
	after bool
}

var errShaky = errors.New("the disk is full")

func (s *shaky) Keep(ctx context.Context, k *quantumjob.Kept) error {
	s.n--
	if s.n == 0 && !s.after {
		return errShaky
	}
	err := s.Keeper.Keep(ctx, k)
	if s.n == 0 {
		return errShaky
	}
	return err
}

// TestEveryKeepingBreaks breaks each keeping of a job once without and once with effect. Whatever breaks, the next process goes on: four
// tasks are created, none is paid for twice, and the answer comes.
func TestEveryKeepingBreaks(t *testing.T) {
	small := plan(braket.SV1, "")
	small.Schedule.Qubits, small.Schedule.Powers = 1, []int{0, 1}
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			s := open(t, brakettest.Options{Polls: -1})
			k := s.prepareWith(t, "gross-aep/exceedance/5", small)
			breaking := &shaky{Keeper: s.home, n: n, after: after}
			s.Keeper = breaking
			err := s.through(t.Context(), k)
			if err == nil {
				if n < 8 {
					t.Fatalf("a job is kept only %d times", n-1)
				}
				break
			}
			if !errors.Is(err, errShaky) {
				t.Fatalf("keeping %d: %v", n, err)
			}
			s.Keeper = s.home
			again := s.reload(t, k.ID)
			if again.Stage != quantumjob.Answered {
				if err := s.through(t.Context(), again); err != nil {
					t.Fatalf("keeping %d broke, then: %v", n, err)
				}
			}
			arns := map[string]bool{}
			for _, c := range s.reload(t, k.ID).Circuits {
				arns[c.Task.ARN] = true
			}
			if len(arns) != 4 || s.made(t) != 4 {
				t.Fatalf("keeping %d broke: %d ARNs kept, %d tasks made", n, len(arns), s.made(t))
			}
		}
	}
}

// through leads a job from wherever it is to its answer.
func (s *site) through(ctx context.Context, k *quantumjob.Kept) error {
	offer, err := s.Offer(ctx, k)
	if err == nil {
		err = s.Submit(ctx, k, offer, 100_000_000)
	}
	if err == nil {
		_, err = s.Follow(ctx, k, true, nil)
	}
	return err
}

// TestNotAtThisPrice: nothing that holds a circuit leaves above the confirmed amount.
func TestNotAtThisPrice(t *testing.T) {
	s := open(t, brakettest.Options{})
	k := s.prepare(t, braket.Forte1, "gross-aep/exceedance/5")
	offer, err := s.Offer(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	var price *braket.PriceError
	if err := s.Submit(t.Context(), k, offer, offer.Quote.Total-1); !errors.As(err, &price) {
		t.Fatalf("got %v", err)
	}
	if s.server.Received("CreateQuantumTask") != 0 || s.reload(t, k.ID).Stage != quantumjob.Prepared {
		t.Fatal("something left")
	}
}

// TestFailedTask: the service's reason is shown verbatim; the next submission makes a new task for that circuit alone.
func TestFailedTask(t *testing.T) {
	s := open(t, brakettest.Options{Noise: noise})
	s.server.Plan(brakettest.Plan{FailureReason: "Calibration drifted <beyond> limits"})
	k := s.prepare(t, braket.Forte1, "gross-aep/exceedance/5")
	s.submit(t, k)
	_, err := s.Follow(t.Context(), k, true, nil)
	var failed *braket.FailedError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "circuit 1: ") || !strings.Contains(err.Error(), "Calibration drifted <beyond> limits") {
		t.Fatalf("got %v", err)
	}
	again := s.reload(t, k.ID)
	if again.Circuits[0].Reason != "Calibration drifted <beyond> limits" || again.Circuits[1].Ones == nil {
		t.Fatalf("kept %+v", again.Circuits[0])
	}
	s.submit(t, again)
	if created := s.made(t); created != 7 {
		t.Fatalf("%d tasks, want the six and one more", created)
	}
	offer, err := s.Offer(t.Context(), again)
	if err != nil || offer.Quote.Tasks != 0 || len(offer.Requests) != 0 {
		t.Fatalf("offer of a job of which nothing is due: %+v, %v", offer, err)
	}
	s.submit(t, s.reload(t, k.ID)) // nothing is due, and nothing is forgotten
	report, err := s.Follow(t.Context(), s.reload(t, k.ID), true, nil)
	if err != nil || report.QuoteUSD != "282.10" || report.Queries != 4500 || report.AllQueries != 9000 {
		t.Fatalf("%+v, %v: seven tasks at 40.30 USD, 500 shots at powers 0, 1, 2", report, err)
	}
}

// TestTwoAtOnce: two commands that read one job and change it lose nothing of one another.
func TestTwoAtOnce(t *testing.T) {
	s := open(t, brakettest.Options{Polls: -1})
	k := s.prepare(t, braket.SV1, "gross-aep/exceedance/5")
	home, err := quantumjob.OpenHome(s.home.Path())
	if err != nil {
		t.Fatal(err)
	}
	early := s.reload(t, k.ID) // read before the first submits
	s.submit(t, k)
	if err := home.Keep(t.Context(), early); !errors.Is(err, quantumjob.ErrChanged) {
		t.Fatalf("an older state was kept: %v", err)
	}
	other := *s.Jobs
	other.Keeper = home
	offer, err := other.Offer(t.Context(), early)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Submit(t.Context(), early, offer, offer.Quote.Total); err != nil {
		t.Fatal(err)
	}
	if s.made(t) != 6 {
		t.Fatalf("%d tasks", s.made(t))
	}
	// A follower that waits with what it read, while another has fetched half of the results.
	waiting := s.reload(t, k.ID)
	done := make(chan error, 2)
	for _, c := range []struct {
		jobs *quantumjob.Jobs
		job  *quantumjob.Kept
	}{{s.Jobs, waiting}, {&other, early}} {
		go func() {
			_, err := c.jobs.Follow(t.Context(), c.job, true, nil)
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	again := s.reload(t, k.ID)
	for i, c := range again.Circuits {
		if c.Task == nil || c.Ones == nil {
			t.Errorf("circuit %d: task %v, ones %v", i, c.Task, c.Ones)
		}
	}
	if again.Stage != quantumjob.Answered {
		t.Errorf("stage %s", again.Stage)
	}
}

// TestQuestionsThatAskNothing: what is zero for certain is not offered, an unknown name is told the nearest, amounts are in the run's
// currency, and an estimate that is not the manifest's is refused.
func TestQuestionsThatAskNothing(t *testing.T) {
	run := quantumjob.ResultsFolder(t.TempDir())
	writeRun(t, run, losses(1))
	all, err := run.Questions(t.Context())
	if err != nil || len(all) != 9 || all[1].Unit != "USD" || all[0].Unit != "" {
		t.Fatalf("%d questions, units %q and %q, %v", len(all), all[0].Unit, all[1].Unit, err)
	}
	if _, err := quantumjob.Pick(t.Context(), run, "gross-aep/excces/10"); err == nil || !strings.Contains(err.Error(), "near it are gross-aep/excess/10, ") || strings.Count(err.Error(), "gross-aep/") != 5 {
		t.Errorf("got %v", err)
	}
	manifest := filepath.Join(string(run), "manifest.json")
	digest, err := run.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for text, fits := range map[string]bool{`{"estimate":"` + digest + `"}`: true, `{"estimate":"sha256:00"}`: false, `{}`: false, `{`: false} {
		if err := os.WriteFile(manifest, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := run.Questions(t.Context()); (err == nil) != fits {
			t.Errorf("manifest %s: %v", text, err)
		}
	}
	same := quantumjob.ResultsFolder(t.TempDir())
	equal := make([]float64, 500)
	for i := range equal {
		equal[i] = 7e5
	}
	writeRun(t, same, equal)
	all, err = same.Questions(t.Context())
	if err != nil || len(all) != 3 {
		t.Errorf("%d questions of equal losses, whose excess and layers are 0; %v", len(all), err)
	}
}

// TestTooMuchForTheDevice: a circuit that no on-demand task can be is refused when it is prepared.
func TestTooMuchForTheDevice(t *testing.T) {
	s := open(t, brakettest.Options{})
	q, err := quantumjob.Pick(t.Context(), s.run, "gross-aep/exceedance/5")
	if err != nil {
		t.Fatal(err)
	}
	p := plan(braket.Forte1, s.run)
	p.Schedule.Qubits, p.Schedule.Shots = 3, 5000
	if _, err := s.Prepare(t.Context(), q, p); err == nil || !strings.Contains(err.Error(), "221 gates x 5000 shots: must be at most 1000000 gate-shots") {
		t.Fatalf("got %v", err)
	}
	p.Device = braket.SV1
	if _, err := s.Prepare(t.Context(), q, p); err != nil {
		t.Fatal(err)
	}
}

// TestCancelled cancels what waits.
func TestCancelled(t *testing.T) {
	s := open(t, brakettest.Options{})
	for range 6 {
		s.server.Plan(brakettest.Plan{Stay: true})
	}
	k := s.prepare(t, braket.Forte1, "gross-aep/exceedance/5")
	if _, err := s.Cancel(t.Context(), k); err == nil || !strings.Contains(err.Error(), "no task of it was submitted") {
		t.Fatalf("a prepared job: %v", err)
	}
	s.submit(t, k)
	asked, err := s.Cancel(t.Context(), s.reload(t, k.ID))
	if err != nil || asked != 6 {
		t.Fatalf("%d, %v", asked, err)
	}
	_, err = s.Follow(t.Context(), s.reload(t, k.ID), true, nil)
	var failed *braket.FailedError
	if !errors.As(err, &failed) || failed.Status != braket.Cancelled {
		t.Fatalf("got %v", err)
	}
}

// TestOffline: a device that takes no tasks is refused before anything is paid.
func TestOffline(t *testing.T) {
	s := open(t, brakettest.Options{})
	s.server.SetStatus(braket.Forte1, "OFFLINE")
	if _, err := s.Offer(t.Context(), s.prepare(t, braket.Forte1, "gross-aep/exceedance/5")); !errors.Is(err, braket.ErrOffline) {
		t.Fatalf("got %v", err)
	}
}

// TestInconsistentCounts: a device that answers nonsense gives a report without an estimate, and says why.
func TestInconsistentCounts(t *testing.T) {
	s := open(t, brakettest.Options{})
	k := s.prepare(t, braket.SV1, "gross-aep/exceedance/5")
	s.submit(t, k)
	for i := range k.Circuits {
		ones := []int{500, 0}[i%2]
		k.Circuits[i].Ones, k.Circuits[i].Status = &ones, braket.Completed
	}
	report, err := s.Follow(t.Context(), k, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.Estimate != nil || !strings.Contains(report.NoEstimate, "no estimate") {
		t.Fatalf("estimate %v, %q", report.Estimate, report.NoEstimate)
	}
}

// TestRehearsed: a schedule whose counts could give no estimate is refused before it is paid for.
func TestRehearsed(t *testing.T) {
	s := open(t, brakettest.Options{})
	q, err := quantumjob.Pick(t.Context(), s.run, "gross-aep/exceedance/5")
	if err != nil {
		t.Fatal(err)
	}
	p := plan(braket.SV1, s.run)
	p.Schedule.Powers, p.Schedule.Twins = []int{0, 1}, 0
	k, err := s.Prepare(t.Context(), q, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Rehearse(t.Context()); err == nil || !strings.Contains(err.Error(), "would give no estimate") {
		t.Fatalf("got %v", err)
	}
	e, err := s.prepare(t, braket.SV1, "gross-aep/exceedance/5").Rehearse(t.Context())
	if err != nil || len(e.Intervals) == 0 || !(e.Intervals[0].Low <= q.Table.Amplitude() && q.Table.Amplitude() <= e.Intervals[0].High) {
		t.Fatalf("rehearsal %+v of %v, %v", e, q.Table.Amplitude(), err)
	}
}

// newHome is one of its own: the same randomness makes a job of the same id.
func newHome(t *testing.T) *quantumjob.Home {
	t.Helper()
	home, err := quantumjob.OpenHome(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return home
}

// TestSameBytesWhateverTheCurrency is the guarantee that currency, scale, names and ids cannot change a byte of what leaves: the same randomness, and
// a run whose every name and amount is another.
func TestSameBytesWhateverTheCurrency(t *testing.T) {
	s := open(t, brakettest.Options{})
	for _, kind := range []string{"exceedance", "excess", "layer"} {
		s.Random, s.Keeper = random(9), newHome(t)
		want := s.prepare(t, braket.SV1, "gross-aep/"+kind+"/10")
		for _, scale := range []float64{1.0 / 1024, 8, 1 << 40} {
			var scaled []float64
			for _, x := range losses(1) {
				scaled = append(scaled, x*scale)
			}
			other := *s
			other.run = quantumjob.ResultsFolder(t.TempDir())
			foreign := newReport(t, "Überseeische Rückversicherung AG, Konto 4711", scaled)
			foreign.Currency = "JPY"
			writeReport(t, other.run, foreign)
			other.Random, other.Keeper = random(9), newHome(t)
			got := other.prepare(t, braket.SV1, "-berseeische-r-ckversicherung-ag--konto-4711/"+kind+"/10")
			if !bytes.Equal(sources(got), sources(want)) {
				t.Fatalf("%s, scale %v: other bytes would leave", kind, scale)
			}
		}
		other := *s
		other.run = quantumjob.ResultsFolder(t.TempDir())
		writeRun(t, other.run, losses(2))
		other.Random, other.Keeper = random(9), newHome(t)
		if bytes.Equal(sources(other.prepare(t, braket.SV1, "gross-aep/"+kind+"/10")), sources(want)) {
			t.Fatalf("%s: other losses give the same bytes: the test compares nothing", kind)
		}
	}
}
