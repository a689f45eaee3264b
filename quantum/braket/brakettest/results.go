package brakettest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"

	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum/circuit"
	"github.com/qrsrisk/qrsd/quantum/simulator"
)

// Noise is a simple model of a device's errors. The zero value is none.
type Noise struct {
	// Depolarising is the probability, at each CNOT, that the whole register is replaced by noise: an outcome then has
	// probability 2^-n. In 0 to 1.
	Depolarising float64

	// Read1As0 and Read0As1 are the probabilities that a qubit is read wrongly. In 0 to 1.
	Read1As0, Read0As1 float64
}

// probabilities are those of the outcomes of a program, by index, qubit 0 being the most significant bit.
func (n Noise) probabilities(p *circuit.Program) ([]float64, error) {
	state, err := simulator.Run(context.Background(), p, simulator.Options{})
	if err != nil {
		return nil, err
	}
	list := make([]float64, 1<<p.Qubits)
	_, cnots := p.Counts()
	kept := 1.0
	for range cnots {
		kept = float64(kept * (1 - n.Depolarising))
	}
	for i := range list {
		list[i] = float64(kept*state.Outcome(i)) + float64((1-kept)/float64(len(list)))
	}
	for bit := 1; bit < len(list); bit <<= 1 {
		for i := range list {
			if i&bit == 0 {
				zero, one := list[i], list[i|bit]
				list[i] = float64(zero*(1-n.Read0As1)) + float64(one*n.Read1As0)
				list[i|bit] = float64(one*(1-n.Read1As0)) + float64(zero*n.Read0As1)
			}
		}
	}
	return list, nil
}

// sample draws shots of the outcomes.
func sample(probabilities []float64, key rng.Key, shots int) []int {
	upTo := make([]float64, len(probabilities))
	total := 0.0
	for i, p := range probabilities {
		total += p
		upTo[i] = total
	}
	outcomes := make([]int, shots)
	for i := range outcomes {
		u := float64(key.Float64(uint64(i)) * total)
		outcomes[i] = min(sort.Search(len(upTo), func(j int) bool { return upTo[j] > u }), len(upTo)-1)
	}
	return outcomes
}

// finish runs the program and stores its result.
func (s *Server) finish(t *task) error {
	noise := s.options.Noise
	if t.device.name == "SV1" {
		noise = Noise{}
	}
	probabilities, err := noise.probabilities(t.program)
	if err != nil {
		return err
	}
	s.serial++
	outcomes := sample(probabilities, s.key.Derive(3).Derive(s.serial), *t.request.Shots)
	if t.plan.NoResult {
		return nil
	}
	text, err := t.plan.altered(t.result(outcomes))
	if err != nil {
		return err
	}
	s.store[*t.request.OutputS3Bucket+"/"+*t.request.OutputS3KeyPrefix+"/"+t.id+"/results.json"] = text
	return nil
}

// result is gate_model_task_result version 1: a histogram from hardware, rows from the simulators.
func (t *task) result(outcomes []int) object {
	qubits := t.program.Qubits
	measured := make([]int, qubits)
	for i := range measured {
		measured[i] = i
	}
	action := object{"braketSchemaHeader": t.action.Header, "source": t.action.Source, "inputs": nil}
	additional := object{"action": action}
	all := object{
		"braketSchemaHeader": schema("braket.task_result.gate_model_task_result", "1"),
		"measurements":       nil, "measurementProbabilities": nil, "measuredQubits": measured, "resultTypes": nil, "outputs": nil,
		"taskMetadata": object{
			"braketSchemaHeader": schema("braket.task_result.task_metadata", "1"),
			"id":                 t.arn, "shots": *t.request.Shots, "deviceId": t.device.arn, "createdAt": stamp(t.created), "endedAt": stamp(t.ended), "status": "COMPLETED",
		},
		"additionalMetadata": additional,
	}
	if t.device.kind == "QPU" {
		histogram := t.histogram(outcomes)
		all["measurementProbabilities"] = histogram
		ionq := object{"braketSchemaHeader": schema("braket.task_result.ionq_metadata", "1"), "sharpenedProbabilities": nil}
		if t.mitigated {
			ionq["sharpenedProbabilities"] = map[string]float64{likeliest(histogram): 1}
		}
		additional["ionqMetadata"] = ionq
		return all
	}
	rows := make([][]int, len(outcomes))
	for i, o := range outcomes {
		rows[i] = make([]int, qubits)
		for q := range rows[i] {
			rows[i][q] = o >> (qubits - 1 - q) & 1
		}
	}
	all["measurements"] = rows
	additional["simulatorMetadata"] = object{"braketSchemaHeader": schema("braket.task_result.simulator_metadata", "1"), "executionDuration": 4}
	return all
}

// histogram is the shares by outcome. Under debiasing it is the mean over three variants of the circuit, which share the
// shots, and so no longer a count of the shots.
func (t *task) histogram(outcomes []int) map[string]float64 {
	variants := 1
	if t.mitigated {
		variants = 3
	}
	counts := make([]map[int]int, variants)
	for v := range counts {
		counts[v] = map[int]int{}
	}
	for i, o := range outcomes {
		counts[i%variants][o]++
	}
	shares := map[string]float64{}
	for v, count := range counts {
		n := (len(outcomes) - v + variants - 1) / variants
		for _, o := range slices.Sorted(maps.Keys(count)) {
			shares[fmt.Sprintf("%0*b", t.program.Qubits, o)] += float64(count[o]) / float64(n) / float64(variants)
		}
	}
	return shares
}

func likeliest(shares map[string]float64) (best string) {
	for _, o := range slices.Sorted(maps.Keys(shares)) {
		if best == "" || shares[o] > shares[best] {
			best = o
		}
	}
	return best
}
