package daemon

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/backups"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/collector"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/egressfile"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/notify"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/backup"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/directory/breached"
	"github.com/qrsrisk/qrsd/web"
)

// appliance is a running daemon.
type appliance struct {
	options     Options
	config      *config.Config // as at the start; a reload takes up the log's level and the certificate alone
	url         string         // address that people type
	log         hclog.Logger
	record      *egressfile.Journal
	dialer      *outbound.Dialer
	certificate *certificate
	authorities atomic.Pointer[x509.CertPool] // of client certificates; nil: none are asked for
	known       []*breached.Filter            // open files of passwords that nobody may choose
	db          *store.DB
	directory   *directory.Directory
	feed        *runner.Feed // of what becomes of runs
	queue       *runner.Queue
	backups     *backups.Account // nil: none are made
	keeper      *backup.Keeper   // of backups; nil: none are configured
	watch       watch
	traces      *collector.Traces // nil: none is told
	faults      *collector.Faults // nil: none is told

	settingMode sync.Mutex // held while the mode in the store and that of the dialer change
	guesses     guesses
	opened      atomic.Bool // the store was unlocked once: whoever locks it after that means it
}

// newAppliance makes what needs no store.
func newAppliance(o Options) (*appliance, error) {
	a := &appliance{options: o, config: o.Config}
	if err := a.openLog(o.Config, o.Log); err != nil {
		return nil, errors.Join(err, a.closeLog())
	}
	a.record = &egressfile.Journal{Path: o.Config.Record, Now: time.Now}
	reach := o.Config.Outbound
	reach.Log = a.record
	if o.Config.Mode != nil {
		reach.Mode = *o.Config.Mode
	} // otherwise air-gapped until the store says more
	var err error
	if a.dialer, err = outbound.New(reach); err != nil {
		return nil, fmt.Errorf("outbound: %w", err)
	}
	a.certificate = newCertificate(o.Config, a.log, time.Now)
	if err := a.loadAuthorities(o.Config.TLS); err != nil {
		return nil, err
	}
	for _, path := range o.Config.KnownPasswords {
		f, err := breached.Open(path)
		if err != nil {
			return nil, errors.Join(err, a.closeKnown())
		}
		a.known = append(a.known, f)
	}
	a.tellCollectors()
	return a, nil
}

func (a *appliance) closeKnown() (err error) {
	for _, f := range a.known {
		err = errors.Join(err, f.Close())
	}
	return err
}

// loadAuthorities takes up the authorities of client certificates.
func (a *appliance) loadAuthorities(t config.TLS) error {
	pool, err := t.ClientAuthorities()
	if err == nil {
		a.authorities.Store(pool)
	}
	return err
}

// newLog writes lines of JSON, or of text, with times in UTC.
func newLog(c config.Log, to io.Writer) hclog.InterceptLogger {
	return hclog.NewInterceptLogger(&hclog.LoggerOptions{
		Name: "qrsd", Level: hclog.LevelFromString(c.Level), Output: to, JSONFormat: c.Format == "json", TimeFn: utcNow,
	})
}

func utcNow() time.Time { return time.Now().UTC() }

// newServer translates the configuration for package web.
func (a *appliance) newServer() (*web.Server, error) {
	o := web.Options{
		DB: a.db, Directory: a.directory, Hosts: a.config.Hosts, URL: a.url,
		TLS:            web.TLS{Certificate: a.certificate.get, AllowTLS12: a.config.TLS.AllowTLS12(), RequireClient: a.config.TLS.Require},
		TrustedProxies: a.config.TrustedProxies, Limits: a.config.Limits,
		Mode: mode{a}, Connections: connections{a.record}, Unlock: a.unlockWith, Recovery: a.replaceRecovery,
		Log: a.log.Named("web"), Version: a.options.Version,
	}
	a.addRuns(&o)
	o.Devices = a.newDevices()
	a.addWatch(&o)
	if a.backups != nil {
		o.Backups = a.backups
	}
	o.Feed = feed{a.feed}
	if err := a.addTrust(&o); err != nil {
		return nil, err
	}
	if a.config.TLS.ClientCA != "" {
		o.TLS.ClientCAs = a.authorities.Load
	}
	if a.config.SecurityContact != "" {
		o.SecurityContact = []string{a.config.SecurityContact}
	}
	return web.New(o)
}

