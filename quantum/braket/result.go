package braket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// Result is a verified histogram.
type Result struct {
	// Shots and Qubits are those of the task.
	Shots, Qubits int

	// Probabilities are the shares of the outcomes that occurred, qubit 0 first: "011". They sum to 1 within 1e-6.
	Probabilities map[string]float64

	// Counts are the shots by outcome and sum to Shots. nil with error mitigation: its averages are not counts.
	Counts map[string]int

	// SHA256 is the digest of results.json, lower-case hexadecimal; Raw the file itself.
	SHA256 string
	Raw    []byte
}

// Ones is the number of shots in which the qubit was 1; with error mitigation the mean share of 1 times shots, rounded.
func (r *Result) Ones(qubit int) int {
	if qubit < 0 || qubit >= r.Qubits {
		panic(fmt.Sprintf("braket: qubit %d of %d", qubit, r.Qubits))
	}
	if r.Counts == nil {
		return int(math.Floor(float64(r.share(qubit)*float64(r.Shots)) + 0.5))
	}
	n := 0
	for outcome, count := range r.Counts {
		if outcome[qubit] == '1' {
			n += count
		}
	}
	return n
}

// share sums in a fixed order, so that the same histogram gives the same bits.
func (r *Result) share(qubit int) float64 {
	sum := 0.0
	for _, outcome := range sorted(r.Probabilities) {
		if outcome[qubit] == '1' {
			sum += r.Probabilities[outcome]
		}
	}
	return min(sum, 1)
}

// ResultError is a result that is not that of the task, or not one at all.
type ResultError struct {
	// Field is where in results.json, Reason what is wrong.
	Field, Reason string
}

// Error says that the result is not used.
func (e *ResultError) Error() string {
	return fmt.Sprintf("results.json: %s: %s; the result is not used", e.Field, e.Reason)
}

// Result fetches the task's result object and verifies it against the task: a *[ResultError] if it fails, ErrNotFound if the
// object is missing.
func (c *Client) Result(ctx context.Context, t Task) (*Result, error) {
	a, err := c.exchange(ctx, call{"GetObject", "s3", "GET", c.objectEndpoint() + "/" + c.Prefix + "/" + t.id() + "/results.json", nil})
	if err != nil {
		return nil, fmt.Errorf("fetching the result of task %s: %w", t.ARN, err)
	}
	return Verify(a.body, t)
}

// gateModelResult is braket.task_result.gate_model_task_result version 1. Sharpened probabilities
// (additionalMetadata.ionqMetadata) are not in it on purpose: they are a plurality vote, not an average.
type gateModelResult struct {
	Header        header             `json:"braketSchemaHeader"`
	Measurements  [][]int            `json:"measurements"`
	Probabilities map[string]float64 `json:"measurementProbabilities"`
	Measured      []int              `json:"measuredQubits"`
	Task          struct {
		ID     string `json:"id"`
		Shots  int    `json:"shots"`
		Device string `json:"deviceId"`
	} `json:"taskMetadata"`
	Additional struct {
		Action struct {
			Source string `json:"source"`
		} `json:"action"`
	} `json:"additionalMetadata"`
}

