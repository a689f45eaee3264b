// Package quantumjob leads a job on quantum hardware through its life: from a run's question to disguised circuits, by a
// submission or across an air gap to counts, and from the counts to an estimate beside the run.
//
// It holds the order of the steps and what must be kept between them: a job is kept before it leaves, a task's ARN before anything
// else is done with it. Where questions come from and where jobs are kept are interfaces (Questions, Keeper): today
// a results folder and a home folder, later the store. Formats and checks are in quantum/egress, quantum/relay and
// quantum/braket. It prints nothing and asks nobody: what a person must agree to comes in as an amount.
//
// Begin with Jobs.Prepare.
package quantumjob

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/circuit"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/quantum/relay"
)

// Question is one amplitude of a run that can be asked of a device. Of all this only the table is made into circuits.
type Question struct {
	Run   string        // digest of the run's estimate file, "sha256:..."
	Name  string        // by which a user picks it
	Text  string        // what is asked, in words
	Table circuit.Table // discretised; its amplitude times Scale is the answer
	Scale float64       // of the answer; 1 for a probability
	Unit  string        // of the answer: "" for a probability, else a currency
}

// Questions is where questions come from.
type Questions interface {
	// Questions are all that can be asked, in the order in which a user should see them.
	Questions(ctx context.Context) ([]Question, error)
}

// Stage is how far a job has come.
type Stage string

// The stages. A job leaves at most once, in one of two ways.
const (
	Prepared  Stage = "prepared"  // nothing has left
	Exported  Stage = "exported"  // carried to a relay as a file
	Submitted Stage = "submitted" // sent to the device from here, in part at least
	Answered  Stage = "answered"  // counts are here
)

// Kept is a job with all that must outlive the process.
type Kept struct {
	Format   int        `json:"format"` // 1
	ID       string     `json:"id"`     // 64 hexadecimal digits, random; the nonce of its file
	Stage    Stage      `json:"stage"`
	Run      string     `json:"run"`
	Folder   string     `json:"folder,omitempty"` // results folder that the answer is written to
	Question string     `json:"question"`
	Text     string     `json:"text"`
	Exact    float64    `json:"exact_amplitude"` // of the question's table
	Scale    float64    `json:"scale"`
	Unit     string     `json:"unit,omitempty"`
	Created  time.Time  `json:"created"`
	Device   string     `json:"device"` // ARN
	Qubits   int        `json:"loss_qubits"`
	Twins    int        `json:"twins"`
	Circuits []Sent     `json:"circuits"`
	Export   *relay.Job `json:"export,omitempty"` // as signed
	Answer   *Answer    `json:"answer,omitempty"` // of a relay
	Report   string     `json:"report,omitempty"` // file that the estimate was written to

	// PendingUSD was agreed to for tasks that are not kept yet: the budget holds it until they are, or the job is cancelled. Of an exported
	// job it is the highest price, until the relay's answer says what it took.
	PendingUSD braket.USD `json:"pending_microdollars,omitempty"`

	// Revision counts the keepings: of two commands that change one job, the one that read it before the other kept it has to read it anew.
	Revision int `json:"revision"`

	// Secret is kept apart from the rest, never as JSON.
	Secret *egress.Secret `json:"-"`
}

// Sent is one circuit and what became of it.
type Sent struct {
	Attempts
	Source  string `json:"source"`
	SHA256  string `json:"sha256"`
	Power   int    `json:"power"`
	Shots   int    `json:"shots"`
	Qubits  int    `json:"qubits"`
	Gates   int    `json:"gates"`
	Queue   string `json:"queue,omitempty"`
	Ones    *int   `json:"ones,omitempty"` // shots whose objective was 1; nil: no result yet
	Results string `json:"results_sha256,omitempty"`
}

// Answer is what is kept of a relay's result.
type Answer struct {
	Relay              string   `json:"relay"`
	Fingerprint        string   `json:"fingerprint"`
	ARNs               []string `json:"arns"`
	CapabilitiesSHA256 string   `json:"device_capabilities_sha256"`
	PriceUSD           string   `json:"price_usd"`

	Price braket.USD `json:"price_microdollars,omitempty"` // the same; where a relay's cannot be read, the job's highest
}

func (s *Sent) program() braket.Program { return braket.Program{Source: s.Source, Shots: s.Shots} }

// Shots is the total over all circuits.
func (k *Kept) Shots() int {
	n := 0
	for _, c := range k.Circuits {
		n += c.Shots
	}
	return n
}

// Programs are the circuits as the device gets them.
func (k *Kept) Programs() []braket.Program {
	programs := make([]braket.Program, len(k.Circuits))
	for i := range k.Circuits {
		programs[i] = k.Circuits[i].program()
	}
	return programs
}

// Quoted is what all tasks of the job were quoted at, those that ended without a result and those of a relay included.
func (k *Kept) Quoted() braket.USD {
	var sum braket.USD
	for i := range k.Circuits {
		sum += k.Circuits[i].quoted()
	}
	if k.Answer != nil {
		sum += k.Answer.Price
	}
	return sum
}

// ErrChanged is a job that somebody else has kept since it was read.
var ErrChanged = errors.New("another command has changed the job meanwhile")

