package quantumjob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/durablefile"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/circuit"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/quantum/estimate"
	"github.com/qrsrisk/qrsd/quantum/simulator"
)

// Report is the estimate of an answered job: the file quantum-<id>.json beside the run's results. It is no part of the reported risk: no
// table and no figure of the run reads it.
type Report struct {
	Format    int    `json:"format"` // 1
	Backend   string `json:"backend"`
	Device    string `json:"device"`    // ARN
	Simulated bool   `json:"simulated"` // by a simulator of the provider's
	Job       string `json:"job"`
	Run       string `json:"run"`
	Question  string `json:"question"`
	Text      string `json:"text"`
	Unit      string `json:"unit,omitempty"`

	// Exact is the answer of the discretised problem, by summing its bins: what the estimate is held against.
	Exact    float64   `json:"exact"`
	Estimate *Estimate `json:"estimate"` // null where the counts do not allow one
	// NoEstimate is why there is none.
	NoEstimate string        `json:"no_estimate,omitempty"`
	Noise      *estimate.Fit `json:"noise,omitempty"` // in the frame of what was sent

	LossQubits int `json:"loss_qubits"`
	Shots      int `json:"shots"` // of all circuits, calibration twins included
	// Queries are applications of A in the circuits of the question itself; AllQueries those in calibration twins as well.
	Queries    int    `json:"queries"`
	AllQueries int    `json:"queries_with_calibration"`
	QuoteUSD   string `json:"quote_usd"` // what was agreed to, for tasks that ended without a result as well; the provider's bill decides

	Tasks              []string `json:"tasks"`      // ARNs
	Provenance         string   `json:"provenance"` // who says so
	CapabilitiesSHA256 string   `json:"device_capabilities_sha256"`
	WhatLeft           string   `json:"what_left"`
	Note               string   `json:"note"`
}

// Estimate is an estimate in the question's unit.
type Estimate struct {
	Value      float64             `json:"value"`
	Intervals  []estimate.Interval `json:"intervals"` // several where the counts fit separate ranges
	Confidence float64             `json:"confidence"`
	Amplitude  float64             `json:"amplitude"`
}

// ReportNote is said with every report.
const ReportNote = "A check on a method, not a source of information about risk: the circuit was computed from the distribution whose figure it estimates. Not part of the reported risk."

// finish makes the report of a complete job, writes it beside the run, and keeps the job as answered. The commit point is the keeping: a
// crash before it leaves a report that the next attempt writes again.
func (j *Jobs) finish(ctx context.Context, k *Kept) (*Report, error) {
	report, err := k.Answers()
	if err != nil {
		return nil, err
	}
	file := ""
	if k.Folder != "" {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("writing the report: %w", err)
		}
		file = filepath.Join(k.Folder, "quantum-"+k.ID[:8]+".json")
		if err := durablefile.Write(file, append(text, '\n'), 0o644); err != nil {
			return nil, fmt.Errorf("writing the report beside the run: %w", err)
		}
	}
	return report, j.change(ctx, k, func(k *Kept) { k.Stage, k.Report = Answered, file })
}

// Answers is the report of a complete job, from its counts.
func (k *Kept) Answers() (*Report, error) {
	outcomes := make([]circuit.Outcome, len(k.Circuits))
	for i, c := range k.Circuits {
		outcomes[i] = circuit.Outcome{Shots: c.Shots, Ones: *c.Ones}
	}
	r := &Report{
		Format: 1, Backend: "braket", Device: k.Device, Simulated: !braket.Hardware(k.Device), Job: k.ID, Run: k.Run, Question: k.Question,
		Text: k.Text, Unit: k.Unit, Exact: k.Exact * k.Scale, LossQubits: k.Qubits, Shots: k.Shots(),
		WhatLeft: egress.Meaning, Note: ReportNote,
	}
	r.provenance(k)
	result, fit, err := k.estimate(outcomes)
	var inconsistent *estimate.InconsistentError
	switch {
	case errors.As(err, &inconsistent):
		r.NoEstimate, r.Noise = err.Error(), &inconsistent.Fit
	case err != nil:
		return nil, err
	default:
		r.Noise, r.Queries, r.AllQueries = fit, result.OwnQueries, result.Queries
		r.Estimate, r.NoEstimate = k.bring(result)
	}
	return r, nil
}

// provenance says who reported the tasks.
func (r *Report) provenance(k *Kept) {
	if a := k.Answer; a != nil {
		r.Tasks, r.CapabilitiesSHA256, r.QuoteUSD = a.ARNs, a.CapabilitiesSHA256, a.PriceUSD
		r.Provenance = "ARN as reported by relay " + a.Relay
		return
	}
	for _, c := range k.Circuits {
		r.Tasks = append(r.Tasks, c.Task.ARN)
		r.CapabilitiesSHA256 = c.Task.CapabilitiesSHA256
	}
	r.QuoteUSD = k.Quoted().String()
	r.Provenance = "ARN as answered by the provider to this host"
}

// estimate is the noise-aware estimate of the amplitude as sent.
func (k *Kept) estimate(outcomes []circuit.Outcome) (*estimate.Result, *estimate.Fit, error) {
	observations, err := k.Secret.Observations(outcomes)
	if err != nil {
		return nil, nil, err
	}
	return estimate.NoiseAware(observations, estimate.LikelihoodOptions{})
}

// bring undoes the mix and the scale. Where the mix is undone a range can reach out of what an amplitude can be; it is
// cut there, and if nothing is left the counts speak of no amplitude at all.
func (k *Kept) bring(result *estimate.Result) (*Estimate, string) {
	e := &Estimate{Confidence: result.Confidence, Amplitude: min(max(k.Secret.Amplitude(result.Amplitude), 0), 1)}
	e.Value = e.Amplitude * k.Scale
	for _, i := range result.Intervals {
		low, high := k.Secret.Interval(i.Low, i.High)
		if low > 1 || high < 0 {
			continue
		}
		e.Intervals = append(e.Intervals, estimate.Interval{Low: max(low, 0) * k.Scale, High: min(high, 1) * k.Scale})
	}
	if len(e.Intervals) == 0 {
		return nil, "the counts fit no amplitude between 0 and 1 once the mix is undone; no estimate"
	}
	return e, ""
}

// Rehearse runs the job's circuits on the exact simulator, here, and is the estimate that noiseless hardware would give with average luck: its
// interval is the least that the shots can buy. It refuses a schedule whose counts would allow no estimate, before
// anything is paid.
func (k *Kept) Rehearse(ctx context.Context) (*Estimate, error) {
	outcomes := make([]circuit.Outcome, len(k.Circuits))
	for i, c := range k.Circuits {
		program, err := circuit.Parse(c.Source)
		if err != nil {
			return nil, err
		}
		state, err := simulator.Run(ctx, program, simulator.Options{})
		if err != nil {
			return nil, err
		}
		outcomes[i] = circuit.Outcome{Shots: c.Shots, Ones: int(math.Round(state.Probability(program.Qubits-1) * float64(c.Shots)))}
	}
	result, _, err := k.estimate(outcomes)
	if err != nil {
		return nil, fmt.Errorf("this schedule would give no estimate: %w", err)
	}
	e, _ := k.bring(result)
	return e, nil
}
