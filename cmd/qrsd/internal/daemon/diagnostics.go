package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/bundle"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/doctor"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/logfile"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/ownport"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/signincheck"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/telemetry"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// lastLines is how much of the log is kept in memory, for bundles.
const lastLines = 4 << 20

// watch is what the daemon knows of itself: its log, its figures, its way in, and bundles that wait to be packed.
type watch struct {
	lines      *logfile.Ring // of the log, as JSON whatever its format
	file       *logfile.File // nil: none is configured
	metrics    *telemetry.Metrics
	recipients bundle.Recipients
	shelf      bundle.Shelf
	signIn     *signincheck.Check // set before serving
	at         net.Addr           // of the listener; set before serving
}

// openLog opens the log and all that hangs on it.
func (a *appliance) openLog(c *config.Config, to io.Writer) (err error) {
	a.watch.lines = logfile.NewRing(lastLines)
	if c.Log.File != "" {
		if a.watch.file, err = logfile.Open(c.Log.File, c.Log.Size, c.Log.Keep); err != nil {
			return fmt.Errorf("log.file: %w", err)
		}
		to = io.MultiWriter(a.watch.file, to) // which never fails, and so never keeps the other from being written
	}
	log := newLog(c.Log, to)
	log.RegisterSink(hclog.NewSinkAdapter(&hclog.LoggerOptions{
		Level: hclog.LevelFromString(c.Log.Level), Output: a.watch.lines, JSONFormat: true, TimeFn: utcNow,
	}))
	a.log = log
	if a.watch.metrics, err = telemetry.New(telemetry.Options{Version: a.options.Version, Standing: a.standing, Token: c.Metrics.Token.Read}); err != nil {
		return err
	}
	log.RegisterSink(a.watch.metrics)
	a.watch.recipients, err = bundle.ParseRecipients(c.Support.Recipients)
	return err
}

// closeLog closes the file of the log, after the last line.
func (a *appliance) closeLog() error {
	if a.watch.file == nil {
		return nil
	}
	return a.watch.file.Close()
}

// newSignInCheck is the check of the way in, at the address where the appliance listens.
func (a *appliance) newSignInCheck(at net.Addr) {
	a.watch.at = at
	a.watch.signIn = signincheck.New(signincheck.Options{Directory: a.directory, Locked: a.db.Locked, Port: a.ownPort, Log: a.log.Named("sign-in-check"), Now: time.Now})
}

func (a *appliance) ownPort() ownport.Options {
	o := ownport.Options{Config: a.config, Address: a.watch.at.String()}
	if pair := a.certificate.current.Load(); pair != nil {
		o.Certificate = pair.Leaf
	}
	return o
}

// addWatch gives the server what looks at the appliance.
func (a *appliance) addWatch(o *web.Options) {
	o.Diagnostics = diagnostics{a}
	if !a.config.Metrics.Token.IsZero() {
		o.Metrics = a.watch.metrics
	}
	if a.traces != nil {
		o.Traces = a.traces
	}
	o.SignInCheck = func() string { return a.watch.signIn.Word() }
}

// standing is how the appliance stands, for its figures.
func (a *appliance) standing() telemetry.Standing {
	s := telemetry.Standing{Mode: a.dialer.Mode().String()}
	if a.db != nil {
		s.Locked, s.ReadOnly, s.DiskFree, s.Store = a.db.Locked(), a.db.ReadOnly(), a.db.DiskFree(), a.db.Activity()
	}
	if a.queue != nil {
		s.RunsInHand = a.queue.InHand()
	}
	if pair := a.certificate.current.Load(); pair != nil {
		s.Certificate = pair.Leaf.NotAfter
	}
	if last := a.watch.signIn.Last(); last != nil {
		s.SignInAt, s.SignInFailed = last.At, last.Fault != nil
	}
	s.LogFailed = a.watch.file != nil && a.watch.file.Failed() != nil
	return s
}

// diagnostics is the appliance for package web.
type diagnostics struct{ *appliance }

// verbNamed finds a verb of the table; that there is none is our own mistake.
func verbNamed(name string) store.Verb {
	v, err := store.ParseVerb(name)
	if err != nil {
		panic("daemon: " + err.Error())
	}
	return v
}

