package quantumdesk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/quantumjob"
	"github.com/qrsrisk/qrsd/internal/canonical"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/quantum/relay"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Questions implements web.Devices.
func (*Desk) Questions(report []byte) (wire.QuantumQuestions, error) {
	out := wire.QuantumQuestions{Leaves: egress.Meaning, Items: []wire.QuantumQuestion{}, Devices: []wire.QuantumDevice{}}
	for _, arn := range braket.Devices() {
		out.Devices = append(out.Devices, wire.QuantumDevice{ARN: arn, Name: shortName(arn), Hardware: braket.Hardware(arn)})
	}
	all, err := quantumjob.QuestionsOf(report)
	for _, q := range all {
		out.Items = append(out.Items, wire.QuantumQuestion{Name: q.Name, Text: q.Text, Unit: q.Unit, Exact: q.Table.Amplitude() * q.Scale})
	}
	return out, err
}

func shortName(arn string) string { return strings.ToLower(arn[strings.LastIndexByte(arn, '/')+1:]) }

// arnOf is the ARN of a device's name; anything else is taken for an ARN.
func arnOf(name string) string {
	for _, arn := range braket.Devices() {
		if strings.EqualFold(shortName(arn), name) {
			return arn
		}
	}
	return name
}

// planOf is how a question is asked, with what is usual for what was not said.
func planOf(n wire.NewQuantumJob) (p quantumjob.Plan, err error) {
	p = quantumjob.Plan{Device: arnOf(cmp.Or(n.Device, "forte-1")), Schedule: egress.Schedule{Qubits: 3, Powers: []int{0, 1, 2}, Shots: 500, Twins: 1}}
	for to, from := range map[*int]*int{&p.Schedule.Qubits: n.Qubits, &p.Schedule.Shots: n.Shots, &p.Schedule.Twins: n.Twins} {
		if from != nil {
			*to = *from
		}
	}
	if n.Powers != nil {
		p.Schedule.Powers = n.Powers
	}
	if err := braket.CheckDevice(p.Device); err != nil {
		return p, &workspace.Invalid{Field: "device", Reason: err.Error()}
	}
	if err := p.Schedule.Check(); err != nil {
		return p, &workspace.Invalid{Field: scheduleField(err.Error()), Reason: err.Error()}
	}
	return p, nil
}

// scheduleField is the member that a fault of a schedule begins with.
func scheduleField(reason string) string {
	for _, field := range []string{"shots", "twins", "powers"} {
		if strings.HasPrefix(reason, field) {
			return field
		}
	}
	return "qubits"
}

// Prepare implements web.Devices.
func (d *Desk) Prepare(ctx context.Context, tenant, run store.ID, n wire.NewQuantumJob) (made workspace.NewDeviceJob, err error) {
	plan, err := planOf(n)
	if err != nil {
		return made, err
	}
	desk, err := workspace.OpenDeviceDesk(ctx, d.o.DB, tenant)
	if err != nil {
		return made, err
	}
	text, err := desk.Estimate(ctx, run)
	if err != nil {
		return made, err
	}
	all, err := quantumjob.QuestionsOf(text)
	if err != nil {
		return made, err
	}
	q, err := quantumjob.Named(all, n.Question)
	if err != nil {
		return made, &workspace.Invalid{Field: "question", Reason: err.Error()}
	}
	keep := &once{}
	k, err := (&quantumjob.Jobs{Keeper: keep, Random: d.o.Random, Now: d.o.Now}).Prepare(ctx, q, plan)
	if err != nil {
		return made, &workspace.Invalid{Field: "qubits", Reason: err.Error()}
	}
	expected, err := k.Rehearse(ctx)
	if err != nil {
		return made, &workspace.Invalid{Field: "powers", Reason: err.Error()}
	}
	return newJob(run, k, expected)
}

// once takes a job that is kept by whoever made it.
type once struct{}

// Keep implements quantumjob.Keeper.
func (*once) Keep(_ context.Context, k *quantumjob.Kept) error { k.Revision++; return nil }

// Kept implements quantumjob.Keeper.
func (*once) Kept(context.Context) ([]*quantumjob.Kept, error) { return nil, nil }

func newJob(run store.ID, k *quantumjob.Kept, expected *quantumjob.Estimate) (n workspace.NewDeviceJob, err error) {
	n = workspace.NewDeviceJob{Run: run, Question: k.Question, Device: k.Device, Shots: k.Shots()}
	if expected != nil {
		n.Expected = workspace.DeviceExpectation{Value: expected.Value, Low: expected.Intervals[0].Low, High: expected.Intervals[len(expected.Intervals)-1].High}
	}
	type circuit struct {
		SHA256 string `json:"sha256"`
		Shots  int    `json:"shots"`
	}
	var circuits []circuit
	for _, c := range k.Circuits {
		circuits = append(circuits, circuit{c.SHA256, c.Shots})
	}
	list, err := canonical.Marshal(circuits)
	if err != nil {
		return n, err
	}
	n.Circuits = ledger.Digest(sha256.Sum256(list))
	if n.State, err = json.Marshal(k); err != nil {
		return n, err
	}
	n.Secret, err = k.Secret.MarshalBinary()
	return n, err
}

