package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/quantumjob"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/egress"
)

// confirmFlags are how a person agrees to a price.
type confirmFlags struct {
	Yes      bool   `help:"Do not ask; needs --max-price."`
	MaxPrice string `placeholder:"USD" help:"Refuse a quote above this."`
}

// confirm shows the quote and, where a person is asked, the bytes that would leave, and wants agreement; it is the amount that was agreed to.
func (f confirmFlags) confirm(c console, o *quantumjob.Offer) (braket.USD, error) {
	q := o.Quote
	fmt.Fprint(c.out, plain(fmt.Sprintf("%s %s is %s", o.Device.Provider, o.Device.Name, o.Device.Status)))
	if o.Device.Queue != "" {
		fmt.Fprintf(c.out, ", %s tasks wait", plain(o.Device.Queue))
	}
	fmt.Fprintf(c.out, "\nquote: %d tasks at %v USD, %d shots, %v USD by the %s: %v USD\n", q.Tasks, q.TaskFee, q.Shots, q.Price, plain(q.Unit), q.Total)
	fmt.Fprintf(c.out, "what leaves is %s\n", egress.Meaning)
	limit := q.Total
	if f.MaxPrice != "" {
		var err error
		if limit, err = amount("--max-price", f.MaxPrice); err != nil {
			return 0, err
		}
	}
	if q.Total > limit {
		return 0, &braket.PriceError{Quote: q.Total, Limit: limit, Of: "the most that --max-price allows"}
	}
	if f.Yes {
		if f.MaxPrice == "" {
			return 0, &runner.ErrUsage{Reason: "--yes needs --max-price: the most that may be spent without asking"}
		}
		return q.Total, nil
	}
	for i, request := range o.Requests {
		fmt.Fprintf(c.out, "--- request %d of %d; the headers of its signature are added ---\n%s\n", i+1, len(o.Requests), printable(request))
	}
	return q.Total, ask(c, fmt.Sprintf("spend %v USD and send the circuits? (yes/no) ", q.Total))
}

// ask wants the word yes on a terminal.
func ask(c console, question string) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return &runner.ErrUsage{Reason: "nobody can be asked here: agree with --yes and --max-price USD"}
	}
	fmt.Fprint(c.out, question)
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil || strings.TrimSpace(answer) != "yes" {
		return errors.New("not agreed to: nothing was sent")
	}
	return nil
}

// plain is the service's text without what would steer a terminal; every printable character and line end is as it came.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' {
			return r
		}
		return '\ufffd'
	}, text)
}

// quantumSubmit is `qrsd quantum submit`.
type quantumSubmit struct {
	Folder string `arg:"" name:"run" placeholder:"DIR" help:"Results folder of qrsd run."`
	planFlags
	confirmFlags
	Wait bool `help:"Wait for the results; without it qrsd quantum status fetches them later."`
	homeFlags
	remoteFlags
	JSON bool `help:"Print the job, or with --wait the estimate, as JSON; the quote goes to standard error."`
}

// Run carries out the command.
func (x *quantumSubmit) Run(ctx context.Context, c console) error {
	home, err := x.open()
	if err != nil {
		return err
	}
	jobs, err := newJobs(home)
	if err != nil {
		return err
	}
	if jobs.Client, err = x.client(ctx, home); err != nil {
		return err
	}
	k, err := x.job(ctx, jobs, x.Folder)
	if err != nil {
		return err
	}
	if _, err := k.Rehearse(ctx); err != nil {
		return err
	}
	talk := c
	if x.JSON {
		talk.out = c.err
	}
	offer, err := jobs.Offer(ctx, k)
	if err != nil {
		return err
	}
	if err := x.send(ctx, talk, jobs, k, offer); err != nil {
		return err
	}
	if !x.Wait {
		if x.JSON {
			return printJSON(c.out, statusOf(k))
		}
		fmt.Fprintf(c.out, "qrsd quantum status %s brings it up to date\n", x.Folder)
		return nil
	}
	report, err := jobs.Follow(ctx, k, true, nil)
	if err != nil {
		return err
	}
	return printReport(c, k, report, x.JSON)
}

// send submits what is due once it is agreed to.
func (x *quantumSubmit) send(ctx context.Context, c console, jobs *quantumjob.Jobs, k *quantumjob.Kept, o *quantumjob.Offer) error {
	if o.Quote.Tasks == 0 {
		fmt.Fprintf(c.out, "job %.8s: nothing is due, every circuit has its task; nothing was sent\n", k.ID)
		return nil
	}
	confirmed, err := x.confirm(c, o)
	if err != nil {
		return err
	}
	if err := jobs.Submit(ctx, k, o, confirmed); err != nil {
		return fmt.Errorf("%w; what was created is kept: qrsd quantum submit %s --job %.8s goes on", err, x.Folder, k.ID)
	}
	fmt.Fprintf(c.out, "job %.8s: %s submitted and kept\n", k.ID, counted(o.Quote.Tasks, "task"))
	return nil
}

// quantumStatus is `qrsd quantum status`.
type quantumStatus struct {
	Folder string `arg:"" name:"run" placeholder:"DIR" help:"Results folder of qrsd run."`
	Job    string `placeholder:"ID" help:"One job alone, by the beginning of its id."`
	Wait   bool   `help:"Wait until every task has ended."`
	homeFlags
	remoteFlags
	JSON bool `help:"Print the jobs as JSON."`
}

