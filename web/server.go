package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/page"
	"github.com/qrsrisk/qrsd/web/ui"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Options of a server. DB, Directory, Hosts and TLS.Certificate are needed; the zero value of all others is right.
type Options struct {
	DB        *store.DB
	Directory *directory.Directory
	// Hosts are the names that clients call the appliance by, without a port. Requests for any other are refused (421), so
	// that no foreign name is bound to it. The first is the one that goes into links.
	Hosts []string
	// URL is the address that people type, as https://qrsd.example.com, for links that leave the appliance; "": the one that the
	// request came to.
	URL string
	TLS TLS
	// TrustedProxies are the addresses that X-Forwarded-For is believed of; none: the header is not read.
	TrustedProxies []netip.Prefix
	Limits         Limits
	// Mode reads and changes the mode of the appliance; nil: air-gapped, and not to be changed.
	Mode Mode
	// Connections reads the record of outbound connections; nil: there is none.
	Connections Connections
	// Settings knows what runs can be asked to do; nil: none can be submitted.
	Settings Settings
	// Queue carries runs out; nil: they wait.
	Queue Queue
	// Progress says how far a run of a tenant is, nil where that is not known; nil: of none it is.
	Progress func(tenant, run store.ID) *wire.RunProgress
	// Forecast says what a run would take; nil: it cannot be asked.
	Forecast func(Workload) Forecast
	// Figures reads the tables of finished runs; nil: they cannot be asked for.
	Figures Figures
	// Storms computes storms of finished runs again; nil: they are not.
	Storms Storms
	// Devices leads jobs on quantum devices; nil: there are none.
	Devices Devices
	// Feed says what becomes of runs while it happens; nil: it cannot be listened to.
	Feed Feed
	// Models knows what the appliance can run; nil: there are no cards of models.
	Models Models
	// Trust knows what reviewers ask for; nil: there is no trust center.
	Trust Trust
	// PublicTrust opens the trust center to everybody, without the names of hosts.
	PublicTrust bool
	// Intake reads exposure that is uploaded; nil: none can be.
	Intake Intake
	// Example is exposure that the program carries, for people who have no file at hand; nil: it carries none.
	Example func() (*ExampleExposure, error)
	// Uploads is the directory in which they are spooled, encrypted and without names; "" is the system's for temporary files.
	Uploads string
	// Backups makes backups of the store and proves them; nil: none are configured.
	Backups Backups
	// Diagnostics looks the appliance over and collects what is handed to support; nil: there are none.
	Diagnostics Diagnostics
	// Metrics counts requests and gives figures to monitors; nil: there are none.
	Metrics Metrics
	// Traces is told of each request; nil: nobody is.
	Traces Traces
	// SignInCheck says how the last check of the way in ended, for the readiness that is asked in words; nil: there are none.
	SignInCheck func() string
	// Unlock unlocks the store with what an operator sent; nil: only commands on the host unlock it.
	Unlock func(ctx context.Context, with Unlocking, from store.Source) error
	// Recovery makes the store's recovery code anew, for the set-up; nil: as DB.ReplaceRecovery does without services.
	Recovery func(ctx context.Context, by store.Principal) (string, error)
	// SecurityContact is where weaknesses are reported, for security.txt (RFC 9116): URIs, as mailto: or https:. None: there is
	// no security.txt.
	SecurityContact []string
	// Log takes what an operator must know; nil drops it.
	Log hclog.Logger
	// Version of the product.
	Version string
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// TLS says how connections are secured.
type TLS struct {
	// Certificate is asked for at every handshake, so that a new one counts at once.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// AllowTLS12 lets TLS 1.2 in, with ECDHE and an AEAD only. Otherwise it is 1.3 alone.
	AllowTLS12 bool
	// ClientCAs, where not nil, verify client certificates: those that are shown, or with RequireClient one of everybody. It is asked at
	// every handshake, like Certificate.
	ClientCAs     func() *x509.CertPool
	RequireClient bool
}

// Unlocking is a secret that unlocks the store: exactly one is given.
type Unlocking struct {
	Passphrase directory.Secret
	Recovery   directory.Secret
}

// Mode is the setting of the appliance's mode.
type Mode interface {
	// Mode is the present one, and whether the configuration fixes it.
	Mode(ctx context.Context) (mode outbound.Mode, fixed bool, err error)
	// SetMode changes it, for an operator who read the settings in that version (0: in whatever version they are); it leaves
	// one audit entry, and holds whatever depends on the mode to it.
	SetMode(ctx context.Context, by store.Principal, mode outbound.Mode, version uint64) (directory.Settings, error)
	// TakeUp holds whatever depends on the mode to the one in the settings, which set-up wrote.
	TakeUp(ctx context.Context) error
}

// Connections is the record of the connections that the appliance opened or refused.
type Connections interface {
	// Connections reads up to limit of them that came before the given id, newest first; 0 begins at the end.
	Connections(before uint64, limit int) ([]outbound.Connection, error)
}

// Server answers requests. It is made by New and runs in Serve.
type Server struct {
	db        *store.DB
	directory *directory.Directory
	options   Options
	log       hclog.Logger
	now       func() time.Time
	app       *fiber.App
	site      *page.Site
	terminal  *ui.Site
	routes    []route
	limits    callerLimits
	repeats   *repeats
	bodies    *purses
	docks     *docks // of uploads
	heavy     *docks // of verifications and reports
	shrink    *compressors
	stopping  atomic.Bool
	streams   sync.WaitGroup // of their writers, which Serve waits for
	listeners listeners
	living    context.Context // of live streams; done when the server stops
	endLiving context.CancelFunc
}

// New makes a server. It fails where Options lack something or contradict themselves.
func New(o Options) (*Server, error) {
	if o.DB == nil || o.Directory == nil {
		return nil, errors.New("a server needs a store and its directory")
	}
	if len(o.Hosts) == 0 {
		return nil, errors.New("hosts: name at least one host name by which clients call the appliance")
	}
	if o.TLS.Certificate == nil {
		return nil, errors.New("TLS: a certificate is needed")
	}
	s := &Server{db: o.DB, directory: o.Directory, options: o, log: o.Log, now: o.Now}
	if s.log == nil {
		s.log = hclog.NewNullLogger()
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.options.Limits = o.Limits.orDefault()
	s.living, s.endLiving = context.WithCancel(context.Background())
	var err error
	if s.site, err = page.New(); err != nil {
		return nil, err
	}
	if s.terminal, err = ui.Open(); err != nil {
		return nil, err
	}
	s.routes = routes()
	s.limits = newCallerLimits(s.options.Limits, s.now)
	s.repeats = newRepeats(s.now)
	s.bodies = newPurses(s.options.Limits)
	uploads := s.options.Limits.Uploads
	s.docks = newDocks(uploads, (uploads+1)/2, "uploads are received", 10*time.Second)
	s.heavy = newDocks(heavyAtOnce, 1, "verifications and reports are made", 5*time.Second)
	if s.shrink, err = newCompressors(); err != nil {
		return nil, err
	}
	s.app = s.newApp(s.routes)
	s.app.Server().Handler = s.counted(s.app.Server().Handler)
	return s, nil
}

// Serve answers requests that come in at the listener, which it wraps in TLS and closes, until ctx ends. Then it takes no new
// ones, finishes those in hand within Limits.Stop, and returns nil; or the error of what could not be finished.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.warnOfDescriptors()
	all := newCrowd(l, s.options.Limits, func(a net.Addr) bool { return s.isProxy(remoteAddress(a)) }, s.log)
	ended := make(chan error, 1)
	go func() { ended <- s.app.Listener(tls.NewListener(all, s.tlsConfig())) }()
	select {
	case err := <-ended:
		return fmt.Errorf("listen on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	s.endLiving()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.options.Limits.Stop)
	defer cancel()
	err := s.app.ShutdownWithContext(stop)
	if err != nil {
		err = fmt.Errorf("finish the requests in hand: %w", err)
		all.endAll()
	}
	_ = all.Close() // a shutdown that came before the application had taken the listener has not closed it
	err = errors.Join(err, <-ended)
	s.streams.Wait() // their readers are gone with the connections
	return err
}

// ownDescriptors is what the appliance has open besides the connections of its clients: its store, spooled uploads, what it dials.
const ownDescriptors = 256

// warnOfDescriptors says where the host gives the process fewer descriptors than the connections that it is to take.
func (s *Server) warnOfDescriptors() {
	want := uint64(s.options.Limits.Connections) + ownDescriptors //nolint:gosec // a limit is positive
	if may := descriptors(); may > 0 && may < want {
		s.log.Warn("the process may not open as many files as limits.connections needs: raise LimitNOFILE of the service, or lower the limit",
			"may_open", may, "needs", want, "connections", s.options.Limits.Connections)
	}
}