// View implements web.Devices.
func (*Desk) View(r store.Record[workspace.DeviceJob]) (out wire.QuantumJob, err error) {
	j := r.Value
	k, err := kept(&j)
	if err != nil {
		return out, err
	}
	out = wire.QuantumJob{
		ID: r.ID.String(), Run: j.Run.String(), Question: j.Question, Text: k.Text, Device: j.Device, Stage: string(j.Stage), Prepared: j.Prepared, By: j.By.String(),
		Qubits: k.Qubits, Twins: k.Twins, Shots: j.Shots, Expected: wire.QuantumExpectation(j.Expected), Cancelling: j.Cancel && j.Stage == workspace.DeviceSubmitted,
		QuotedUSD: braket.USD(j.Quoted).String(), PendingUSD: braket.USD(j.Pending).String(), Report: j.Report, Circuits: []wire.QuantumTask{},
	}
	if j.Estimate != nil {
		out.Estimate = j.Estimate.String()
	}
	if j.Quote != nil {
		q := quoteView(*j.Quote)
		out.Quote = &q
	}
	if c := j.Confirmed; c != nil {
		out.Confirmed = &wire.QuantumConfirmation{Digest: c.Digest, TotalUSD: braket.USD(c.Total).String(), By: c.By.String(), At: c.At}
	}
	if k.Answer != nil {
		out.Relay = k.Answer.Relay
	}
	for i, c := range k.Circuits {
		t := wire.QuantumTask{SHA256: c.SHA256, Power: c.Power, Shots: c.Shots, Status: string(c.Status), Queue: c.Queue, Reason: c.Reason, Result: c.Ones != nil}
		switch {
		case c.Task != nil:
			t.ARN = c.Task.ARN
		case k.Answer != nil:
			t.ARN = k.Answer.ARNs[i]
		}
		out.Circuits = append(out.Circuits, t)
	}
	return out, nil
}

func quoteView(q workspace.DeviceQuote) wire.QuantumQuote {
	return wire.QuantumQuote{Digest: q.Digest, TotalUSD: braket.USD(q.Total).String(), Tasks: q.Tasks, At: q.At}
}

// Preview implements web.Devices.
func (*Desk) Preview(r store.Record[workspace.DeviceJob]) (out wire.QuantumPreview, err error) {
	k, err := kept(&r.Value)
	if err != nil {
		return out, err
	}
	out = wire.QuantumPreview{Job: r.ID.String(), Leaves: egress.Meaning, Circuits: []wire.QuantumCircuit{}}
	for _, c := range k.Circuits {
		out.Circuits = append(out.Circuits, wire.QuantumCircuit{
			Source: c.Source, SHA256: c.SHA256, Action: braket.Action(c.Source), DeviceParameters: braket.DeviceParameters(k.Device, c.Qubits, ""),
			Power: c.Power, Shots: c.Shots, Qubits: c.Qubits, Gates: c.Gates,
		})
	}
	return out, nil
}

// Settings implements web.Devices.
func (*Desk) Settings(change wire.QuantumSettingsChange) (s workspace.DeviceSettings, err error) {
	if change.LimitUSD != nil {
		limit, err := braket.ParseUSD(*change.LimitUSD)
		if err != nil {
			return s, &workspace.Invalid{Field: "limit usd", Reason: err.Error()}
		}
		micro := int64(limit)
		s.Limit = &micro
	}
	var text strings.Builder
	for i, r := range change.Relays {
		var key relay.PublicKey
		if err := key.UnmarshalText([]byte(r.PublicKey)); err != nil {
			return s, &workspace.Invalid{Field: fmt.Sprintf("relays/%d/public key", i), Reason: err.Error()}
		}
		s.Relays = append(s.Relays, workspace.TrustedRelay{Name: r.Name, Key: key.String()})
		fmt.Fprintf(&text, "%s %s\n", r.Name, key)
	}
	if _, err := relay.ParseTrust(text.String()); err != nil {
		return s, &workspace.Invalid{Field: "relays", Reason: err.Error()}
	}
	return s, nil
}

// ViewSettings implements web.Devices.
func (d *Desk) ViewSettings(s workspace.DeviceSettings, spent workspace.DeviceSpending) (out wire.QuantumSettings, err error) {
	out = wire.QuantumSettings{QuotedUSD: braket.USD(spent.Quoted).String(), PendingUSD: braket.USD(spent.Pending).String(), PublicKey: s.Public, Relays: []wire.QuantumRelay{}}
	if s.Limit != nil {
		limit := braket.USD(*s.Limit).String()
		out.LimitUSD = &limit
	}
	if err := d.Reachable(); err != nil {
		out.Unreachable = err.Error()
	}
	var own relay.PublicKey
	if err := own.UnmarshalText([]byte(s.Public)); err != nil {
		return out, err
	}
	out.Fingerprint = own.Fingerprint()
	for _, r := range s.Relays {
		var key relay.PublicKey
		if err := key.UnmarshalText([]byte(r.Key)); err != nil {
			return out, fmt.Errorf("relay %s: %w", r.Name, err)
		}
		out.Relays = append(out.Relays, wire.QuantumRelay{Name: r.Name, PublicKey: r.Key, Fingerprint: key.Fingerprint()})
	}
	return out, nil
}
