package egress_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum/circuit"
	"github.com/qrsrisk/qrsd/quantum/egress"
)

// drawTable is a table of 2^n bins, some of them empty, some payoffs 0 or 1.
func drawTable(t *rapid.T, n int) circuit.Table {
	table := circuit.Table{P: make([]float64, 1<<n), F: make([]float64, 1<<n)}
	total := 0.0
	for i := range table.P {
		table.P[i] = float64(rapid.IntRange(0, 1000).Draw(t, "weight"))
		table.F[i] = float64(rapid.IntRange(0, 8).Draw(t, "payoff")) / 8
		total += table.P[i]
	}
	if total == 0 {
		table.P[0], total = 1, 1
	}
	for i := range table.P {
		table.P[i] /= total
	}
	return table
}

// seed is 32 bytes of a key's draws.
func seed(k uint64) io.Reader {
	b := make([]byte, 32)
	for i := range b {
		b[i] = byte(rng.New(k).Uint64(uint64(i)))
	}
	return bytes.NewReader(b)
}

func schedule(n int) egress.Schedule {
	return egress.Schedule{Qubits: n, Powers: []int{0, 1, 2}, Shots: 500, Twins: 1}
}

// tail is a loss distribution with its exceedance: bins of falling probability, the last few pay.
func tail(n, pay int) circuit.Table {
	table := circuit.Table{P: make([]float64, 1<<n), F: make([]float64, 1<<n)}
	total := 0.0
	for i := range table.P {
		table.P[i] = 1 / float64(1+i)
		total += table.P[i]
		if i >= 1<<n-pay {
			table.F[i] = 1
		}
	}
	for i := range table.P {
		table.P[i] /= total
	}
	return table
}

// sent reads table and power back out of a source: what anyone can who holds it.
func sent(t testing.TB, c egress.Circuit) circuit.Table {
	t.Helper()
	program, err := circuit.Parse(c.Source)
	if err != nil {
		t.Fatal(err)
	}
	n := c.Qubits - 1
	state := make([]float64, 1<<c.Qubits)
	state[0] = 1
	for _, g := range program.Gates[:1<<(n+2)-3] {
		apply(t, state, c.Qubits, g)
	}
	table := circuit.Table{P: make([]float64, 1<<n), F: make([]float64, 1<<n)}
	for i := range table.P {
		p0, p1 := state[2*i]*state[2*i], state[2*i+1]*state[2*i+1]
		table.P[i] = p0 + p1
		if table.P[i] > 0 {
			table.F[i] = p1 / table.P[i]
		}
	}
	return table
}

// apply is one gate of A on a real state; qubit 0 is the highest bit of the index.
func apply(t testing.TB, state []float64, qubits int, g circuit.Gate) {
	mask := func(q int) int { return 1 << (qubits - 1 - q) }
	for i := range state {
		if i&mask(g.Target) != 0 {
			continue
		}
		j := i | mask(g.Target)
		switch g.Kind {
		case circuit.RY:
			c, s := math.Cos(g.Angle/2), math.Sin(g.Angle/2)
			state[i], state[j] = c*state[i]-s*state[j], s*state[i]+c*state[j]
		case circuit.CNOT:
			if i&mask(g.Control) != 0 {
				state[i], state[j] = state[j], state[i]
			}
		default:
			t.Fatalf("a %v in A", g.Kind)
		}
	}
}