// Doctor implements web.Diagnostics.
func (d diagnostics) Doctor(ctx context.Context, by store.Principal) (wire.Doctor, error) {
	e, err := d.db.Examine(ctx, by, verbNamed("store.diagnose"))
	if err != nil {
		return wire.Doctor{}, err
	}
	r := d.examine(ctx, e)
	out := wire.Doctor{At: r.At, Version: r.Version, Worst: string(r.Worst())}
	for _, f := range r.Findings {
		out.Findings = append(out.Findings, wire.Finding{Check: f.Check, State: string(f.State), Found: f.Found, Advice: f.Advice})
	}
	return out, nil
}

// examine has the doctor look at the running appliance.
func (d diagnostics) examine(ctx context.Context, e store.Examination) doctor.Report {
	s := doctor.Subject{
		Config: d.config, Store: doctor.Store{Examination: &e}, Port: &doctor.Port{Own: true, State: "ok"}, Backups: d.backupState(),
		SignIn: d.watch.signIn.Last(), Version: d.options.Version, Build: ThisBuild(), Host: doctor.ThisHost(), Now: time.Now,
	}
	if pair := d.certificate.current.Load(); pair != nil {
		s.Certificate = pair.Leaf
	}
	return doctor.Examine(ctx, s)
}

// ThisBuild is what the program says of its making.
func ThisBuild() (b doctor.Build) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.time":
			b.Time, _ = time.Parse(time.RFC3339, s.Value) // not known otherwise
		case "vcs.modified":
			b.Modified, _ = strconv.ParseBool(s.Value)
		}
	}
	return b
}

// Collect implements web.Diagnostics.
func (d diagnostics) Collect(ctx context.Context, by store.Principal) (wire.Bundle, error) {
	e, err := d.db.Examine(ctx, by, verbNamed("support.bundle"))
	if err != nil {
		return wire.Bundle{}, err
	}
	report := d.examine(ctx, e)
	b, err := bundle.Collect(bundle.Sources{
		Version: d.options.Version, Now: time.Now, Doctor: &report, Config: d.config, Examination: &e, Metrics: d.watch.metrics.Text,
		Log: d.watch.lines.Lines(), NoLog: "the daemon has written no line yet", Process: true, Host: os.DirFS("/"),
	})
	if err != nil {
		return wire.Bundle{}, err
	}
	var id store.ID
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	return d.bundle(bundle.Shelved{ID: id, Expires: d.watch.shelf.Put(id, b, time.Now()), Bundle: b}), nil
}

// bundle is a bundle that is kept, for the wire.
func (d diagnostics) bundle(b bundle.Shelved) wire.Bundle {
	out := wire.Bundle{ID: b.ID.String(), Collected: b.Collected, Expires: b.Expires, Recipients: append([]string{}, d.config.Support.Recipients...)}
	for _, f := range b.Files {
		out.Files = append(out.Files, wire.BundleFile{Name: f.Name, About: f.About, Bytes: len(f.Text), SHA256: f.SHA256(), Withheld: f.Withheld})
	}
	return out
}

// Bundles implements web.Diagnostics.
func (d diagnostics) Bundles() []wire.Bundle {
	all := []wire.Bundle{}
	for _, b := range d.watch.shelf.All(time.Now()) {
		all = append(all, d.bundle(b))
	}
	return all
}

// shelved finds a bundle that was collected.
func (d diagnostics) shelved(id string) (bundle.Bundle, error) {
	at, err := store.ParseID(id)
	if err != nil {
		return bundle.Bundle{}, fmt.Errorf("bundle %.40q: %w", id, store.ErrNotFound)
	}
	return d.watch.shelf.Get(at, time.Now())
}

// File implements web.Diagnostics.
func (d diagnostics) File(id, name string) ([]byte, error) {
	b, err := d.shelved(id)
	if err != nil {
		return nil, err
	}
	f, err := b.File(name)
	return f.Text, notFound(err)
}

// Pack implements web.Diagnostics.
func (d diagnostics) Pack(ctx context.Context, id string, without []string) ([]byte, error) {
	if len(d.watch.recipients) == 0 {
		return nil, web.ErrNoRecipient
	}
	b, err := d.shelved(id)
	if err != nil {
		return nil, err
	}
	if b, err = b.Without(without); err != nil {
		return nil, notFound(err)
	}
	return b.Pack(ctx, d.db, d.watch.recipients)
}

// notFound is the store's word for a file that a bundle does not have.
func notFound(err error) error {
	if errors.Is(err, bundle.ErrNoFile) {
		return fmt.Errorf("%w: %w", err, store.ErrNotFound)
	}
	return err
}