// statusOutput is one job of `qrsd quantum status --json`.
type statusOutput struct {
	Job      string           `json:"job"`
	Stage    quantumjob.Stage `json:"stage"`
	Question string           `json:"question"`
	Device   string           `json:"device"`
	Tasks    []taskOutput     `json:"tasks"`
	Relay    string           `json:"relay,omitempty"`
	Report   string           `json:"report,omitempty"`
	Problem  string           `json:"problem,omitempty"`
}

type taskOutput struct {
	ARN    string        `json:"arn,omitempty"`
	Status braket.Status `json:"status,omitempty"`
	Queue  string        `json:"queue,omitempty"`
	Reason string        `json:"failure_reason,omitempty"`
	Result bool          `json:"result"`
}

func statusOf(k *quantumjob.Kept) statusOutput {
	out := statusOutput{Job: k.ID, Stage: k.Stage, Question: k.Question, Device: k.Device, Report: k.Report}
	if k.Answer != nil {
		out.Relay = k.Answer.Relay
	}
	for i, s := range k.Circuits {
		t := taskOutput{Status: s.Status, Queue: s.Queue, Reason: s.Reason, Result: s.Ones != nil}
		switch {
		case s.Task != nil:
			t.ARN = s.Task.ARN
		case k.Answer != nil:
			t.ARN = k.Answer.ARNs[i]
		}
		out.Tasks = append(out.Tasks, t)
	}
	return out
}

// Run carries out the command.
func (x *quantumStatus) Run(ctx context.Context, c console) error {
	home, jobs, of, err := ofRun(ctx, x.homeFlags, x.Folder, x.Job)
	if err != nil {
		return err
	}
	outs := []statusOutput{}
	var faults []error
	for _, k := range of {
		var report *quantumjob.Report
		if k.Stage == quantumjob.Submitted {
			if jobs.Client == nil {
				if jobs.Client, err = x.client(ctx, home); err != nil {
					return err
				}
			}
			report, err = jobs.Follow(ctx, k, x.Wait, nil)
		}
		out := statusOf(k)
		if err != nil {
			out.Problem = err.Error()
			faults = append(faults, fmt.Errorf("job %.8s: %w", k.ID, err))
		}
		err = nil
		outs = append(outs, out)
		if !x.JSON {
			printStatus(c, out)
			if report != nil {
				if err := printReport(c, k, report, false); err != nil {
					return err
				}
			}
		}
	}
	if x.JSON {
		return errors.Join(append(faults, printJSON(c.out, outs))...)
	}
	if len(of) == 0 {
		fmt.Fprintln(c.out, "no jobs of this run are kept here")
	}
	return errors.Join(faults...)
}

func printStatus(c console, out statusOutput) {
	fmt.Fprintf(c.out, "job %.8s  %-9s  %s on %s\n", out.Job, out.Stage, out.Question, out.Device)
	for i, t := range out.Tasks {
		if t.ARN == "" {
			continue
		}
		fmt.Fprintf(c.out, "    %d  %-10s %s", i+1, plain(string(t.Status)), t.ARN)
		if t.Queue != "" && !t.Status.Final() {
			fmt.Fprintf(c.out, "  position %s in the queue", plain(t.Queue))
		}
		if t.Reason != "" {
			fmt.Fprintf(c.out, "  %s", plain(t.Reason))
		}
		fmt.Fprintln(c.out)
	}
	if out.Relay != "" {
		fmt.Fprintf(c.out, "    ARN as reported by relay %s\n", out.Relay)
	}
	if out.Report != "" {
		fmt.Fprintf(c.out, "    estimate in %s\n", out.Report)
	}
}

// ofRun are the kept jobs of a run, or one of them.
func ofRun(ctx context.Context, f homeFlags, run, id string) (*quantumjob.Home, *quantumjob.Jobs, []*quantumjob.Kept, error) {
	home, err := f.open()
	if err != nil {
		return nil, nil, nil, err
	}
	jobs, err := newJobs(home)
	if err != nil {
		return nil, nil, nil, err
	}
	digest, err := quantumjob.ResultsFolder(run).Digest()
	if err != nil {
		return nil, nil, nil, err
	}
	of, err := jobs.OfRun(ctx, digest)
	if err == nil && id != "" {
		var k *quantumjob.Kept
		k, err = jobs.Find(ctx, id)
		of = []*quantumjob.Kept{k}
	}
	for _, k := range of {
		if err == nil {
			err = k.LiesIn(run)
		}
	}
	return home, jobs, of, err
}

// quantumCancel is `qrsd quantum cancel`.
type quantumCancel struct {
	Folder string `arg:"" name:"run" placeholder:"DIR" help:"Results folder of qrsd run."`
	Job    string `placeholder:"ID" help:"One job alone, by the beginning of its id."`
	homeFlags
	remoteFlags
}

// Run carries out the command.
func (x *quantumCancel) Run(ctx context.Context, c console) error {
	home, jobs, of, err := ofRun(ctx, x.homeFlags, x.Folder, x.Job)
	if err != nil {
		return err
	}
	if jobs.Client, err = x.client(ctx, home); err != nil {
		return err
	}
	total := 0
	for _, k := range of {
		if k.Stage != quantumjob.Submitted {
			continue
		}
		asked, err := jobs.Cancel(ctx, k)
		total += asked
		if err != nil {
			return fmt.Errorf("job %.8s: %w", k.ID, err)
		}
	}
	fmt.Fprintf(c.out, "asked to cancel %s; what ran before is charged\n", counted(total, "task"))
	return nil
}