// TestJob looks at a job from outside and from home.
func TestJob(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(r, "n")
		table := drawTable(r, n+rapid.IntRange(0, 3).Draw(r, "finer"))
		plan := egress.Schedule{Qubits: n, Powers: []int{0, 2}, Shots: rapid.IntRange(1, 3000).Draw(r, "shots"), Twins: rapid.IntRange(0, 2).Draw(r, "twins")}
		job, secret, err := egress.Prepare(table, plan, seed(rapid.Uint64().Draw(r, "seed")))
		if err != nil {
			r.Fatal(err)
		}
		if len(job.Circuits) != 2*(1+plan.Twins) {
			r.Fatalf("%d circuits", len(job.Circuits))
		}
		outcomes := make([]circuit.Outcome, len(job.Circuits))
		for i, c := range job.Circuits {
			if _, err := egress.Check(c.Source); err != nil {
				r.Fatal(err)
			}
			outcomes[i] = circuit.Outcome{Shots: c.Shots, Ones: i % (c.Shots + 1)}
		}
		observations, err := secret.Observations(outcomes)
		if err != nil {
			r.Fatal(err)
		}
		want := secret.Sent(table.Amplitude())
		own := 0
		for i, c := range job.Circuits {
			if observations[i].Power != c.Power || observations[i].Ones != outcomes[i].Ones || observations[i].Shots != plan.Shots {
				r.Fatalf("circuit %d: %+v for power %d, %+v", i, observations[i], c.Power, outcomes[i])
			}
			got := sent(t, c).Amplitude()
			if observations[i].Twin != nil {
				if math.Abs(got-*observations[i].Twin) > 1e-4 {
					r.Fatalf("twin %d: amplitude %v, home says %v", i, got, *observations[i].Twin)
				}
				continue
			}
			own++
			if math.Abs(got-want) > 1e-4 {
				r.Fatalf("circuit %d: amplitude %v, want %v", i, got, want)
			}
		}
		if own != 2 {
			r.Fatalf("%d circuits of the question, want one for each power", own)
		}
		if a := secret.Amplitude(want); math.Abs(a-table.Amplitude()) > 1e-12 {
			r.Fatalf("amplitude %v comes home as %v", table.Amplitude(), a)
		}
		low, high := secret.Interval(want-0.01, want+0.01)
		if wide := high - low; math.Abs(wide-0.02*secret.Widening()) > 1e-12 || !(low < table.Amplitude() && table.Amplitude() < high) {
			r.Fatalf("interval %v to %v about %v, widening %v", low, high, table.Amplitude(), secret.Widening())
		}
	})
}

// TestDisguise: the multiset of probabilities and, up to the mix, of payoffs is what can be read; order and scale are not.
func TestDisguise(t *testing.T) {
	table := tail(3, 2)
	orders, complements := map[string]bool{}, 0
	for k := range uint64(200) {
		job, secret, err := egress.Prepare(table, schedule(3), seed(k))
		if err != nil {
			t.Fatal(err)
		}
		observations, err := secret.Observations(zeroOutcomes(job))
		if err != nil {
			t.Fatal(err)
		}
		order := ""
		for i, c := range job.Circuits {
			seen := sent(t, c)
			order += fmt.Sprint(c.Power, observations[i].Twin != nil, " ")
			p := slices.Clone(seen.P)
			slices.Sort(p)
			for b := range p {
				if want := table.P[len(p)-1-b]; math.Abs(p[b]-want) > 5e-4 {
					t.Fatalf("seed %d: probabilities %v, want those of %v", k, p, table.P)
				}
			}
			low, high := slices.Min(seen.F), slices.Max(seen.F)
			if spread := high - low; spread < 0.5-1e-3 || spread > 0.9+1e-3 {
				t.Fatalf("seed %d: payoffs from %v to %v; the slope is within 0.5 and 0.9", k, low, high)
			}
		}
		orders[order] = true
		if secret.Sent(1) < secret.Sent(0) {
			complements++
		}
	}
	if len(orders) < 80 {
		t.Errorf("%d orders of the circuits among 200 jobs; they should be shuffled", len(orders))
	}
	if complements < 70 || complements > 130 {
		t.Errorf("%d complements among 200 jobs; they should be half", complements)
	}
}

func zeroOutcomes(job *egress.Job) []circuit.Outcome {
	outcomes := make([]circuit.Outcome, len(job.Circuits))
	for i, c := range job.Circuits {
		outcomes[i].Shots = c.Shots
	}
	return outcomes
}

