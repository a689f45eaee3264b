package directory_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/storetest"
)

func gulf() directory.NewAppliance {
	return directory.NewAppliance{
		Operator: directory.NewUser{Email: "root@example.com", Name: "R. Oot"},
		Password: directory.NewSecret(goodPassword),
		Tenant:   "Gulf Mutual",
		Admin:    directory.NewUser{Email: "ada@example.com", Name: "Ada L."},
		Mode:     outbound.Hybrid,
	}
}

// bare is an appliance that nobody has set up: a store without any tenant.
func bare(t *testing.T) *office {
	t.Helper()
	t.Parallel()
	c := &clock{at: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	db := storetest.New(t, store.Options{Now: c.now})
	return &office{T: t, Directory: directory.Open(db, directory.Options{Now: c.now}), db: db, clock: c}
}

func (o *office) openSetUp() directory.Secret {
	o.Helper()
	code, err := o.OpenSetUp(o.Context())
	o.must(err)
	return code
}

// TestSetUp goes from a new store to an operator and an administrator who are both signed in.
func TestSetUp(t *testing.T) {
	o := bare(t)
	ctx := t.Context()
	needs, err := o.NeedsSetUp(ctx)
	o.must(err)
	if !needs {
		t.Fatal("a new store is set up")
	}
	done, err := o.SetUp(ctx, o.openSetUp(), gulf(), desk)
	o.must(err)
	o.tenant = done.Tenant
	if needs, err := o.NeedsSetUp(ctx); err != nil || needs {
		t.Errorf("needs set-up afterwards: %t, %v", needs, err)
	}
	p := o.session(done.Session)
	if p.User() != done.Operator.ID || done.Operator.Role != store.Operator || p.Role() != store.Operator {
		t.Errorf("operator %+v, session of %s", done.Operator, p.User())
	}
	_, err = o.db.Tenants(ctx, p)
	o.denied("tenants without second factor", err)
	p, _ = o.enrol(p)
	s, err := o.Settings(ctx, p)
	o.must(err)
	if s.Mode != outbound.Hybrid || s.By != p.User() || !s.SetUp.Equal(o.clock.now()) {
		t.Errorf("settings %+v", s)
	}
	all, err := o.db.Tenants(ctx, p)
	o.must(err)
	if len(all) != 1 || all[0].Name != "Gulf Mutual" || all[0].ID != done.Tenant {
		t.Errorf("tenants %+v", all)
	}
	ada, _, err := o.Accept(ctx, done.Token, directory.NewSecret(goodPassword), desk)
	o.must(err)
	if ada.Role() != store.Admin || ada.Tenant() != done.Tenant || ada.User() != done.Invitation.User.ID {
		t.Errorf("administrator %s of %s", ada.Role(), ada.Tenant())
	}
	if last := o.appliance("appliance.set-up"); len(last) != 1 || last[0].Actor != p.User().String() || last[0].Object != p.User().String() {
		t.Errorf("entries of the set-up: %+v", last)
	}

	_, err = o.OpenSetUp(ctx)
	o.wants(err, directory.ErrIsSetUp)
	_, err = o.SetUp(ctx, directory.NewSecret("0000-0000-0000-0000"), gulf(), stranger)
	o.wants(err, directory.ErrIsSetUp)
}

// TestSetUpNeedsTheCode refuses every other code, and one that is void, and says no more of them.
func TestSetUpNeedsTheCode(t *testing.T) {
	o := bare(t)
	ctx := t.Context()
	fails := func(code directory.Secret) {
		t.Helper()
		_, err := o.SetUp(ctx, code, gulf(), desk)
		o.wants(err, directory.ErrWrongSetUpCode)
	}
	fails(directory.Secret{}) // none was drawn
	first := o.openSetUp()
	second := o.openSetUp()
	fails(first)
	fails(directory.Secret{})
	fails(directory.NewSecret(second.Reveal()[1:]))
	denied := o.appliance("appliance.set-up")
	if len(denied) != 4 || denied[3].Outcome != store.Denied || denied[3].Actor != "" || denied[3].Reason != "wrong set-up code" {
		t.Errorf("entries %+v", denied)
	}
	o.Directory = directory.Open(o.db, directory.Options{Now: o.clock.now}) // another process
	fails(second)
	if tenants, err := o.db.Tenants(ctx, operator); err != nil || len(tenants) != 0 {
		t.Errorf("tenants %v, %v", tenants, err)
	}
	_, err := o.SetUp(ctx, directory.NewSecret(" "+lower(o.openSetUp().Reveal())), gulf(), desk) // as people type
	o.must(err)
}

func lower(code string) string {
	b := []byte(code)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c - 'A' + 'a'
		}
	}
	return string(b)
}

