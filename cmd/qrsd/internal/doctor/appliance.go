package doctor

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/qrsrisk/qrsd/store"
)

// Limits of ages. Backups are daily and drills quarterly (package store/backup).
const (
	keysOld        = 2 * store.RotateAfter
	backupLate     = 26 * time.Hour
	backupOld      = 8 * 24 * time.Hour
	drillLate      = 100 * 24 * time.Hour
	certificateEnd = 30 * 24 * time.Hour
	signInLate     = 2 * time.Hour
	anchorLate     = 2 * time.Hour
)

func (e *examination) version(context.Context) {
	text := "qrsd " + e.Version
	if s := e.status(); s != nil {
		text += fmt.Sprintf(", store of format %d", s.Format)
	}
	if e.Build.Modified {
		e.say(Warning, "Run a released build: nobody can say which sources this one was made of.", "%s, made of sources that were changed after their commit", text)
		return
	}
	e.ok("%s", text)
}

func (e *examination) configuration(context.Context) {
	if e.Config == nil {
		e.say(Failure, "Mend the file; qrsd validate names every fault, qrsd.hcl.example explains every key.", "%v", e.ConfigError)
		return
	}
	before := len(e.found)
	for _, f := range e.Config.Check(e.Now()) {
		if strings.HasPrefix(f.Key, "tls.") || f.Key == "hosts" {
			continue // the certificate has lines of its own
		}
		state := Failure
		if f.Warning {
			state = Warning
		}
		e.say(state, "Mend the file or what it names; qrsd validate looks at it again.", "%s: %s", f.Key, f.Reason)
	}
	if len(e.found) == before {
		e.ok("%s is in order", cmp.Or(e.Config.File, "it"))
	}
}

// status is what is known of the store, nil where nothing is.
func (e *examination) status() *store.Status {
	if e.Store.Examination != nil {
		return &e.Store.Examination.Status
	}
	return e.Store.Status
}

// unlookedAdvice says how more would be known of a store that this process could not open or unlock.
func (e *examination) unlookedAdvice() string {
	var other *store.OwnerError
	switch {
	case errors.As(e.Store.Fault, &other):
		return "Look again as that user: root would leave files in the store that its user cannot open."
	case e.Store.Holder != 0:
		return "The running appliance knows: give an operator's API key with the scope store.diagnose (--api-key-file or QRSD_API_KEY), or ask it at /api/v1/system/doctor."
	case e.Store.Absent:
		return "The store is made at the first start, or with qrsd init."
	}
	return "Unlock the store (qrsd unlock, or the way that the configuration names), and look again."
}

func (e *examination) store(context.Context) {
	s := e.Store
	var back *store.RollbackError
	var other *store.OwnerError
	switch {
	case s.Absent:
		e.say(Warning, e.unlookedAdvice(), "there is none at %s yet", e.folder())
		return
	case errors.As(s.Fault, &back): // the anchor's line says it
	case store.IsDamage(s.Fault):
		e.say(Failure, "Keep the folder as evidence, and restore the last backup elsewhere (qrsd restore).", "%v", s.Fault)
		return
	case errors.As(s.Fault, &other):
		e.say(Warning, e.unlookedAdvice(), "it was not opened: %v", other)
		return
	case s.Fault != nil && s.Status == nil:
		e.say(Failure, "Look at the path, its permissions and its disk.", "%v", s.Fault)
		return
	case s.Fault != nil:
		e.say(Warning, e.unlookedAdvice(), "%v", s.Fault)
		return
	}
	if s.Examination == nil {
		if s.Holder != 0 {
			e.ok("process %d has it open; %s", s.Holder, counted(e.tenants(), "tenant"))
			return
		}
		e.say(Warning, e.unlookedAdvice(), "it is locked")
		return
	}
	now := s.Examination.Status
	switch {
	case s.Examination.Database.Failed != "":
		e.say(Failure, "Look at the disk (dmesg), and restart the service: what was acknowledged is on the disk.", "it takes no change any more: %s", s.Examination.Database.Failed)
	case now.ReadOnly:
		e.say(Failure, "Free space on its disk.", "the disk is nearly full: changes are refused")
	case now.Database.Free > now.Database.Size/2 && now.Database.Size > 1<<30:
		e.say(Warning, "qrsd compact gives the space back, while the service is stopped.", "%s, of which nothing is in %s", size(now.Database.Size), size(now.Database.Free))
	default:
		e.ok("unlocked, %s, database of %s", counted(now.Tenants, "tenant"), size(now.Database.Size))
	}
}

func (e *examination) tenants() int {
	if s := e.status(); s != nil {
		return s.Tenants
	}
	return 0
}