// Keeper keeps jobs.
type Keeper interface {
	// Keep makes the job, its secret included, durable before it returns, in place of the one with the same id and Revision, and counts
	// Revision up. If what is kept has another Revision, the error wraps ErrChanged and nothing is changed.
	Keep(ctx context.Context, k *Kept) error
	// Kept are all jobs, oldest first.
	Kept(ctx context.Context) ([]*Kept, error)
}

// Jobs leads jobs. All fields are required but those of a way that is not gone.
type Jobs struct {
	Keeper  Keeper
	Journal egress.Journal
	Random  io.Reader // fit for keys
	Now     func() time.Time

	HostKey *relay.Key  // to export
	Relays  relay.Trust // to import

	Client *braket.Client  // to submit and follow
	Tokens braket.TokenKey // the same after a restart
	Budget Budget          // to submit and to export

	// Stopped is asked before each task of a submission, and its error ends that there; nil: nobody stops one.
	Stopped func(ctx context.Context) error
}

// Budget bounds what may be spent.
type Budget interface {
	// Room is what may be spent on a job in all: the limit less what every other job was quoted or has pending. Without a limit it is
	// Unlimited.
	Room(ctx context.Context, id string) (braket.USD, error)
}

// Unlimited is the room of a budget without a limit.
const Unlimited = braket.USD(math.MaxInt64)

// budgetSays is what a *braket.PriceError calls the limit.
const budgetSays = "what the budget leaves (qrsd quantum budget)"

// change applies a change to a job and keeps it. If another command has kept the job since it was read, it is read anew and the change
// applied to that: change must find its place in any later state of the job, and k is the state as kept.
func (j *Jobs) change(ctx context.Context, k *Kept, change func(*Kept)) error {
	ctx = context.WithoutCancel(ctx)
	for {
		change(k)
		err := j.Keeper.Keep(ctx, k)
		if !errors.Is(err, ErrChanged) {
			return err
		}
		fresh, err := j.Find(ctx, k.ID)
		if err != nil {
			return err
		}
		*k = *fresh
	}
}

// Plan is how a question is asked.
type Plan struct {
	Device   string // ARN
	Schedule egress.Schedule
	Folder   string // results folder that the answer is written to
}

// Prepare makes a job of a question and keeps it. Nothing leaves.
func (j *Jobs) Prepare(ctx context.Context, q Question, p Plan) (*Kept, error) {
	if err := braket.CheckDevice(p.Device); err != nil {
		return nil, err
	}
	job, secret, err := egress.Prepare(q.Table, p.Schedule, j.Random)
	if err != nil {
		return nil, fmt.Errorf("question %s: %w", q.Name, err)
	}
	for _, c := range job.Circuits {
		if err := braket.CheckSize(p.Device, c.Gates, c.Shots); err != nil {
			return nil, fmt.Errorf("question %s, power %d: %w", q.Name, c.Power, err)
		}
	}
	var nonce [32]byte
	if _, err := io.ReadFull(j.Random, nonce[:]); err != nil {
		return nil, fmt.Errorf("reading randomness for the job's id: %w", err)
	}
	k := &Kept{
		Format: 1, ID: hex.EncodeToString(nonce[:]), Stage: Prepared, Run: q.Run, Folder: p.Folder, Question: q.Name, Text: q.Text,
		Exact: q.Table.Amplitude(), Scale: q.Scale, Unit: q.Unit, Created: j.Now().UTC(), Device: p.Device,
		Qubits: p.Schedule.Qubits, Twins: p.Schedule.Twins, Secret: secret,
	}
	for _, c := range job.Circuits {
		k.Circuits = append(k.Circuits, Sent{
			Source: c.Source, SHA256: hex.EncodeToString(c.SHA256[:]), Power: c.Power, Shots: c.Shots, Qubits: c.Qubits, Gates: c.Gates,
		})
	}
	return k, j.Keeper.Keep(ctx, k)
}

// NotFoundError is an id that names no job, or several.
type NotFoundError struct {
	ID      string
	Matches int
}

// Error says what to do.
func (e *NotFoundError) Error() string {
	if e.Matches > 1 {
		return fmt.Sprintf("job %q: %d jobs begin so; give more of the id", e.ID, e.Matches)
	}
	return fmt.Sprintf("job %q: there is none here; qrsd quantum status lists the jobs of a run, --home names the folder where they are kept", e.ID)
}

// Find is the job whose id begins with the prefix.
func (j *Jobs) Find(ctx context.Context, prefix string) (*Kept, error) {
	all, err := j.Keeper.Kept(ctx)
	if err != nil {
		return nil, err
	}
	var found []*Kept
	for _, k := range all {
		if prefix != "" && strings.HasPrefix(k.ID, prefix) {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		return nil, &NotFoundError{prefix, len(found)}
	}
	return found[0], nil
}

// OfRun are the jobs of a run, oldest first.
func (j *Jobs) OfRun(ctx context.Context, run string) ([]*Kept, error) {
	all, err := j.Keeper.Kept(ctx)
	var of []*Kept
	for _, k := range all {
		if k.Run == run {
			of = append(of, k)
		}
	}
	return of, err
}

// errLeft is a job that has left another way.
var errLeft = errors.New("a job leaves once; prepare another one")

// mayLeave wants one of the stages.
func (k *Kept) mayLeave(stages ...Stage) error {
	for _, s := range stages {
		if k.Stage == s {
			return nil
		}
	}
	return fmt.Errorf("job %.8s is %s already: %w", k.ID, k.Stage, errLeft)
}
