package web_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/client"
	"github.com/qrsrisk/qrsd/web/wire"
)

// caller is a Go client of the appliance, with its answers held to openapi.yaml.
func (a *appliance) caller(key string) *client.Client {
	a.Helper()
	c, err := client.New(client.Options{BaseURL: "https://" + host, HTTP: a.client(nil), APIKey: key, UserAgent: "client test"})
	a.must(err)
	return c
}

// signedIn is a client that is signed in as the person.
func (p *person) signedIn() *client.Client {
	p.Helper()
	c := p.caller("")
	_, err := c.SignIn(p.Context(), wire.SignIn{Email: p.email, Password: p.password, Tenant: p.tenant.String(), Code: p.code()})
	p.must(err)
	return c
}

// wantProblem fails the test unless the error is a problem of that kind.
func (a *appliance) wantProblem(err error, kind string) *client.Problem {
	a.Helper()
	var p *client.Problem
	if !errors.As(err, &p) || p.Kind() != kind || p.RequestID == "" {
		a.Fatalf("got %v, want the problem %s", err, kind)
	}
	return p
}

// TestClientHasEveryOperation: each operation of openapi.yaml is a method.
func TestClientHasEveryOperation(t *testing.T) {
	methods := map[string]bool{}
	for m := range reflect.TypeFor[*client.Client]().Methods() {
		methods[m.Name] = true
	}
	for _, o := range readContract(t).description.Operations() {
		name := strings.TrimPrefix(strings.TrimPrefix(o.ID, "get"), "list")
		name = strings.ToUpper(name[:1]) + name[1:]
		if !methods[name] {
			t.Errorf("operation %s of %s has no method %s", o.ID, o.Path, name)
		}
	}
}

// TestClientSession signs in by client, changes with and against an ETag, and signs out.
func TestClientSession(t *testing.T) {
	a := start(t)
	tenant := a.tenant("Gulf Mutual")
	p := a.account(tenant, "admin@example.com", store.Admin)
	ctx, c := t.Context(), a.caller("")
	_, err := c.SignIn(ctx, wire.SignIn{Email: p.email, Password: p.password})
	if needed := a.wantProblem(err, "second-factor-needed"); needed.SecondFactor == nil || !needed.SecondFactor.Code {
		t.Fatalf("how to go on: %+v", needed.SecondFactor)
	}
	if c.SignedIn() {
		t.Fatal("signed in without a code")
	}
	c = p.signedIn()
	s, err := c.Session(ctx)
	a.must(err)
	if s.User != p.id.String() || s.SteppedUp == nil {
		t.Fatalf("session %+v", s)
	}
	me, etag, err := c.Me(ctx)
	a.must(err)
	changed, now, err := c.ChangeMe(ctx, wire.MeChange{Name: "Administrator Two"}, etag)
	a.must(err)
	if changed.Name != "Administrator Two" || me.Name == changed.Name || now == etag {
		t.Fatalf("changed to %+v, ETag %s after %s", changed, now, etag)
	}
	_, _, err = c.ChangeMe(ctx, wire.MeChange{Name: "Administrator Three"}, etag)
	a.wantProblem(err, "changed-meanwhile")
	_, _, err = c.ChangeMe(ctx, wire.MeChange{Name: ""}, now)
	if bad := a.wantProblem(err, "invalid"); len(bad.Errors) != 1 || bad.Errors[0].Pointer != "/name" || !strings.Contains(bad.Error(), "/name") {
		t.Fatalf("what is wrong: %+v", bad)
	}
	a.must(c.SignOut(ctx))
	if c.SignedIn() {
		t.Fatal("the client still has a session")
	}
	_, err = c.Session(ctx)
	a.wantProblem(err, "sign-in-needed")
}

// TestClientLists walks a list of several parts, each item once, and leaves it in the middle.
func TestClientLists(t *testing.T) {
	a := start(t)
	p := a.account(a.tenant("Gulf Mutual"), "admin@example.com", store.Admin)
	ctx, c := t.Context(), p.signedIn()
	for range 120 {
		_, err := c.Session(ctx)
		a.must(err)
	}
	next, pages := int64(0), 0
	for e, err := range c.AuditEntries(ctx, client.AuditQuery{}) {
		a.must(err)
		if e.Sequence != next {
			t.Fatalf("entry %d after %d", e.Sequence, next-1)
		}
		if next++; e.Action == "audit.read" {
			pages++
		}
	}
	if next < 121 || pages != 1 { // of the reading of the first part; that of the second is not yet in it
		t.Fatalf("%d entries, %d readings among them", next, pages)
	}
	for e, err := range c.AuditTrail(ctx, client.AuditQuery{Newest: true, Action: "user", From: a.clock.now().Add(-time.Hour)}) {
		a.must(err)
		if !strings.HasPrefix(e.Action, "user.") {
			t.Fatalf("an entry of %s", e.Action)
		}
		break
	}
	for _, err := range c.AuditEntries(ctx, client.AuditQuery{Outcome: "nonsense"}) {
		a.wantProblem(err, "invalid")
	}
	var out bytes.Buffer
	a.must(c.ExportAudit(ctx, &out))
	if lines := strings.Count(out.String(), "\n"); int64(lines) < next {
		t.Fatalf("%d lines of %d entries", lines, next)
	}
}

