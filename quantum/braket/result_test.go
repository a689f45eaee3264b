package braket_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/braket/brakettest"
)

// finished is a task of four shots on Forte 1 with its result, whose histogram is 001: 1, 110: 3.
func finished(t testing.TB) (braket.Task, map[string]any) {
	t.Helper()
	task := braket.Task{ARN: "arn:aws:braket:us-east-1:111122223333:quantum-task/00000000-0000-0000-0000-000000000001", DeviceARN: braket.Forte1,
		SourceSHA256: "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", Qubits: 3, Shots: 4} // of "x"
	const text = `{"braketSchemaHeader":{"name":"braket.task_result.gate_model_task_result","version":"1"},
		"measurements":null,"measurementProbabilities":{"001":0.25,"110":0.75},"measuredQubits":[0,1,2],"resultTypes":null,
		"taskMetadata":{"id":"arn:aws:braket:us-east-1:111122223333:quantum-task/00000000-0000-0000-0000-000000000001","shots":4,
			"deviceId":"arn:aws:braket:us-east-1::device/qpu/ionq/Forte-1","status":"COMPLETED"},
		"additionalMetadata":{"action":{"source":"x"},"ionqMetadata":{"sharpenedProbabilities":{"110":1}}}}`
	var result map[string]any
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		t.Fatal(err)
	}
	return task, result
}

