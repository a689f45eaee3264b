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
	if report, err := s.Follow(t.Context(), again, true, nil); err != nil || report == nil {
		t.Fatalf("%v, %v", report, err)
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

// TestSameBytesWhateverTheCurrency is the guarantee that currency, scale, names and ids cannot change a byte of what leaves: the same randomness, and
// a run whose every name and amount is another.
func TestSameBytesWhateverTheCurrency(t *testing.T) {
	s := open(t, brakettest.Options{})
	for _, kind := range []string{"exceedance", "excess", "layer"} {
		s.Random = random(9)
		want := s.prepare(t, braket.SV1, "gross-aep/"+kind+"/10")
		for _, scale := range []float64{1.0 / 1024, 8, 1 << 40} {
			var scaled []float64
			for _, x := range losses(1) {
				scaled = append(scaled, x*scale)
			}
			other := *s
			other.run = quantumjob.ResultsFolder(t.TempDir())
			writeReport(t, other.run, newReport(t, "Überseeische Rückversicherung AG, Konto 4711", scaled))
			other.Random = random(9)
			got := other.prepare(t, braket.SV1, "-berseeische-r-ckversicherung-ag--konto-4711/"+kind+"/10")
			if !bytes.Equal(sources(got), sources(want)) {
				t.Fatalf("%s, scale %v: other bytes would leave", kind, scale)
			}
		}
		other := *s
		other.run = quantumjob.ResultsFolder(t.TempDir())
		writeRun(t, other.run, losses(2))
		other.Random = random(9)
		if bytes.Equal(sources(other.prepare(t, braket.SV1, "gross-aep/"+kind+"/10")), sources(want)) {
			t.Fatalf("%s: other losses give the same bytes: the test compares nothing", kind)
		}
	}
}
