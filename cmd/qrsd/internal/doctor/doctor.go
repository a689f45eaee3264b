// Package doctor looks an appliance and its host over, and says of each thing whether it is in order, what was found, and what to do.
//
// It holds the checks and their limits. It opens no store and dials nobody: whoever asks has done that, or could not, and hands over what
// came of it (Subject). So the same checks run in the daemon, and in a command beside it or without it. It mends nothing, and it reads no
// tenant's data.
//
// Begin with Examine.
package doctor

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/store"
)

// State is how a thing is.
type State string

// The states. Unknown is neither good nor bad: it could not be looked at from here, and the advice says how it can.
const (
	OK      State = "ok"
	Warning State = "warning"
	Failure State = "failure"
	Unknown State = "unknown"
)

// Finding is one line of a report.
type Finding struct {
	Check  string `json:"check"` // "disk space", stable
	State  State  `json:"state"`
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"` // what to do; "" where nothing is
}

// Report is what an examination found, in the order of Checks.
type Report struct {
	At       time.Time `json:"at"` // UTC
	Version  string    `json:"version"`
	Findings []Finding `json:"findings"`
}

// Worst is the worst state in the report; unknown counts as ok.
func (r Report) Worst() State {
	worst := OK
	for _, f := range r.Findings {
		if f.State == Failure || f.State == Warning && worst == OK {
			worst = f.State
		}
	}
	return worst
}

// Broken reports whether what shows tampering failed: the anchor or a log.
func (r Report) Broken() bool {
	for _, f := range r.Findings {
		if f.State == Failure && (f.Check == "anchor" || f.Check == "audit chain") {
			return true
		}
	}
	return false
}

// Subject is what is examined. Host and Now are needed.
type Subject struct {
	// Config is the appliance's configuration; nil where it cannot be read, for the reason ConfigError.
	Config      *config.Config
	ConfigError error
	// Store is what is known of the store.
	Store Store
	// Certificate is the one in use; nil: it is read where the configuration says.
	Certificate *x509.Certificate
	// Port says whether the appliance's port answers, and what it is: nil where it was not asked, because nothing serves it.
	Port *Port
	// Backups knows of backups and drills; nil: there are none.
	Backups Backups
	// SignIn is the last check of the way in; nil: there was none yet.
	SignIn  *SignIn
	Version string
	Build   Build
	Host    Host
	Now     func() time.Time
}

// Store is what could be read of a store.
type Store struct {
	// Examination is what an unlocked store said; nil: it was not asked.
	Examination *store.Examination
	// Status and Keys are what its files say without a key; Status nil: they were not read.
	Status *store.Status
	Keys   store.KeyAges
	// Absent: there is no store yet.
	Absent bool
	// Holder is the number of the process that has it open; 0: nobody has, or it is this one.
	Holder int
	// Fault is why it was not opened, unlocked or read; nil: it was.
	Fault error
}

// Port is what was found at the appliance's port.
type Port struct {
	Own     bool   // this process serves it
	Unasked error  // why it could not be asked from here; nil: it was
	Fault   error  // of asking it; nil: it answers as the appliance
	State   string // that it answered: ok, locked, stopping
}

// Backups knows of the backups of a store and of the drills that restored them. Errors are of looking.
type Backups interface {
	// LastBackup is when the last one that is whole was begun; false: there is none.
	LastBackup(ctx context.Context) (begun time.Time, found bool, err error)
	// LastDrill is when the last drill ended, and whether it passed; false: there was none.
	LastDrill(ctx context.Context) (ended time.Time, passed, found bool, err error)
}

// SignIn is the last check of the way in.
type SignIn struct {
	At    time.Time
	Fault error // nil: it is open to who may, and to nobody else
}

// Build is what the program says of its making.
type Build struct {
	Time     time.Time // of its commit; zero: not known
	Modified bool      // its sources were not those of the commit
}

// examination gathers findings.
type examination struct {
	Subject
	found []Finding
}

// check is one thing that is looked at; a check may have several lines, and at least one.
type check struct {
	name string
	look func(*examination, context.Context)
}

// checks are all things, in the order of a report: the program and what it was told, the host, the store, the way in and out.
func checks() []check {
	return []check{
		{"version", (*examination).version}, {"configuration", (*examination).configuration},
		{"clock", (*examination).clock}, {"cores", (*examination).cores}, {"memory", (*examination).memory},
		{"disk space", (*examination).diskSpace}, {"disk speed", (*examination).diskSpeed}, {"disk encryption", (*examination).diskEncryption},
		{"open files", (*examination).openFiles}, {"permissions", (*examination).permissions},
		{"store", (*examination).store}, {"keys", (*examination).keys}, {"anchor", (*examination).anchor}, {"audit chain", (*examination).auditChain},
		{"backup", (*examination).backup}, {"restore drill", (*examination).drill},
		{"certificate", (*examination).certificate}, {"port", (*examination).port}, {"sign-in", (*examination).signIn},
	}
}

// Checks are the names of all things that a report says something of, in its order.
func Checks() (names []string) {
	for _, c := range checks() {
		names = append(names, c.name)
	}
	return names
}

// Examine looks at everything. It writes a small file beside the store, to measure the disk, and takes it away again; it changes
// nothing else.
func Examine(ctx context.Context, s Subject) Report {
	e := &examination{Subject: s}
	for _, c := range checks() {
		before := len(e.found)
		c.look(e, ctx)
		for i := before; i < len(e.found); i++ {
			e.found[i].Check = c.name
		}
		if len(e.found) == before {
			panic("doctor: the check " + c.name + " says nothing")
		}
	}
	return Report{At: s.Now().UTC().Truncate(time.Second), Version: s.Version, Findings: e.found}
}

func (e *examination) say(s State, advice, format string, values ...any) {
	e.found = append(e.found, Finding{State: s, Found: fmt.Sprintf(format, values...), Advice: advice})
}

func (e *examination) ok(format string, values ...any) { e.say(OK, "", format, values...) }

// folder is where the store lies or will; "" where the configuration cannot be read.
func (e *examination) folder() string {
	if e.Config == nil {
		return ""
	}
	return e.Config.Store.Path
}