func TestVerify(t *testing.T) {
	part := func(r map[string]any, name string) map[string]any { return r[name].(map[string]any) }
	rows := func(r map[string]any, rows ...[]int) {
		r["measurements"], r["measurementProbabilities"] = rows, nil
	}
	shares := func(r map[string]any, shares map[string]float64) { r["measurementProbabilities"] = shares }
	for name, c := range map[string]struct {
		change func(r map[string]any)
		field  string
	}{
		"good": {func(map[string]any) {}, ""},
		"rows": {func(r map[string]any) { rows(r, []int{0, 0, 1}, []int{1, 1, 0}, []int{1, 1, 0}, []int{1, 1, 0}) }, ""},
		"rows in another order": {func(r map[string]any) {
			rows(r, []int{1, 0, 0}, []int{0, 1, 1}, []int{0, 1, 1}, []int{0, 1, 1})
			r["measuredQubits"] = []int{2, 1, 0}
		}, ""},
		"absent":             {func(r map[string]any) { delete(r, "measurements") }, ""},
		"schema":             {func(r map[string]any) { part(r, "braketSchemaHeader")["version"] = "2" }, "braketSchemaHeader"},
		"another task":       {func(r map[string]any) { part(r, "taskMetadata")["id"] = "x" }, "taskMetadata.id"},
		"another device":     {func(r map[string]any) { part(r, "taskMetadata")["deviceId"] = braket.SV1 }, "taskMetadata.deviceId"},
		"shots":              {func(r map[string]any) { part(r, "taskMetadata")["shots"] = 5 }, "taskMetadata.shots"},
		"another source":     {func(r map[string]any) { part(r, "additionalMetadata")["action"] = map[string]any{"source": "y"} }, "additionalMetadata.action.source"},
		"both":               {func(r map[string]any) { r["measurements"] = [][]int{{0, 0, 1}} }, "measurements, measurementProbabilities"},
		"neither":            {func(r map[string]any) { r["measurementProbabilities"] = nil }, "measurements, measurementProbabilities"},
		"sharpened only":     {func(r map[string]any) { delete(r, "measurementProbabilities") }, "measurements, measurementProbabilities"},
		"qubit left out":     {func(r map[string]any) { r["measuredQubits"] = []int{0, 1} }, "measuredQubits"},
		"qubit twice":        {func(r map[string]any) { r["measuredQubits"] = []int{0, 1, 1} }, "measuredQubits"},
		"qubit out of range": {func(r map[string]any) { r["measuredQubits"] = []int{0, 1, 3} }, "measuredQubits"},
		"row missing":        {func(r map[string]any) { rows(r, []int{0, 0, 1}) }, "measurements"},
		"row short":          {func(r map[string]any) { rows(r, []int{0, 0}, []int{0, 0, 0}, []int{0, 0, 0}, []int{0, 0, 0}) }, "measurements"},
		"bit 2":              {func(r map[string]any) { rows(r, []int{0, 0, 2}, []int{0, 0, 0}, []int{0, 0, 0}, []int{0, 0, 0}) }, "measurements"},
		"sum":                {func(r map[string]any) { shares(r, map[string]float64{"001": 0.25, "110": 0.75 + 2e-6}) }, "measurementProbabilities"},
		"sum within":         {func(r map[string]any) { shares(r, map[string]float64{"001": 0.25, "110": 0.75 + 5e-7}) }, ""},
		"negative":           {func(r map[string]any) { shares(r, map[string]float64{"001": -0.25, "110": 1.25}) }, "measurementProbabilities"},
		"short outcome":      {func(r map[string]any) { shares(r, map[string]float64{"01": 1}) }, "measurementProbabilities"},
		"odd outcome":        {func(r map[string]any) { shares(r, map[string]float64{"012": 1}) }, "measurementProbabilities"},
		"no whole shots":     {func(r map[string]any) { shares(r, map[string]float64{"001": 0.35, "110": 0.65}) }, "measurementProbabilities"},
		"too many shots": {func(r map[string]any) {
			shares(r, map[string]float64{"001": 0.1875, "110": 0.1875, "111": 0.1875, "010": 0.1875, "000": 0.25})
		}, "measurementProbabilities"},
	} {
		t.Run(name, func(t *testing.T) {
			task, result := finished(t)
			c.change(result)
			raw, err := json.Marshal(result)
			if err != nil {
				t.Fatal(err)
			}
			r, err := braket.Verify(raw, task)
			var e *braket.ResultError
			switch {
			case c.field != "" && (!errors.As(err, &e) || e.Field != c.field || !strings.Contains(err.Error(), "not used")):
				t.Errorf("got %v, want a fault of %s", err, c.field)
			case c.field != "":
			case err != nil:
				t.Error(err)
			case r.Ones(0) != 3 || r.Ones(1) != 3 || r.Ones(2) != 1 || r.Counts["110"] != 3 || r.Probabilities["001"] != 0.25 || r.Shots != 4:
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestResultOfAnotherTask: the object store may answer with anything; it is verified against the task.
func TestResultOfAnotherTask(t *testing.T) {
	s := open(t, brakettest.Options{})
	s.server.Plan(brakettest.Plan{Alter: func(r map[string]any) {
		action := r["additionalMetadata"].(map[string]any)["action"].(map[string]any)
		action["source"] = strings.Replace(action["source"].(string), "x q[0]", "x q[1]", 1)
	}})
	task := s.submit(t, braket.Forte1)
	if _, err := s.Wait(t.Context(), task, nil); err != nil {
		t.Fatal(err)
	}
	_, err := s.Result(t.Context(), task)
	wantError(t, err, nil, "additionalMetadata.action.source")
}

func FuzzVerify(f *testing.F) {
	task, result := finished(f)
	raw, err := json.Marshal(result)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw, false)
	f.Add([]byte(strings.Replace(string(raw), "null", "[[0,0,1],[1,1,1],[0,0,0],[1,0,0]]", 1)), true)
	f.Fuzz(func(t *testing.T, raw []byte, mitigated bool) {
		task := task
		if mitigated {
			task.Mitigation = braket.Debias
		}
		r, err := braket.Verify(raw, task)
		if err != nil {
			return
		}
		total := 0
		for outcome, n := range r.Counts {
			if len(outcome) != task.Qubits || n < 1 {
				t.Errorf("%q: %d", outcome, n)
			}
			total += n
		}
		if r.Counts != nil && total != task.Shots {
			t.Errorf("%d counts", total)
		}
		for q := range task.Qubits {
			if n := r.Ones(q); n < 0 || n > task.Shots {
				t.Errorf("qubit %d: %d ones", q, n)
			}
		}
	})
}
