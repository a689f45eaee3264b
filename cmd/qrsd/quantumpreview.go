package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/quantumjob"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/egress"
)

// quantumPreview is `qrsd quantum preview`.
type quantumPreview struct {
	Folder string `arg:"" name:"run" placeholder:"DIR" help:"Results folder of qrsd run."`
	planFlags
	homeFlags
	Bucket string `env:"QRSD_BRAKET_BUCKET" placeholder:"NAME" help:"S3 bucket of the results: the whole request bodies are then shown."`
	Prefix string `default:"tasks" env:"QRSD_BRAKET_PREFIX" help:"Beginning of the results' keys."`
	JSON   bool   `help:"Print the preview as JSON."`
}

// previewOutput is `qrsd quantum preview --json`.
type previewOutput struct {
	Job      string               `json:"job"`
	Question string               `json:"question"`
	Text     string               `json:"text"`
	Device   string               `json:"device"`
	Circuits []previewCircuit     `json:"circuits"`
	Shots    int                  `json:"shots"`
	Best     *quantumjob.Estimate `json:"noiseless_rehearsal"`
	Exact    float64              `json:"exact"`
	Meaning  string               `json:"meaning"`
	Reveals  []string             `json:"reveals"`
	Hidden   []string             `json:"not_in_the_circuits"`
}

// previewCircuit is one task: what its cost depends on, and its bytes.
type previewCircuit struct {
	SHA256    string `json:"source_sha256"`
	Qubits    int    `json:"qubits"`
	Gates     int    `json:"gates"`
	Shots     int    `json:"shots"`
	GateShots int    `json:"gate_shots"`
	// Bytes are the body of the request if the bucket is known, else the OpenQASM text.
	Bytes string `json:"bytes"`
}

// Run carries out the command.
func (x *quantumPreview) Run(ctx context.Context, c console) error {
	if x.Question == "" && x.Job == "" {
		return x.questions(ctx, c)
	}
	home, err := x.open()
	if err != nil {
		return err
	}
	jobs, err := newJobs(home)
	if err != nil {
		return err
	}
	k, err := x.job(ctx, jobs, x.Folder)
	if err != nil {
		return err
	}
	best, err := k.Rehearse(ctx)
	if err != nil {
		return err
	}
	out := previewOutput{
		Job: k.ID, Question: k.Question, Text: k.Text, Device: k.Device, Shots: k.Shots(), Best: best, Exact: k.Exact * k.Scale, Meaning: egress.Meaning,
		Reveals: reveals(k.Qubits), Hidden: []string{"currency, amounts and the limits of the bins", "names, ids, addresses and coordinates", "anything of the portfolio or the question that a person typed"},
	}
	for _, s := range k.Circuits {
		body := s.Source
		if x.Bucket != "" {
			if body, err = braket.Body(k.Device, braket.Program{Source: s.Source, Shots: s.Shots}, s.Attempt, jobs.Tokens, x.Bucket, x.Prefix); err != nil {
				return err
			}
		}
		out.Circuits = append(out.Circuits, previewCircuit{s.SHA256, s.Qubits, s.Gates, s.Shots, s.Gates * s.Shots, body})
	}
	if x.JSON {
		return printJSON(c.out, out)
	}
	printPreview(c.out, out, k.Unit, x.Bucket != "")
	return nil
}

// questions lists what can be asked.
func (x *quantumPreview) questions(ctx context.Context, c console) error {
	all, err := quantumjob.ResultsFolder(x.Folder).Questions(ctx)
	if err != nil {
		return err
	}
	if x.JSON {
		type question struct {
			Name  string  `json:"name"`
			Text  string  `json:"text"`
			Exact float64 `json:"exact"`
			Unit  string  `json:"unit,omitempty"`
		}
		out := []question{}
		for _, q := range all {
			out = append(out, question{q.Name, q.Text, q.Table.Amplitude() * q.Scale, q.Unit})
		}
		return printJSON(c.out, out)
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "question\texact\t")
	for _, q := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\n", q.Name, inUnit(q.Table.Amplitude()*q.Scale, q.Unit), q.Text)
	}
	t.Flush()
	fmt.Fprintf(c.out, "qrsd quantum preview %s --question NAME shows what would leave to ask one of a device\n", x.Folder)
	return nil
}

// reveals says what whoever holds the bytes can learn.
func reveals(n int) []string {
	return []string{
		fmt.Sprintf("%s; here 2^%d = %d bins", egress.Meaning, n, 1<<n),
		"the answer, up to the mix: where payoffs of 0 and 1 occur, as in a probability of exceedance, slope and shift can be read off the circuit, and what stays hidden is which of circuit and twin, payoff and complement is meant",
		"the number of bins, circuits and shots, the powers, the device",
		"with every task, as they are typed: the names of the result bucket and of the prefix of its keys",
		"to the network: name and address of the service, this host's address, times and sizes; to the provider: access key id, account number, bucket and prefix",
	}
}

func printPreview(w io.Writer, out previewOutput, unit string, bodies bool) {
	fmt.Fprintf(w, "job %s, prepared and kept; nothing has left\n%s\n\n", out.Job, out.Text)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "circuit\tqubits\tgates\tshots\tgates x shots\tbytes\t")
	for i, p := range out.Circuits {
		fmt.Fprintf(t, "%d\t%d\t%d\t%d\t%s\t%d\t\n", i+1, p.Qubits, p.Gates, p.Shots, grouped(float64(p.GateShots)), len(p.Bytes))
	}
	t.Flush()
	fmt.Fprintf(w, "quoted by: %d tasks, %d shots on %s\n", len(out.Circuits), out.Shots, out.Device)
	if out.Best != nil {
		fmt.Fprintf(w, "without noise, with average luck: %s", inUnit(out.Best.Value, unit))
		for _, i := range out.Best.Intervals {
			fmt.Fprintf(w, ", within %s to %s", inUnit(i.Low, unit), inUnit(i.High, unit))
		}
		fmt.Fprintf(w, "; the bins' exact sum is %s\n", inUnit(out.Exact, unit))
	}
	fmt.Fprintln(w, "\nwhat the bytes reveal:")
	for _, r := range out.Reveals {
		fmt.Fprintf(w, "  - %s\n", r)
	}
	fmt.Fprintln(w, "not in the circuits:")
	for _, h := range out.Hidden {
		fmt.Fprintf(w, "  - %s\n", h)
	}
	what := "OpenQASM text; the request around it adds device, shots, bucket, prefix and a token (--bucket shows it whole)"
	if bodies {
		what = "body of CreateQuantumTask"
	}
	for i, p := range out.Circuits {
		fmt.Fprintf(w, "\n--- circuit %d, %s ---\n%s", i+1, what, p.Bytes)
	}
	fmt.Fprintf(w, "\n--- end ---\nqrsd quantum submit|export RUN --job %.8s sends exactly this\n", out.Job)
}
