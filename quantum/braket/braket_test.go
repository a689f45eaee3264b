package braket_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/braket/brakettest"
)

// TestLifeOfATask goes from the device to the verified result, on hardware and on both simulators.
func TestLifeOfATask(t *testing.T) {
	for _, arn := range braket.Devices() {
		t.Run(arn[strings.LastIndexByte(arn, '/')+1:], func(t *testing.T) {
			s := open(t, brakettest.Options{SessionToken: "temporary"})
			o, kept := s.order(t, arn)
			task, err := s.Submit(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if len(*kept) != 1 || (*kept)[0] != task || task.CapabilitiesSHA256 != o.Device.SHA256 {
				t.Fatalf("kept %v, got %v", *kept, task)
			}
			var states []string
			state, err := s.Wait(t.Context(), task, func(s braket.State) { states = append(states, string(s.Status)+s.Queue) })
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(states, " "); got != "CREATED2 QUEUED1 RUNNINGNone COMPLETEDNone" {
				t.Errorf("states: %s", got)
			}
			if state.Successful != 500 || len(state.Raw) == 0 {
				t.Errorf("state: %+v", state)
			}
			result, err := s.Result(t.Context(), task)
			if err != nil {
				t.Fatal(err)
			}
			checkObjective(t, result)
			total := 0
			for _, n := range result.Counts {
				total += n
			}
			if total != 500 {
				t.Errorf("%d counts", total)
			}
		})
	}
}

// checkObjective wants the last qubit at 1 as often as amplitude 0.3 under power 1 says, within five standard deviations.
func checkObjective(t *testing.T, r *braket.Result) {
	t.Helper()
	p := math.Pow(math.Sin(3*math.Asin(math.Sqrt(0.3))), 2)
	n := float64(r.Shots)
	if got := float64(r.Ones(2)); math.Abs(got-n*p) > 5*math.Sqrt(n*p*(1-p)) {
		t.Errorf("%v of %v shots, want about %v", got, n, n*p)
	}
}

// TestOrderOfBits: the service's words for outcomes are qubit 0 first, whatever measuredQubits says.
func TestOrderOfBits(t *testing.T) {
	const text = "OPENQASM 3.0;\nbit[3] b;\nqubit[3] q;\nx q[0];\ncnot q[0], q[2];\nz q[1];\nb[0] = measure q[0];\nb[1] = measure q[1];\nb[2] = measure q[2];\n"
	for _, arn := range []string{braket.Forte1, braket.SV1} {
		s := open(t, brakettest.Options{})
		o, _ := s.order(t, arn)
		o.Program = braket.Program{Source: text, Shots: 7}
		if arn == braket.Forte1 {
			s.server.Plan(brakettest.Plan{Alter: func(r map[string]any) {
				r["measuredQubits"] = []int{2, 1, 0}
				r["measurementProbabilities"] = map[string]float64{"101": 6. / 7, "100": 1. / 7} // qubit 2 first: only it is 1 in the last
			}})
		}
		task, err := s.Submit(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Wait(t.Context(), task, nil); err != nil {
			t.Fatal(err)
		}
		r, err := s.Result(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		want := []int{7, 0, 7}
		if arn == braket.Forte1 {
			want = []int{6, 0, 7}
		}
		if got := []int{r.Ones(0), r.Ones(1), r.Ones(2)}; !slices.Equal(got, want) {
			t.Errorf("%s: ones %v, want %v", arn, got, want)
		}
	}
}

func TestDeviceIsReadAtRunTime(t *testing.T) {
	s := open(t, brakettest.Options{})
	d := s.device(t, braket.Forte1)
	if d.Qubits != 36 || d.MinShots != 1 || d.MaxShots != 5000 || d.Price != 80_000 || d.PriceUnit != "shot" || d.Poll != 30*time.Second ||
		!d.AllMeasured || !d.Contiguous || d.MinMitigatedShots[braket.Debias] != 2500 || !slices.Contains(d.Gates, "cnot") ||
		!slices.Contains(d.NativeGates, "ZZ") || d.Status != "ONLINE" || d.Queue != "0" || len(d.Windows) != 1 || d.Windows[0].Day != "Everyday" {
		t.Errorf("%+v", d)
	}
	digest := sha256.Sum256([]byte(d.Capabilities))
	if d.SHA256 != hex.EncodeToString(digest[:]) || !strings.Contains(d.Capabilities, "fidelity") {
		t.Error("the digest is not that of the capabilities")
	}
	if sv1 := s.device(t, braket.SV1); sv1.Poll != 0 || sv1.PriceUnit != "minute" || sv1.Price != 75_000 {
		t.Errorf("%+v", sv1)
	}
}

func TestRetiredDevicesAreRefusedByName(t *testing.T) {
	s := open(t, brakettest.Options{})
	for arn, name := range map[string]string{
		"arn:aws:braket:us-east-1::device/qpu/ionq/Aria-1":      "IonQ Aria 1",
		"arn:aws:braket:us-east-1::device/qpu/ionq/Harmony":     "IonQ Harmony",
		"arn:aws:braket:::device/quantum-simulator/amazon/tn1":  "TN1",
		"arn:aws:braket:us-west-1::device/qpu/rigetti/Ankaa-3":  "must be one of",
		"arn:aws:braket:us-east-1::device/qpu/ionq/Forte-1/../": "must be one of",
	} {
		_, err := s.Device(t.Context(), arn)
		wantError(t, err, nil, name)
		if retired := errors.Is(err, braket.ErrRetired); retired != !strings.Contains(name, "must") {
			t.Errorf("%s: %v", arn, err)
		}
	}
	if n := s.server.Received("GetDevice"); n != 0 {
		t.Errorf("%d requests left", n)
	}
	s.Region = "eu-west-2"
	_, err := s.Device(t.Context(), braket.Forte1)
	wantError(t, err, nil, "region us-east-1")
}

func TestDeviceStatus(t *testing.T) {
	for status, kind := range map[string]error{"OFFLINE": braket.ErrOffline, "RETIRED": braket.ErrRetired} {
		s := open(t, brakettest.Options{})
		o, kept := s.order(t, braket.Forte1)
		s.server.SetStatus(braket.Forte1, status)
		// The status has changed since it was read: the service says so.
		_, err := s.Submit(t.Context(), o)
		wantError(t, err, kind, "CreateQuantumTask", braket.Forte1)
		var e *braket.Error
		if !errors.As(err, &e) || e.Status != map[string]int{"OFFLINE": 424, "RETIRED": 410}[status] {
			t.Errorf("%+v", err)
		}
		// Read again, nothing is sent.
		o.Device = s.device(t, braket.Forte1)
		_, err = s.Submit(t.Context(), o)
		wantError(t, err, kind)
		if n := s.server.Received("CreateQuantumTask"); n != 1 || len(*kept) != 0 || len(s.clock.pauses) != 0 {
			t.Errorf("%d requests, %d tasks kept, pauses %v: final refusals are not repeated", n, len(*kept), s.clock.pauses)
		}
	}
}

func TestPreflight(t *testing.T) {
	s := open(t, brakettest.Options{})
	good := braket.Program{Source: source(t, 1), Shots: 500}
	for name, c := range map[string]struct {
		device  string
		change  func(*braket.Device, *braket.Program)
		problem string
	}{
		"good":              {braket.Forte1, func(*braket.Device, *braket.Program) {}, ""},
		"good, debiased":    {braket.Forte1, func(_ *braket.Device, p *braket.Program) { p.Shots, p.Mitigation = 2500, braket.Debias }, ""},
		"comment":           {braket.Forte1, func(_ *braket.Device, p *braket.Program) { p.Source += "// me" }, "must not leave"},
		"gate":              {braket.Forte1, func(d *braket.Device, _ *braket.Program) { d.Gates = []string{"ry", "x", "z", "cnot"} }, "gate rz"},
		"qubits":            {braket.Forte1, func(d *braket.Device, _ *braket.Program) { d.Qubits = 2 }, "qubits 3: it has 2"},
		"few shots":         {braket.Forte1, func(_ *braket.Device, p *braket.Program) { p.Shots = 0 }, "shots 0"},
		"many shots":        {braket.Forte1, func(_ *braket.Device, p *braket.Program) { p.Shots = 5001 }, "shots 5001"},
		"gate-shots":        {braket.Forte1, func(_ *braket.Device, p *braket.Program) { p.Source, p.Shots = source(t, 5), 4500 }, "gate-shots"},
		"no limit there":    {braket.SV1, func(_ *braket.Device, p *braket.Program) { p.Source, p.Shots = source(t, 5), 4500 }, ""},
		"few for debias":    {braket.Forte1, func(_ *braket.Device, p *braket.Program) { p.Mitigation = braket.Debias }, "at least 2500"},
		"debias on SV1":     {braket.SV1, func(_ *braket.Device, p *braket.Program) { p.Shots, p.Mitigation = 2500, braket.Debias }, "not offered"},
		"another technique": {braket.Forte1, func(_ *braket.Device, p *braket.Program) { p.Shots, p.Mitigation = 2500, "x" }, "not offered"},
		"idle qubit": {braket.Forte1, func(_ *braket.Device, p *braket.Program) {
			p.Source = "OPENQASM 3.0;\nbit[2] b;\nqubit[2] q;\nx q[1];\nb[0] = measure q[0];\nb[1] = measure q[1];\n"
		}, "qubit 0"},
		"offline": {braket.Forte1, func(d *braket.Device, _ *braket.Program) { d.Status = "OFFLINE" }, "OFFLINE"},
	} {
		t.Run(name, func(t *testing.T) {
			d, p := *s.device(t, c.device), good
			c.change(&d, &p)
			err := d.Preflight(p)
			if c.problem == "" && err != nil {
				t.Fatal(err)
			}
			if c.problem != "" {
				wantError(t, err, nil, c.problem)
			}
		})
	}
}

func TestQuote(t *testing.T) {
	s := open(t, brakettest.Options{})
	d := s.device(t, braket.Forte1)
	p := braket.Program{Source: source(t, 0), Shots: 500}
	q, err := d.Quote(p, p, p)
	if err != nil || q.Total.String() != "120.90" || q.Tasks != 3 || q.Shots != 1500 || q.CapabilitiesSHA256 != d.SHA256 {
		t.Errorf("three tasks of 500 shots: %+v, %v", q, err)
	}
	p.Shots = 2500
	if q, _ = d.Quote(p, p, p); q.Total.String() != "600.90" {
		t.Errorf("three debiased tasks: %v", q.Total)
	}
	if q, _ = s.device(t, braket.SV1).Quote(p, p); q.Total.String() != "0.15" || q.TaskFee != 0 {
		t.Errorf("two on SV1: %+v", q)
	}
	d.PriceUnit = "hour"
	_, err = d.Quote(p)
	wantError(t, err, nil, "hour")
	for text, want := range map[string]string{"0.08": "0.08", "3": "3.00", "0.0000001": "0.000001", "1e-2": "0.01", "0": "0.00"} {
		if u, err := braket.ParseUSD(text); err != nil || u.String() != want {
			t.Errorf("%s: %v, %v", text, u, err)
		}
	}
	for _, text := range []string{"", "-1", "1/3", "NaN", "1e30", "x"} {
		if u, err := braket.ParseUSD(text); err == nil {
			t.Errorf("%q gives %v", text, u)
		}
	}
}

// TestPreview: what was shown is what leaves, but for the signature.
func TestPreview(t *testing.T) {
	s := open(t, brakettest.Options{})
	o, _ := s.order(t, braket.Forte1)
	shown, quote, err := s.Preview(o)
	if err != nil || quote.Total.String() != "40.30" {
		t.Fatalf("%v, %v", quote, err)
	}
	if s.server.Received("CreateQuantumTask") != 0 {
		t.Error("a preview sends nothing")
	}
	if _, err := s.Submit(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	left := regexp.MustCompile(`(?m)^(Authorization|X-Amz-Date): .*\r\n`).ReplaceAllString(s.journal.sent()[1], "")
	if left != string(shown) {
		t.Errorf("shown:\n%s\nleft:\n%s", shown, left)
	}
	o.Program.Source += "// x"
	if _, _, err := s.Preview(o); err == nil {
		t.Error("what must not leave is not shown either")
	}
}

func TestMoneyIsNotSpentWithoutLeave(t *testing.T) {
	s := open(t, brakettest.Options{})
	o, _ := s.order(t, braket.Forte1)
	const price = 40_300_000 // 0.30 + 500 x 0.08
	for _, c := range []struct {
		confirmed, budget braket.USD
		words             string
	}{
		{0, 1 << 40, "confirmed"}, {price - 1, 1 << 40, "confirmed"}, {price, price - 1, "budget"}, {price, 0, "budget"}, {price, price, ""},
	} {
		o.Confirmed, o.Budget = c.confirmed, c.budget
		_, err := s.Submit(t.Context(), o)
		var p *braket.PriceError
		switch {
		case c.words == "" && err != nil:
			t.Errorf("%+v: %v", c, err)
		case c.words != "":
			wantError(t, err, nil, c.words, "40.30")
			if !errors.As(err, &p) || p.Quote != price {
				t.Errorf("%+v: %v", c, err)
			}
		}
	}
	if n := s.server.Received("CreateQuantumTask"); n != 1 {
		t.Errorf("%d tasks were asked for", n)
	}
}