// TestClientAPIKey makes a key, works with it, and revokes it. Nothing that prints the client shows the key.
func TestClientAPIKey(t *testing.T) {
	a := start(t)
	p := a.account(a.tenant("Gulf Mutual"), "admin@example.com", store.Admin)
	ctx, c := t.Context(), p.signedIn()
	made, err := c.AddAPIKey(ctx, wire.NewAPIKey{Name: "reader", Scopes: []string{"audit.read", "tenant.read"}})
	a.must(err)
	keyed := a.caller(made.Secret)
	if printed := fmt.Sprintf("%v %+v %#v", keyed, keyed, keyed); strings.Contains(printed, made.Secret) {
		t.Fatal("the client prints its key")
	}
	policy, etag, err := keyed.Policy(ctx)
	a.must(err)
	if policy.RequireSecondFactor || etag == "" {
		t.Fatalf("policy %+v, ETag %q", policy, etag)
	}
	_, _, err = keyed.SetPolicy(ctx, policy, etag)
	a.wantProblem(err, "denied")
	rotated, err := c.RotateAPIKey(ctx, made.APIKey.ID, time.Minute)
	a.must(err)
	_, _, err = a.caller(rotated.Secret).Policy(ctx)
	a.must(err)
	a.must(c.RevokeAPIKey(ctx, made.APIKey.ID))
	_, _, err = keyed.Policy(ctx)
	a.wantProblem(err, "sign-in-needed")
	a.wantProblem(c.RevokeAPIKey(ctx, "../session"), "not-found") // an id is one segment, whatever is in it
}

// TestClientWaits: a reading that comes too early is asked again when its time has come, and a change is not.
func TestClientWaits(t *testing.T) {
	a := start(t, func(o *web.Options, _ *directory.Options) {
		o.Limits.User = directory.Rate{Burst: 3, Every: time.Second}
	})
	p := a.account(a.tenant("Gulf Mutual"), "admin@example.com", store.Admin)
	ctx, c := t.Context(), p.signedIn()
	for range 5 {
		_, err := c.Session(ctx)
		a.must(err)
	}
	var err error
	for range 5 {
		if _, _, err = c.ChangeMe(ctx, wire.MeChange{Name: "Administrator Two"}, ""); err != nil {
			break
		}
	}
	if late := a.wantProblem(err, "too-many-requests"); late.RetryAfter <= 0 {
		t.Fatalf("come again after %v", late.RetryAfter)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	if _, err := c.Session(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a reading that nobody waits for: %v", err)
	}
}

// TestClientOutbound: the client works through the one dialer of the product, which trusts the appliance's certificate and
// records the connection; and not without its leave.
func TestClientOutbound(t *testing.T) {
	a := start(t)
	_, portText, err := net.SplitHostPort(a.address)
	a.must(err)
	port, err := strconv.Atoi(portText)
	a.must(err)
	log := &dialLog{}
	dialer, err := outbound.New(outbound.Options{
		Mode: outbound.Connected, Log: log, Roots: a.roots,
		Allowed: []outbound.Destination{{Host: host, Port: port, Purpose: "appliance", Local: true}},
		Resolve: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		},
	})
	a.must(err)
	reach := func(purpose outbound.Purpose) error {
		c, err := client.New(client.Options{BaseURL: "https://" + net.JoinHostPort(host, portText), HTTP: dialer.Client(purpose)})
		a.must(err)
		h, err := c.Readiness(t.Context())
		if err == nil && h.Status != "ok" {
			t.Errorf("the appliance is %+v", h)
		}
		return err
	}
	a.must(reach("appliance"))
	var refused *outbound.NotAllowed
	if err := reach("something else"); !errors.As(err, &refused) {
		t.Fatalf("another purpose: %v", err)
	}
	if log.opened == 0 {
		t.Fatal("no connection was recorded")
	}
}

// dialLog counts what was opened.
type dialLog struct {
	mu     sync.Mutex
	opened int
}

func (l *dialLog) Opening(outbound.Connection) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened++
	return nil
}
func (l *dialLog) Ended(outbound.Connection) {}

// TestClientOfLockedStore: a locked store is a state that can be asked for, and a problem to everything else that is not
// asked again.
func TestClientOfLockedStore(t *testing.T) {
	var db *store.DB
	a := start(t, func(o *web.Options, _ *directory.Options) {
		db = o.DB
		o.Unlock = func(ctx context.Context, with web.Unlocking, from store.Source) error {
			by, err := store.Recovery(with.Recovery.Reveal())
			if err != nil {
				return err
			}
			return db.Unlock(ctx, directory.HostOperator("console", from), by)
		}
	})
	p := a.account(a.tenant("Gulf Mutual"), "admin@example.com", store.Admin)
	ctx, c := t.Context(), p.signedIn()
	code, err := db.ReplaceRecovery(ctx, a.operator)
	a.must(err)
	a.must(db.Lock(ctx, a.operator))
	h, err := c.Readiness(ctx)
	a.must(err)
	if h.Status != "locked" || h.Checks["store"] != "locked" {
		t.Fatalf("readiness %+v", h)
	}
	s, _, err := c.System(ctx)
	a.must(err)
	if s.Status != "locked" || s.Version != "" {
		t.Fatalf("state %+v", s)
	}
	_, err = c.Session(ctx)
	a.wantProblem(err, "locked")
	text, err := c.OpenAPIYAML(ctx)
	a.must(err)
	if !strings.HasPrefix(text, "openapi: 3.1.0") {
		t.Fatalf("openapi.yaml begins with %.40q", text)
	}
	a.must(c.UnlockStore(ctx, wire.Unlock{RecoveryCode: code}))
	_, err = c.Session(ctx)
	a.must(err)
	a.wantProblem(c.UnlockStore(ctx, wire.Unlock{RecoveryCode: code}), "conflict")
}