// TestSetUpIsLimited holds who guesses to the rate of its address, and lets the operator in from another.
func TestSetUpIsLimited(t *testing.T) {
	o := bare(t)
	ctx := t.Context()
	code := o.openSetUp()
	for range 30 {
		_, err := o.SetUp(ctx, directory.NewSecret("AAAA-AAAA-AAAA-AAAA"), gulf(), stranger)
		o.wants(err, directory.ErrWrongSetUpCode)
	}
	for range 50 {
		_, err := o.SetUp(ctx, code, gulf(), stranger)
		o.tooMany(err)
	}
	if got := len(o.appliance("appliance.set-up")); got != 31 {
		t.Errorf("%d entries of eighty attempts", got)
	}
	_, err := o.SetUp(ctx, code, gulf(), desk)
	o.must(err)
}

// TestSetUpLooksFirst names what cannot be, at its place, before anything is written, and leaves the code good.
func TestSetUpLooksFirst(t *testing.T) {
	o := bare(t)
	ctx := t.Context()
	code := o.openSetUp()
	for field, spoil := range map[string]func(*directory.NewAppliance){
		"operator/email":      func(n *directory.NewAppliance) { n.Operator.Email = "nobody" },
		"operator/name":       func(n *directory.NewAppliance) { n.Operator.Name = "" },
		"operator/role":       func(n *directory.NewAppliance) { n.Operator.Role = store.Admin },
		"administrator/email": func(n *directory.NewAppliance) { n.Admin.Email = "" },
		"administrator/role":  func(n *directory.NewAppliance) { n.Admin.Role = store.Viewer },
		"tenant":              func(n *directory.NewAppliance) { n.Tenant = "  " },
		"mode":                func(n *directory.NewAppliance) { n.Mode = 9 },
	} {
		n := gulf()
		spoil(&n)
		_, err := o.SetUp(ctx, code, n, desk)
		o.invalid(field, err)
	}
	for _, weak := range []string{"", "short", "aaaaaaaaaaaaaaaa"} {
		n := gulf()
		n.Password = directory.NewSecret(weak)
		if _, err := o.SetUp(ctx, code, n, desk); err == nil {
			t.Errorf("password %q", weak)
		}
	}
	if tenants, err := o.db.Tenants(ctx, operator); err != nil || len(tenants) != 0 {
		t.Errorf("tenants %v, %v", tenants, err)
	}
	_, err := o.SetUp(ctx, code, gulf(), desk)
	o.must(err)
}

// cutShort is a context that ends when it is looked at for the nth time.
type cutShort struct {
	context.Context
	left atomic.Int64
	done chan struct{}
	once sync.Once
}

func cutAfter(ctx context.Context, n int64) *cutShort {
	c := &cutShort{Context: ctx, done: make(chan struct{})}
	c.left.Store(n)
	return c
}

func (c *cutShort) look() {
	if c.left.Add(-1) < 0 {
		c.once.Do(func() { close(c.done) })
	}
}

func (c *cutShort) Done() <-chan struct{} { c.look(); return c.done }

func (c *cutShort) Err() error {
	c.look()
	select {
	case <-c.done:
		return context.Canceled
	default:
		return nil
	}
}