func (e *examination) keys(context.Context) {
	ages := e.Store.Keys
	if e.Store.Examination != nil {
		ages = e.Store.Examination.Keys
	}
	if ages.Oldest.IsZero() {
		e.say(Unknown, e.unlookedAdvice(), "the key file was not read")
		return
	}
	age := e.Now().Sub(ages.Oldest)
	switch {
	case age > keysOld:
		e.say(Failure, "Rotate them (qrsd key rotate); the appliance does so by itself while it is unlocked: look in its log why it did not.", "the oldest key in use has %s", days(age))
	case ages.Due > 0:
		e.say(Warning, "The appliance rotates them within the hour while it is unlocked; qrsd key rotate does so now.", "%s due, the oldest has %s", counted(ages.Due, "rotation"), days(age))
	default:
		e.ok("%s, the oldest has %s", counted(ages.Owners, "key-encryption key"), days(age))
	}
}

func (e *examination) anchor(context.Context) {
	s := e.Store
	var back *store.RollbackError
	var other *store.OwnerError
	if errors.As(s.Fault, &back) {
		e.say(Failure, "Somebody put an older state back. If that was a restore that was meant, unlock once with --accept-rollback; else keep everything as evidence.", "%v", back)
		return
	}
	if s.Examination != nil {
		for _, f := range s.Examination.Faults {
			if f.Where == "anchor" {
				e.say(Failure, "Find out who changed it. The next checkpoint writes it anew; a store that is started without it must be told so (--accept-rollback).", "%s", f.Reason)
				return
			}
		}
	}
	now, fits := e.status(), "it is there; whether the store fits it shows when it is unlocked"
	if s.Examination != nil {
		fits = "store and key file fit it"
	}
	switch {
	case s.Absent || now == nil:
		e.say(Unknown, e.unlookedAdvice(), "it was not read")
	case s.Fault != nil && errors.Is(s.Fault, fs.ErrPermission) && strings.Contains(s.Fault.Error(), "anchor"):
		e.say(Failure, "It is there and closed to this user: do not start the store without it; give it back to the user of the service (chown).", "%v", s.Fault)
	case s.Fault != nil && !errors.As(s.Fault, &other) && strings.Contains(s.Fault.Error(), "anchor"):
		e.say(Failure, "Put the file back, from the disk that it was on; a store that is started without it must be told so (--accept-rollback).", "%v", s.Fault)
	case s.Examination != nil && !now.Anchored.IsZero() && now.AuditSize > 0 && e.Now().Sub(now.Anchored) > anchorLate:
		e.say(Warning, "Checkpoints are written with every commit: look in the log why there is none.", "it holds a checkpoint of %s", utc(now.Anchored))
	case e.Config != nil && e.Config.Store.Options.Anchor == "":
		e.say(Warning, "Name store.anchor on another disk: then it also shows that the whole folder was put back.", "%s; it lies in the store's own folder", fits)
	default:
		e.ok("%s", fits)
	}
}

func (e *examination) auditChain(context.Context) {
	x := e.Store.Examination
	if x == nil {
		e.say(Unknown, e.unlookedAdvice(), "the logs were not read")
		return
	}
	faults := 0
	for _, f := range x.Faults {
		if f.Where != "anchor" {
			faults++
			e.say(Failure, "Keep the folder as evidence, run qrsd check for every place, and restore a backup elsewhere.", "%s: %s", f.Where, f.Reason)
		}
	}
	if faults > 0 {
		return
	}
	var unsigned int64
	for _, l := range x.Logs {
		unsigned += l.Size - l.Signed
	}
	e.ok("%s, each with the tree that its last checkpoint signed; %d leaves wait for the next. qrsd check reads every leaf", counted(len(x.Logs), "log"), unsigned)
}

func (e *examination) backup(ctx context.Context) {
	const advice = "Configure backups to another disk or to S3, and see that one succeeds: without one a lost disk is a lost ledger."
	if e.Backups == nil {
		e.say(Warning, advice, "no backup yet")
		return
	}
	begun, found, err := e.Backups.LastBackup(ctx)
	switch age := e.Now().Sub(begun); {
	case err != nil:
		e.say(Failure, "Look whether the place of the backups is reached.", "%v", err)
	case !found:
		e.say(Warning, advice, "no backup yet")
	case age > backupOld:
		e.say(Failure, "Look in the log why none succeeded since, and make one.", "the last one is of %s", utc(begun))
	case age > backupLate:
		e.say(Warning, "Look in the log why none succeeded since, and make one.", "the last one is of %s", utc(begun))
	default:
		e.ok("the last one is of %s", utc(begun))
	}
}

func (e *examination) drill(ctx context.Context) {
	const advice = "Restore a backup for trial (qrsd drill): a backup that was never restored is a hope."
	if e.Backups == nil {
		e.say(Warning, advice, "no drill yet")
		return
	}
	ended, passed, found, err := e.Backups.LastDrill(ctx)
	switch {
	case err != nil:
		e.say(Failure, "Look whether the place of the drills' reports is reached.", "%v", err)
	case !found:
		e.say(Warning, advice, "no drill yet")
	case !passed:
		e.say(Failure, "Read the drill's report: what it found wrong is in the backups.", "the last one, of %s, failed", utc(ended))
	case e.Now().Sub(ended) > drillLate:
		e.say(Warning, advice, "the last one is of %s", utc(ended))
	default:
		e.ok("passed at %s", utc(ended))
	}
}