// TestRelabelled: every bin comes to lie everywhere, about equally often.
func TestRelabelled(t *testing.T) {
	table := tail(2, 1)
	at := [4]int{}
	for k := range uint64(400) {
		job, secret, err := egress.Prepare(table, egress.Schedule{Qubits: 2, Powers: []int{0}, Shots: 1}, seed(k))
		if err != nil {
			t.Fatal(err)
		}
		_ = secret
		p := sent(t, job.Circuits[0]).P
		at[slices.Index(p, slices.Max(p))]++
	}
	for _, count := range at {
		if count < 65 || count > 135 { // 100 ± 4 standard deviations
			t.Fatalf("the largest bin lies at %v of 400", at)
		}
	}
}

// TestSameBytes: what leaves is a function of table, schedule and randomness.
func TestSameBytes(t *testing.T) {
	table := tail(6, 9)
	one, secret, err := egress.Prepare(table, schedule(3), seed(7))
	if err != nil {
		t.Fatal(err)
	}
	two, _, _ := egress.Prepare(table, schedule(3), seed(7))
	if !slices.Equal(one.Circuits, two.Circuits) {
		t.Fatal("the same seed gives another job")
	}
	other, _, _ := egress.Prepare(table, schedule(3), seed(8))
	for i := range one.Circuits {
		if one.Circuits[i].Source == other.Circuits[i].Source {
			t.Fatal("another seed gives the same circuit")
		}
	}
	again, err := secret.Rebuild(table, schedule(3))
	if err != nil || !slices.Equal(one.Circuits, again.Circuits) {
		t.Fatalf("the kept secret does not rebuild the job: %v", err)
	}
	changed := tail(6, 10)
	if again, err = secret.Rebuild(changed, schedule(3)); err != nil || slices.Equal(one.Circuits, again.Circuits) {
		t.Fatalf("another table rebuilds the same job: %v", err)
	}
}

// TestGolden pins the drawing: a secret kept by an older release must still rebuild its job. Do not change it to fix a build.
func TestGolden(t *testing.T) {
	job, _, err := egress.Prepare(tail(2, 1), egress.Schedule{Qubits: 2, Powers: []int{0, 1}, Shots: 100, Twins: 1}, seed(1))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range job.Circuits {
		got = append(got, fmt.Sprintf("%d %d %x", c.Power, c.Gates, c.SHA256[:6]))
	}
	if want := strings.Fields(golden); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("got %q", got)
	}
}

const golden = `0 13 45ee57c874d4  0 13 b9ae0938ce49  1 59 2c1a1b43711f  1 59 931f341963b7`