// TestSetUpGoesOn cuts the set-up short at every second place where it looks whether it should end, and does it again: there is one
// tenant, one operator, one open invitation and one message about it, whatever happened before.
func TestSetUpGoesOn(t *testing.T) {
	cut := 0
	for n := int64(0); ; n += 2 {
		o := &office{T: t}
		c := &clock{at: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
		o.clock, o.db = c, storetest.New(t, store.Options{Now: c.now})
		o.Directory = directory.Open(o.db, directory.Options{Now: c.now})
		code := o.openSetUp()
		ctx := cutAfter(t.Context(), n)
		done, err := o.SetUp(ctx, code, gulf(), desk)
		if err != nil {
			cut++
			done, err = o.again(code)
		}
		o.must(err)
		o.setUpOnce(done)
		if ctx.left.Load() >= 0 {
			break
		}
	}
	if cut < 5 {
		t.Errorf("cut short at %d places only", cut)
	}
	t.Logf("cut short at %d places", cut)
}

// again is the second attempt, with another password: what the first wrote of the operator, it wrote whole or not at all.
func (o *office) again(code directory.Secret) (directory.SetUpDone, error) {
	o.Helper()
	needs, err := o.NeedsSetUp(o.Context())
	o.must(err)
	if !needs {
		o.Fatal("a set-up that failed is done")
	}
	return o.SetUp(o.Context(), code, gulf(), desk)
}

func (o *office) setUpOnce(done directory.SetUpDone) {
	o.Helper()
	ctx := o.Context()
	tenants, err := o.db.Tenants(ctx, operator)
	o.must(err)
	operators, err := o.Users(ctx, operator, store.Appliance, "", 10)
	o.must(err)
	users, err := o.Users(ctx, operator, done.Tenant, "", 10)
	o.must(err)
	invitations, err := o.Invitations(ctx, operator, done.Tenant)
	o.must(err)
	notices, err := o.TakeNotices(ctx, operator, 100)
	o.must(err)
	if len(tenants) != 1 || len(operators.Users) != 1 || len(users.Users) != 1 || len(invitations) != 1 || len(notices) != 1 {
		o.Fatalf("%d tenants, %d operators, %d users, %d invitations, %d messages", len(tenants), len(operators.Users), len(users.Users), len(invitations), len(notices))
	}
	if notices[0].Token.Reveal() != done.Token.Reveal() {
		o.Error("the message leads elsewhere than the invitation that was shown")
	}
	o.session(done.Session)
	_, _, err = o.Accept(ctx, done.Token, directory.NewSecret(goodPassword), desk)
	o.must(err)
}

// TestSetUpAfterTheInvitationWasAccepted goes on where an attempt was cut short behind the mail.
func TestSetUpAfterTheInvitationWasAccepted(t *testing.T) {
	o := bare(t)
	ctx := t.Context()
	o.tenant = storetest.AddTenant(t, o.db, "Gulf Mutual")
	_, token, err := o.Invite(ctx, operator, o.tenant, directory.NewUser{Email: "ada@example.com", Name: "Ada L.", Role: store.Admin})
	o.must(err)
	_, _, err = o.Accept(ctx, token, directory.NewSecret(goodPassword), desk)
	o.must(err)
	done, err := o.SetUp(ctx, o.openSetUp(), gulf(), desk)
	o.must(err)
	if done.Tenant != o.tenant || !done.Token.IsZero() {
		t.Errorf("tenant %s, token %t", done.Tenant, !done.Token.IsZero())
	}
}

// TestSetUpOnce lets one of several win who have the code at once.
func TestSetUpOnce(t *testing.T) {
	o := bare(t)
	code := o.openSetUp()
	var all sync.WaitGroup
	var won atomic.Int32
	for range 4 {
		all.Go(func() {
			switch _, err := o.SetUp(t.Context(), code, gulf(), desk); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, directory.ErrIsSetUp):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d won", won.Load())
	}
}