// newSender is the sender of messages; nil where no mail server is configured.
func (a *appliance) newSender() (*notify.Sender, error) {
	if a.config.Mail == nil {
		return nil, nil
	}
	s, err := notify.New(notify.Options{
		Outbox: a.directory, By: a.options.Operator, URL: a.url, Server: a.config.Mail.WithPassword(), Dialer: a.dialer, Log: a.log.Named("mail"),
	})
	if err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	return s, nil
}

// newDirectory is the directory of the store, with passkeys for the host of the appliance's address where that has a name.
func (a *appliance) newDirectory() *directory.Directory {
	o := a.config.Directory
	o.Breached = breached.NewList(func(err error) { a.log.Error("looking into the lists of known passwords", "error", err) }, a.known...)
	o.RelyingParty = relyingParty(a.url)
	if err := o.RelyingParty.Validate(); err != nil {
		a.log.Warn("there are no passkeys", "reason", err)
		o.RelyingParty = directory.RelyingParty{}
	}
	return directory.Open(a.db, o)
}

// relyingParty is the site that passkeys are for; none where it has no name (WebAuthn level 3 §5.1.3).
func relyingParty(site string) directory.RelyingParty {
	u, err := url.Parse(site)
	if err != nil {
		return directory.RelyingParty{}
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return directory.RelyingParty{}
	}
	return directory.RelyingParty{ID: u.Hostname(), Origins: []string{site}}
}

// announce says where the appliance is, in the log and to systemd. The set-up code is in the log alone.
func (a *appliance) announce(ctx context.Context, at net.Addr) {
	a.log.Info("serving", "url", a.url, "address", at.String(), "mode", a.dialer.Mode().String(), "store", a.state(), "version", a.options.Version)
	if a.opened.Load() {
		a.offerSetUp(ctx)
	} else {
		a.log.Warn("the store is locked: unlock it there", "url", a.url+"/unlock")
	}
	a.notify(ready, "STATUS="+a.url+", "+a.state())
}

func (a *appliance) state() string {
	return map[bool]string{true: "unlocked", false: "locked"}[a.opened.Load()]
}

// offerSetUp draws a set-up code where nobody is set up yet.
func (a *appliance) offerSetUp(ctx context.Context) {
	code, err := a.directory.OpenSetUp(ctx)
	switch {
	case errors.Is(err, directory.ErrIsSetUp):
	case err != nil:
		a.log.Error("looking whether the appliance is set up", "error", err)
	default:
		a.log.Warn("this appliance is not set up: open the page and give the code, which is good until then or until the next start",
			"url", a.url+"/setup", "set_up_code", code.Reveal())
	}
}

// mode is the appliance's mode for package web: in the store, unless the configuration fixes it.
type mode struct{ *appliance }

// errFixed refuses a change of what the configuration says.
var errFixed = errors.New("the configuration of the appliance fixes its mode; change it there and restart")

// Mode is the present mode. Of a locked store it is the one that the dialer holds to.
func (m mode) Mode(context.Context) (outbound.Mode, bool, error) {
	return m.dialer.Mode(), m.config.Mode != nil, nil
}

// SetMode changes it in the store, and then for every connection.
func (m mode) SetMode(ctx context.Context, by store.Principal, to outbound.Mode, version uint64) (directory.Settings, error) {
	if m.config.Mode != nil {
		return directory.Settings{}, errFixed
	}
	m.settingMode.Lock()
	defer m.settingMode.Unlock()
	s, err := m.directory.SetMode(ctx, by, to, version)
	if err != nil {
		return s, err
	}
	m.log.Info("the mode is changed", "mode", s.Mode.String())
	return s, m.dialer.SetMode(s.Mode)
}

// TakeUp has the dialer hold to the mode that set-up wrote.
func (m mode) TakeUp(ctx context.Context) error { return m.takeUpMode(ctx) }

// takeUpMode has the dialer hold to the mode in the store, which was unlocked.
func (a *appliance) takeUpMode(ctx context.Context) error {
	if a.config.Mode != nil {
		return nil
	}
	a.settingMode.Lock()
	defer a.settingMode.Unlock()
	m, err := a.directory.Mode(ctx)
	if err != nil {
		return fmt.Errorf("reading the mode: %w", err)
	}
	return a.dialer.SetMode(m)
}