func TestRefusals(t *testing.T) {
	good := tail(3, 2)
	for want, c := range map[string]struct {
		table    circuit.Table
		schedule egress.Schedule
		random   io.Reader
	}{
		"loss qubits 0":      {good, egress.Schedule{Powers: []int{0}, Shots: 1}, nil},
		"loss qubits 9":      {good, egress.Schedule{Qubits: 9, Powers: []int{0}, Shots: 1}, nil},
		"2^3 bins":           {good, egress.Schedule{Qubits: 4, Powers: []int{0}, Shots: 1}, nil},
		"none given":         {good, egress.Schedule{Qubits: 3, Shots: 1}, nil},
		"powers [-1]":        {good, egress.Schedule{Qubits: 3, Powers: []int{-1}, Shots: 1}, nil},
		"powers [65]":        {good, egress.Schedule{Qubits: 3, Powers: []int{65}, Shots: 1}, nil},
		"rising":             {good, egress.Schedule{Qubits: 3, Powers: []int{0, 2, 2}, Shots: 1}, nil},
		"shots 100001":       {good, egress.Schedule{Qubits: 3, Powers: []int{0}, Shots: 100_001}, nil},
		"72 circuits":        {good, egress.Schedule{Qubits: 3, Powers: []int{0, 1, 2, 3, 4, 5, 6, 7}, Shots: 1, Twins: 8}, nil},
		"shots 0":            {good, egress.Schedule{Qubits: 3, Powers: []int{0}}, nil},
		"twins 9":            {good, egress.Schedule{Qubits: 3, Powers: []int{0}, Shots: 1, Twins: 9}, nil},
		"sum to":             {circuit.Table{P: []float64{1, 1}, F: []float64{0, 1}}, egress.Schedule{Qubits: 1, Powers: []int{0}, Shots: 1}, nil},
		"reading randomness": {good, schedule(3), strings.NewReader("thirty-one bytes are not enough")},
		"no entropy today":   {good, schedule(3), iotest.ErrReader(errors.New("no entropy today"))},
	} {
		if c.random == nil {
			c.random = seed(1)
		}
		if _, _, err := egress.Prepare(c.table, c.schedule, c.random); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

func TestOutcomesRefused(t *testing.T) {
	job, secret, err := egress.Prepare(tail(2, 1), egress.Schedule{Qubits: 2, Powers: []int{0, 1}, Shots: 100}, seed(1))
	if err != nil {
		t.Fatal(err)
	}
	for want, outcomes := range map[string][]circuit.Outcome{
		"1 outcomes came back for 2":    {{Shots: 100}},
		"99 shots came back, and 100":   {{Shots: 100}, {Shots: 99}},
		"101 ones in 100 shots":         {{Shots: 100, Ones: 101}, {Shots: 100}},
		"-1 ones in 100 shots":          {{Shots: 100, Ones: -1}, {Shots: 100}},
		"3 outcomes came back for 2 ci": append(zeroOutcomes(job), circuit.Outcome{Shots: 100}),
	} {
		if _, err := secret.Observations(outcomes); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

// TestSecretStaysSecret: no verb of fmt and no JSON shows it; the binary form comes back, and not from changed bytes.
func TestSecretStaysSecret(t *testing.T) {
	table := tail(3, 2)
	job, secret, err := egress.Prepare(table, schedule(3), seed(3))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, *secret); got != "egress.Secret(not shown)" {
			t.Errorf("%s of the value shows %s", verb, got)
		}
		if got := fmt.Sprintf(verb, secret); got != "egress.Secret(not shown)" {
			t.Errorf("%s shows %s", verb, got)
		}
	}
	if text, err := json.Marshal(struct{ S *egress.Secret }{secret}); err == nil {
		t.Errorf("as JSON: %s", text)
	}
	kept, err := secret.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var read egress.Secret
	if err := read.UnmarshalBinary(kept); err != nil {
		t.Fatal(err)
	}
	if read.Amplitude(0.3) != secret.Amplitude(0.3) {
		t.Error("the mix did not come back")
	}
	a, _ := secret.Observations(zeroOutcomes(job))
	b, err := read.Observations(zeroOutcomes(job))
	if err != nil || fmt.Sprint(len(a)) != fmt.Sprint(len(b)) {
		t.Fatalf("the circuits did not come back: %v", err)
	}
	for i := range a {
		if a[i].Power != b[i].Power || (a[i].Twin == nil) != (b[i].Twin == nil) || a[i].Twin != nil && *a[i].Twin != *b[i].Twin {
			t.Fatalf("circuit %d came back otherwise", i)
		}
	}
	if again, err := read.Rebuild(table, schedule(3)); err != nil || !slices.Equal(again.Circuits, job.Circuits) {
		t.Fatalf("the seed did not come back: %v", err)
	}
	for i, changed := range [][]byte{nil, kept[:len(kept)-1], kept[:40], append([]byte{2}, kept[1:]...), slices.Concat(kept, []byte{0}), flip(kept, 33), flip(kept, 58)} {
		if err := new(egress.Secret).UnmarshalBinary(changed); err == nil {
			t.Errorf("changed bytes %d were taken", i)
		}
	}
}

func flip(b []byte, i int) []byte {
	b = slices.Clone(b)
	b[i] ^= 0x40
	return b
}
