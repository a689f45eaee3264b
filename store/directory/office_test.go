package directory_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// clock is a clock that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) pass(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

// office is a directory with one tenant on a real store, and the clock of both.
type office struct {
	*testing.T
	*directory.Directory
	db     *store.DB
	clock  *clock
	tenant store.ID
}

func open(t *testing.T, o directory.Options) *office {
	t.Helper()
	t.Parallel()
	c := &clock{at: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	db := storetest.New(t, store.Options{Now: c.now})
	o.Now = c.now
	if o.Hash == (directory.HashCost{}) {
		o.Hash = directory.HashCost{Memory: 8 << 20, Passes: 1} // the least that an appliance may be given: TestHashCost has the default
	}
	return &office{t, directory.Open(db, o), db, c, storetest.AddTenant(t, db, "Example Mutual")}
}

var (
	desk     = store.Source{Address: "198.51.100.7", UserAgent: "desk", Request: "r-1"}
	stranger = store.Source{Address: "203.0.113.9", UserAgent: "stranger"}
	operator = directory.HostOperator("root", store.Source{Address: "host"})
)

const goodPassword = "copper lantern under nine bridges"

func (o *office) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

func (o *office) wants(got, want error) {
	o.Helper()
	if !errors.Is(got, want) {
		o.Fatalf("got error %v, want %v", got, want)
	}
}

// tooMany wants the error of a limit and returns its wait.
func (o *office) tooMany(err error) time.Duration {
	o.Helper()
	var too *directory.ErrTooMany
	if !errors.As(err, &too) || too.RetryAfter <= 0 {
		o.Fatalf("got error %v, want too many attempts", err)
	}
	return too.RetryAfter
}

func (o *office) signIn(email, password string, from store.Source) (store.Principal, directory.SessionToken, error) {
	return o.SignIn(o.Context(), directory.Credentials{Email: email, Password: directory.NewSecret(password)}, from)
}

// hire adds a user who has set a password of its own and is signed in.
func (o *office) hire(email string, r store.Role) (store.Principal, directory.SessionToken) {
	o.Helper()
	_, oneTime, err := o.AddUser(o.Context(), operator, o.tenant, directory.NewUser{Email: email, Name: "N. N.", Role: r})
	o.must(err)
	p, _, err := o.signIn(email, oneTime.Reveal(), desk)
	o.must(err)
	token, err := o.SetPassword(o.Context(), p, oneTime, directory.NewSecret(goodPassword))
	o.must(err)
	return o.session(token), token
}

func (o *office) session(token directory.SessionToken) store.Principal {
	o.Helper()
	p, _, err := o.Session(o.Context(), token, desk)
	o.must(err)
	return p
}

// administer hires an administrator with a second factor in place, and returns its secret.
func (o *office) administer(email string) (store.Principal, string) {
	o.Helper()
	p, _ := o.hire(email, store.Admin)
	return o.enrol(p)
}

// administering is administer with the session's token in place of the secret.
func (o *office) administering(email string) (store.Principal, directory.SessionToken) {
	o.Helper()
	p, _ := o.hire(email, store.Admin)
	return o.enrolled(p)
}

// enrolled is enrol with the session's token in place of the secret.
func (o *office) enrolled(p store.Principal) (store.Principal, directory.SessionToken) {
	o.Helper()
	p, _, token := o.enrolWhole(p)
	return p, token
}

func (o *office) enrol(p store.Principal) (store.Principal, string) {
	o.Helper()
	p, secret, _ := o.enrolWhole(p)
	return p, secret
}

// enrolWhole puts a first second factor in place.
func (o *office) enrolWhole(p store.Principal) (store.Principal, string, directory.SessionToken) {
	o.Helper()
	e, err := o.EnrolSecondFactor(o.Context(), p, directory.SessionToken{}, directory.NewSecret(goodPassword), "Example Mutual")
	o.must(err)
	token, _, err := o.ConfirmSecondFactor(o.Context(), p, directory.SessionToken{}, directory.NewSecret(o.code(e.Secret.Reveal())))
	o.must(err)
	return o.session(token), e.Secret.Reveal(), token
}

// code is what the application shows at the clock's time.
func (o *office) code(secret string) string {
	o.Helper()
	code, err := totp.GenerateCode(secret, o.clock.now())
	o.must(err)
	return code
}

// entries are the tenant's audit entries of a verb, oldest first.
func (o *office) entries(verb string) []store.Read {
	o.Helper()
	t, err := o.db.Tenant(o.Context(), storetest.User(o.tenant, store.Admin), o.tenant)
	o.must(err)
	all, err := t.Audit(o.Context(), store.Query{Action: verb, Limit: 10000})
	o.must(err)
	return all
}

// appliance are those of the appliance's log.
func (o *office) appliance(verb string) []store.Read {
	o.Helper()
	t, err := o.db.Tenant(o.Context(), storetest.Operator(), store.Appliance)
	o.must(err)
	all, err := t.Audit(o.Context(), store.Query{Action: verb, Limit: 10000})
	o.must(err)
	return all
}
