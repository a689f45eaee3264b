package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/durablefile"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/quantumjob"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/quantum/relay"
)

// relayCommand is `qrsd relay`.
type relayCommand struct {
	Carry relayRun `cmd:"" name:"run" help:"Run a job that was carried here, and write the signed result to carry back."`
	Key   relayKey `cmd:"" help:"Show this relay's public key, for a host to trust."`
}

// Help is shown by `qrsd relay --help`.
func (relayCommand) Help() string {
	return `A relay is a connected machine that runs the circuits of hosts without a network. It needs AWS credentials and its own
key, and learns neither portfolio nor answer: what reaches it is ` + egress.Meaning + `.`
}

// relayRun is `qrsd relay run`.
type relayRun struct {
	File string `arg:"" placeholder:"FILE" help:"The job, such as job.qcirc.json."`
	Out  string `short:"o" required:"" placeholder:"FILE" help:"The result to write, such as job.qres.json."`
	Name string `default:"relay" placeholder:"NAME" help:"The name that this relay gives itself in the result."`
	confirmFlags
	trustFlags
	homeFlags
	remoteFlags
}

// nameForm is a relay's name: one word that a terminal can show.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$`)

// Run carries out the command.
func (x *relayRun) Run(ctx context.Context, c console) error {
	if !nameForm.MatchString(x.Name) {
		return &runner.ErrUsage{Reason: fmt.Sprintf("--name %q: write up to 40 letters, digits, dots, hyphens", x.Name)}
	}
	file, err := readCarried(x.File)
	if err != nil {
		return fmt.Errorf("reading the job: %w", err)
	}
	home, err := x.open()
	if err != nil {
		return err
	}
	r, err := x.relay(ctx, home)
	if err != nil {
		return err
	}
	errand, err := x.take(ctx, c, home, r, file)
	if err != nil {
		return err
	}
	if errand.Offer != nil {
		if _, err := x.confirm(c, errand.Offer); err != nil {
			return err
		}
	}
	told := &taskLines{w: c.err}
	result, err := r.Run(ctx, errand, told.tell)
	if err != nil {
		return fmt.Errorf("%w; qrsd relay run %s -o %s goes on where this one stopped: it waits for what is paid for, and quotes anew what ended without a result", err, x.File, x.Out)
	}
	if err := durablefile.Write(x.Out, result, 0o644); err != nil {
		return fmt.Errorf("writing the result: %w; the same command writes it again", err)
	}
	fmt.Fprintf(c.out, "job %.8s of host %s: %s done, in %s\n", errand.Job.Nonce, errand.Host, counted(len(errand.Job.Tasks), "task"), x.Out)
	fmt.Fprintf(c.out, "signed by this relay's key %s\n", r.Key.Public().Fingerprint())
	return nil
}

// relay is this machine as a relay.
func (x *relayRun) relay(ctx context.Context, home *quantumjob.Home) (*quantumjob.Relay, error) {
	r := &quantumjob.Relay{Name: x.Name, Book: home, Budget: home, Now: time.Now}
	var err error
	if r.Hosts, err = x.trusted(home, quantumjob.Hosts); err != nil {
		return nil, err
	}
	if r.Key, err = home.RelayKey(); err != nil {
		return nil, err
	}
	if r.Tokens, err = home.Tokens(); err != nil {
		return nil, err
	}
	r.Client, err = x.client(ctx, home)
	return r, err
}

// take checks the job's file, and pins its host if --trust says so.
func (x *relayRun) take(ctx context.Context, c console, home *quantumjob.Home, r *quantumjob.Relay, file []byte) (*quantumjob.Errand, error) {
	if _, _, err := relay.ReadJob(file, r.Hosts); err != nil {
		peer, pinned := x.pin(home, quantumjob.Hosts, err)
		if pinned != nil {
			return nil, refused(c, fmt.Errorf("%s: %w", x.File, pinned))
		}
		fmt.Fprintf(c.err, "trusting host %s, %s, from now on\n", peer.Name, peer.Key.Fingerprint())
		r.Hosts = append(r.Hosts, peer)
	}
	return r.Take(ctx, file)
}

// taskLines tells a task's state where it changes.
type taskLines struct {
	w     io.Writer
	mutex sync.Mutex
	last  map[int]braket.Status
}

func (t *taskLines) tell(task int, s braket.State) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.last == nil {
		t.last = map[int]braket.Status{}
	}
	if t.last[task] == s.Status {
		return
	}
	t.last[task] = s.Status
	fmt.Fprintf(t.w, "task %d: %s", task+1, plain(string(s.Status)))
	if s.Queue != "" && !s.Status.Final() {
		fmt.Fprintf(t.w, ", position %s in the queue", plain(s.Queue))
	}
	fmt.Fprintln(t.w)
}

// relayKey is `qrsd relay key`.
type relayKey struct {
	homeFlags
	JSON bool `help:"Print the key as JSON."`
}

// Run carries out the command.
func (x *relayKey) Run(c console) error {
	home, err := x.open()
	if err != nil {
		return err
	}
	key, err := home.RelayKey()
	if err != nil {
		return err
	}
	return printKey(c, key.Public(), x.JSON)
}