// Verify reads a results.json and accepts it only as the result of this task: schema, ARN, device, shots, the digest of the
// source inside, exactly one of measurements and measurementProbabilities, every qubit measured, and a histogram
// that the shots can give. The order of bits is that of measuredQubits, which may be any. Every error is a *[ResultError].
func Verify(raw []byte, t Task) (*Result, error) {
	var g gateModelResult
	if err := json.Unmarshal(raw, &g); err != nil {
		return nil, &ResultError{"the file", err.Error()}
	}
	source := sha256.Sum256([]byte(g.Additional.Action.Source))
	for _, f := range []struct{ name, got, want string }{
		{"braketSchemaHeader", g.Header.Name + " " + g.Header.Version, "braket.task_result.gate_model_task_result 1"},
		{"taskMetadata.id", g.Task.ID, t.ARN},
		{"taskMetadata.deviceId", g.Task.Device, t.DeviceARN},
		{"taskMetadata.shots", fmt.Sprint(g.Task.Shots), fmt.Sprint(t.Shots)},
		{"additionalMetadata.action.source", "SHA-256 " + hex.EncodeToString(source[:]), "SHA-256 " + t.SourceSHA256},
	} {
		if f.got != f.want {
			return nil, &ResultError{f.name, fmt.Sprintf("is %q, must be %q", f.got, f.want)}
		}
	}
	if fault := permutation(g.Measured, t.Qubits); fault != "" {
		return nil, &ResultError{"measuredQubits", fault}
	}
	digest := sha256.Sum256(raw)
	r := &Result{Shots: t.Shots, Qubits: t.Qubits, SHA256: hex.EncodeToString(digest[:]), Raw: raw}
	var err error
	switch hasRows, hasShares := len(g.Measurements) > 0, len(g.Probabilities) > 0; {
	case hasRows == hasShares:
		err = &ResultError{"measurements, measurementProbabilities", "exactly one of them must be there"}
	case hasRows:
		err = r.count(g.Measurements, g.Measured)
	default:
		err = r.histogram(g.Probabilities, g.Measured, t.Mitigation != "")
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// permutation is why the list is not each of 0 ... n-1 once, or "".
func permutation(list []int, n int) string {
	seen := make([]bool, n)
	for _, q := range list {
		if q < 0 || q >= n || seen[q] {
			return fmt.Sprintf("%v: must be each of 0 to %d once", list, n-1)
		}
		seen[q] = true
	}
	if len(list) != n {
		return fmt.Sprintf("%v: must be each of 0 to %d once", list, n-1)
	}
	return ""
}

// count reads one row of bits for each shot.
func (r *Result) count(rows [][]int, measured []int) error {
	if len(rows) != r.Shots {
		return &ResultError{"measurements", fmt.Sprintf("%d rows for %d shots", len(rows), r.Shots)}
	}
	r.Counts = map[string]int{}
	outcome := make([]byte, r.Qubits)
	for i, row := range rows {
		if len(row) != r.Qubits {
			return &ResultError{"measurements", fmt.Sprintf("row %d has %d bits for %d qubits", i, len(row), r.Qubits)}
		}
		for j, bit := range row {
			if bit != 0 && bit != 1 {
				return &ResultError{"measurements", fmt.Sprintf("row %d holds %d: must be 0 or 1", i, bit)}
			}
			outcome[measured[j]] = '0' + byte(bit)
		}
		r.Counts[string(outcome)]++
	}
	r.Probabilities = map[string]float64{}
	for o, n := range r.Counts {
		r.Probabilities[o] = float64(n) / float64(r.Shots)
	}
	return nil
}

const sumTolerance = 1e-6

// histogram reads shares by outcome, the first character being measured[0].
func (r *Result) histogram(shares map[string]float64, measured []int, mitigated bool) error {
	field := "measurementProbabilities"
	r.Probabilities, r.Counts = map[string]float64{}, map[string]int{}
	sum, total := 0.0, 0
	for _, text := range sorted(shares) {
		p := shares[text]
		if len(text) != r.Qubits || strings.Trim(text, "01") != "" {
			return &ResultError{field, fmt.Sprintf("outcome %q: must be %d characters 0 or 1", text, r.Qubits)}
		}
		if !(p >= 0 && p <= 1+sumTolerance) {
			return &ResultError{field, fmt.Sprintf("share %v of %s: must lie in 0 to 1", p, text)}
		}
		outcome := make([]byte, r.Qubits)
		for j := range outcome {
			outcome[measured[j]] = text[j]
		}
		shots := float64(p * float64(r.Shots))
		n := math.Floor(shots + 0.5)
		if !mitigated && math.Abs(shots-n) > 0.5/math.Sqrt(float64(r.Shots)) {
			return &ResultError{field, fmt.Sprintf("share %v of %s: is no whole number of %d shots", p, text, r.Shots)}
		}
		sum, total = sum+p, total+int(n)
		r.Probabilities[string(outcome)] = p
		if n > 0 {
			r.Counts[string(outcome)] = int(n)
		}
	}
	switch {
	case math.Abs(sum-1) > sumTolerance:
		return &ResultError{field, fmt.Sprintf("the shares sum to %v, not to 1", sum)}
	case mitigated:
		r.Counts = nil
	case total != r.Shots:
		return &ResultError{field, fmt.Sprintf("the shares are %d shots together, not %d", total, r.Shots)}
	}
	return nil
}