func (e *examination) certificate(context.Context) {
	leaf, err := e.leaf()
	switch {
	case err != nil && errors.Is(err, fs.ErrNotExist) && e.Config != nil && e.Config.TLS.Certificate == "":
		e.say(Unknown, "A self-signed one is made at the first start.", "there is none yet")
		return
	case err != nil:
		e.say(Failure, "Put certificate and key there, for the user of the service alone, and reload.", "%v", err)
		return
	}
	left := leaf.NotAfter.Sub(e.Now())
	own := e.Config != nil && e.Config.TLS.Certificate == ""
	renew := "Put a new one there and reload (SIGHUP)."
	if own {
		renew = "Restart the service: it makes a new one."
	}
	switch {
	case left <= 0:
		e.say(Failure, renew, "it ended at %s", utc(leaf.NotAfter))
		return
	case e.Now().Before(leaf.NotBefore):
		e.say(Failure, "Set the clock of this host right, or put another one there.", "it begins only at %s", utc(leaf.NotBefore))
		return
	case left < certificateEnd:
		e.say(Warning, renew, "it ends in %s, at %s", days(left), utc(leaf.NotAfter))
		return
	}
	if e.Config != nil {
		for _, host := range e.Config.Hosts {
			if leaf.VerifyHostname(host) != nil {
				e.say(Warning, "Browsers do not trust it by that name: put one there that has all hosts, or take the name out of hosts.", "%s is not in it", host)
				return
			}
		}
	}
	if own {
		e.say(Warning, "Browsers warn of it until they are told to trust it: name one of an authority that your people's browsers know (tls.certificate).",
			"self-signed, until %s", utc(leaf.NotAfter))
		return
	}
	e.ok("until %s", utc(leaf.NotAfter))
}

// leaf is the certificate in use, or where it will be read.
func (e *examination) leaf() (*x509.Certificate, error) {
	if e.Certificate != nil {
		return e.Certificate, nil
	}
	if e.Config == nil {
		return nil, errors.New("the configuration does not say where it is")
	}
	t := e.Config.TLS
	certificate, key := t.Certificate, t.Key
	if certificate == "" {
		certificate, key = filepath.Join(t.Folder, "certificate.pem"), filepath.Join(t.Folder, "key.pem")
	} else if err := t.CheckKey(); err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	return pair.Leaf, nil
}

func (e *examination) port(context.Context) {
	if e.Config == nil {
		e.say(Unknown, "Mend the configuration first.", "the configuration does not say which")
		return
	}
	at := e.Config.Listen
	if e.Port == nil {
		err := e.Host.Free(at)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			e.say(Failure, "Stop what listens there (ss -ltnp), or change listen.", "another program has %s, and the appliance does not run", at)
		case errors.Is(err, syscall.EACCES):
			e.say(Warning, "Ports below 1024 need AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit, or a socket of systemd.", "this user may not listen at %s", at)
		case err != nil:
			e.say(Failure, "Change listen to an address of this host.", "%s: %v", at, err)
		default:
			e.say(Warning, "Start the service.", "%s is free: the appliance does not run", at)
		}
		return
	}
	switch p := e.Port; {
	case p.Unasked != nil:
		e.say(Unknown, "Ask it as a client does: "+e.Config.URL+"/readyz?verbose", "the appliance runs, and cannot be asked from here: %v", p.Unasked)
	case p.Fault != nil:
		e.say(Failure, "Look in the log of the service, and whether it runs with this configuration.", "the appliance does not answer at %s: %v", at, p.Fault)
	case p.State == "locked":
		e.say(Warning, "Unlock the store: "+e.Config.URL+"/unlock", "the appliance answers at %s, and its store is locked", at)
	case p.State != "" && p.State != "ok":
		e.say(Warning, "Ask once more in a minute.", "the appliance answers at %s that it is %s", at, p.State)
	default:
		e.ok("the appliance answers at %s", at)
	}
}

func (e *examination) signIn(context.Context) {
	s := e.SignIn
	switch {
	case s == nil:
		e.say(Unknown, "The running appliance looks every half an hour, and says it in its own report and in its metrics.", "not looked at")
	case s.Fault != nil:
		e.say(Failure, "Look in the log; people may be unable to sign in.", "at %s: %v", utc(s.At), s.Fault)
	case e.Now().Sub(s.At) > signInLate:
		e.say(Warning, "Look in the log why the check did not run since.", "last found in order at %s", utc(s.At))
	default:
		e.ok("in order at %s", utc(s.At))
	}
}
