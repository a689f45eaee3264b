package directory_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/storetest"
)

func TestSessionEnds(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	_, token := o.hire("ada@example.com", store.Viewer)
	ended := func(token directory.SessionToken) {
		t.Helper()
		if _, _, err := o.Session(ctx, token, desk); !errors.Is(err, directory.ErrNoSession) {
			t.Fatalf("session still open: %v", err)
		}
	}
	ended(directory.SessionToken{})
	ended(directory.NewSessionToken(token.Reveal() + "x"))
	ended(directory.NewSessionToken(strings.Repeat("x", 1<<20)))

	o.clock.pass(30 * time.Minute)
	o.session(token)
	o.clock.pass(30*time.Minute + time.Second)
	seen := len(o.entries("session.seen"))
	ended(token)
	ended(token)
	if got := len(o.entries("session.seen")); got != seen+1 {
		t.Errorf("%d entries of the end of one session", got-seen)
	}

	_, token, err := o.signIn("ada@example.com", goodPassword, desk)
	o.must(err)
	for range 24 {
		o.session(token)
		o.clock.pass(30 * time.Minute)
	}
	o.session(token) // twelve hours to the second
	o.clock.pass(time.Second)
	ended(token)

	p, token, err := o.signIn("ada@example.com", goodPassword, desk)
	o.must(err)
	o.must(o.SignOut(ctx, p, token))
	ended(token)
	o.must(o.SignOut(ctx, p, token))
}

// TestSessionLimitsOfTheOptions wants sessions to end when the options say.
func TestSessionLimitsOfTheOptions(t *testing.T) {
	o := open(t, directory.Options{Sessions: directory.SessionLimits{Idle: 2 * time.Minute, Life: 5 * time.Minute}})
	_, token := o.hire("ada@example.com", store.Viewer)
	for range 2 {
		o.clock.pass(2 * time.Minute)
		if _, s, err := o.Session(t.Context(), token, desk); err != nil || s.Ends.Sub(s.Begun) != 5*time.Minute {
			t.Fatalf("session %+v: %v", s, err)
		}
	}
	o.clock.pass(time.Minute + time.Second)
	if _, _, err := o.Session(t.Context(), token, desk); !errors.Is(err, directory.ErrNoSession) {
		t.Errorf("after its life: %v", err)
	}
	_, token, err := o.signIn("ada@example.com", goodPassword, desk)
	o.must(err)
	o.clock.pass(2*time.Minute + time.Second)
	if _, _, err := o.Session(t.Context(), token, desk); !errors.Is(err, directory.ErrNoSession) {
		t.Errorf("unused for two minutes: %v", err)
	}
}

// TestSeenOutlivesRestart wants what Flush wrote to count in the next process, and what was not flushed to end early, never late.
func TestSeenOutlivesRestart(t *testing.T) {
	o := open(t, directory.Options{})
	_, token := o.hire("ada@example.com", store.Viewer)
	restart := func() { o.Directory = directory.Open(o.db, directory.Options{Now: o.clock.now}) }
	o.clock.pass(20 * time.Minute)
	o.session(token)
	o.must(o.Flush(t.Context()))
	restart()
	o.clock.pass(20 * time.Minute)
	o.session(token) // 40 minutes after sign-in
	o.clock.pass(4 * time.Minute)
	o.session(token) // the first sighting of this process was written at once or is younger than 5 minutes
	restart()
	o.clock.pass(31 * time.Minute)
	if _, _, err := o.Session(t.Context(), token, desk); !errors.Is(err, directory.ErrNoSession) {
		t.Errorf("late: %v", err)
	}
}

// TestSeenIsBatched wants one entry for the uses of many sessions and keys.
func TestSeenIsBatched(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	p, token := o.hire("ada@example.com", store.Modeler)
	_, second := o.hire("bob@example.com", store.Viewer)
	info, key, err := o.AddAPIKey(t.Context(), p, directory.NewAPIKey{Name: "night", Scopes: []string{"run.read"}})
	o.must(err)
	before := len(o.entries("session.seen"))
	for range 20 {
		o.clock.pass(time.Minute)
		o.session(token)
		o.session(second)
		_, err := o.APIKey(t.Context(), key, desk)
		o.must(err)
	}
	if n := len(o.entries("session.seen")) - before; n < 3 || n > 5 {
		t.Errorf("%d entries in 20 minutes of 60 requests", n)
	}
	o.must(o.Flush(t.Context()))
	before = len(o.entries("session.seen"))
	o.must(o.Flush(t.Context()))
	if n := len(o.entries("session.seen")); n != before {
		t.Error("what was written is written again")
	}
	o.Directory = directory.Open(o.db, directory.Options{Now: o.clock.now})
	all, err := o.APIKeys(t.Context(), p)
	o.must(err)
	if len(all) != 1 || all[0].ID != info.ID || !all[0].Used.Equal(o.clock.now()) {
		t.Errorf("keys %+v, last used at %s", all, o.clock.now())
	}
}

func TestSessionsListedAndClosed(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	ctx := t.Context()
	admin, _ := o.hire("ada@example.com", store.Admin)
	bob, first := o.hire("bob@example.com", store.Viewer)
	_, second, err := o.signIn("bob@example.com", goodPassword, stranger)
	o.must(err)
	all, err := o.Sessions(ctx, bob, bob.User())
	o.must(err)
	if len(all) != 2 || all[1].Address != stranger.Address || all[0].UserAgent != desk.UserAgent {
		t.Fatalf("sessions %+v", all)
	}
	var denied *store.DeniedError
	if _, err := o.Sessions(ctx, bob, admin.User()); !errors.As(err, &denied) {
		t.Errorf("saw the sessions of another: %v", err)
	}
	if err := o.CloseSession(ctx, bob, admin.User(), store.ID{}); !errors.As(err, &denied) {
		t.Errorf("closed the sessions of another: %v", err)
	}
	o.wants(o.CloseSession(ctx, bob, bob.User(), store.ID{7}), store.ErrNotFound)
	o.must(o.CloseSession(ctx, bob, bob.User(), all[1].ID))
	o.session(first)
	_, _, err = o.Session(ctx, second, stranger)
	o.wants(err, directory.ErrNoSession)
	o.must(o.CloseSession(ctx, admin, bob.User(), store.ID{}))
	_, _, err = o.Session(ctx, first, desk)
	o.wants(err, directory.ErrNoSession)

	// The 21st ends the first.
	var tokens []directory.SessionToken
	for range 21 {
		_, token, err := o.signIn("bob@example.com", goodPassword, desk)
		o.must(err)
		tokens = append(tokens, token)
	}
	_, _, err = o.Session(ctx, tokens[0], desk)
	o.wants(err, directory.ErrNoSession)
	o.session(tokens[1])
}

// TestPrivilegeChangeEndsSessions: a role, a reset and a disabling count from the next request on.
func TestPrivilegeChangeEndsSessions(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	ctx := t.Context()
	admin, _ := o.hire("ada@example.com", store.Admin)
	bob, token := o.hire("bob@example.com", store.Viewer)
	password := goodPassword
	for name, change := range map[string]func() error{
		"role":    func() error { return o.ChangeRole(ctx, admin, o.tenant, bob.User(), store.Modeler) },
		"disable": func() error { return o.Disable(ctx, admin, o.tenant, bob.User()) },
		"reset": func() error {
			oneTime, err := o.ResetPassword(ctx, admin, o.tenant, bob.User())
			password = oneTime.Reveal()
			return err
		},
	} {
		o.session(token)
		o.must(change())
		if _, _, err := o.Session(ctx, token, desk); !errors.Is(err, directory.ErrNoSession) {
			t.Errorf("%s: the session goes on: %v", name, err)
		}
		o.must(errors.Join(o.enableAll(bob)...))
		p, next, err := o.signIn("bob@example.com", password, desk)
		o.must(err)
		token = next
		if name == "reset" {
			token, err = o.SetPassword(ctx, p, directory.NewSecret(password), directory.NewSecret(goodPassword+" again"))
			o.must(err)
			password = goodPassword + " again"
		}
	}
	o.clock.pass(time.Minute)
	oneTime, err := o.ResetPassword(ctx, admin, o.tenant, bob.User())
	o.must(err)
	o.clock.pass(7*24*time.Hour + time.Second)
	_, _, err = o.signIn("bob@example.com", oneTime.Reveal(), desk)
	o.wants(err, directory.ErrPasswordExpired)
}

func TestLimits(t *testing.T) {
	o := open(t, directory.Options{})
	o.hire("ada@example.com", store.Viewer) // at the desk, which the account knows now
	for _, email := range []string{"ada@example.com", "nobody@example.com"} {
		for i := range 10 {
			_, _, err := o.signIn(email, "wrong wrong wrong", store.Source{Address: fmt.Sprintf("203.0.113.%d", i)})
			o.wants(err, directory.ErrWrongCredentials)
		}
		for range 3 { // whether there is such an account or not, and with the right password too
			_, _, err := o.signIn(email, goodPassword, stranger)
			if wait := o.tooMany(err); wait != time.Minute {
				t.Errorf("%s: wait for %s", email, wait)
			}
		}
	}
	limited := 0
	for _, e := range o.entries("session.sign-in") {
		if e.Reason == "too many attempts" {
			limited++
		}
	}
	if limited != 1 {
		t.Errorf("%d entries for three refusals in a row, want the first", limited)
	}
	_, _, err := o.signIn("ada@example.com", goodPassword, desk)
	o.must(err) // the owner is not kept out by a stranger
	o.clock.pass(time.Minute)
	_, _, err = o.signIn("ada@example.com", goodPassword, stranger)
	o.must(err)

	// One address, many accounts.
	flood := store.Source{Address: "2001:db8::1"}
	for i := range 30 {
		flood.Address = fmt.Sprintf("2001:db8::%x", i)
		_, _, err := o.signIn(fmt.Sprintf("user%d@example.com", i), "wrong wrong wrong", flood)
		o.wants(err, directory.ErrWrongCredentials)
	}
	_, _, err = o.signIn("ada@example.com", goodPassword, flood)
	o.tooMany(err)
}

func TestLimitOfAll(t *testing.T) {
	o := open(t, directory.Options{Limits: directory.Limits{All: directory.Rate{Burst: 3, Every: time.Minute}}})
	o.hire("ada@example.com", store.Viewer) // its first sign-in came from an address not known yet
	for i := range 2 {
		_, _, err := o.signIn("nobody@example.com", "wrong wrong wrong", store.Source{Address: fmt.Sprintf("203.0.113.%d", i)})
		o.wants(err, directory.ErrWrongCredentials)
	}
	_, _, err := o.signIn("nobody@example.com", "wrong wrong wrong", stranger)
	o.tooMany(err)
	_, _, err = o.signIn("ada@example.com", goodPassword, desk)
	o.must(err)
}

// TestBusy takes the hasher away: an unknown account needs it as much as a known one.
func TestBusy(t *testing.T) {
	o := open(t, directory.Options{})
	o.hire("ada@example.com", store.Viewer)
	release := o.Occupy()
	for _, email := range []string{"ada@example.com", "nobody@example.com", "no address"} {
		_, _, err := o.signIn(email, goodPassword, desk)
		o.wants(err, directory.ErrBusy)
	}
	release()
	_, _, err := o.signIn("ada@example.com", goodPassword, desk)
	o.must(err)
}

// TestNothingOfAPersonOnDisk looks for what a stranger with the directory must not find.
func TestNothingOfAPersonOnDisk(t *testing.T) {
	c := &clock{at: time.Now()}
	dir := filepath.Join(t.TempDir(), "store")
	storetest.Create(t, dir, store.Options{Now: c.now})
	db := storetest.Open(t, dir, store.Options{Now: c.now})
	o := &office{t, directory.Open(db, directory.Options{Now: c.now, SecondFactorOptional: true}), db, c, storetest.AddTenant(t, db, "Example Mutual")}
	ctx := t.Context()
	canaries := []string{"canary.user@example.com", "canary.guest@example.com", "canary-name", "192.0.2.77", "canary-agent", goodPassword, "canary key"}
	from := store.Source{Address: "192.0.2.77", UserAgent: "canary-agent"}
	p, token := o.hire("canary.user@example.com", store.Admin)
	canaries = append(canaries, token.Reveal(), p.User().String())
	o.must(o.Rename(ctx, p, o.tenant, p.User(), "canary-name"))
	_, token, err := o.signIn("canary.user@example.com", goodPassword, from)
	o.must(err)
	canaries = append(canaries, token.Reveal())
	e, err := o.EnrolSecondFactor(ctx, p, directory.SessionToken{}, directory.NewSecret(goodPassword), "Example")
	o.must(err)
	token, codes, err := o.ConfirmSecondFactor(ctx, p, directory.SessionToken{}, directory.NewSecret(o.code(e.Secret.Reveal())))
	o.must(err)
	canaries = append(canaries, e.Secret.Reveal(), token.Reveal(), codes[0].Reveal())
	_, invitation, err := o.Invite(ctx, p, o.tenant, directory.NewUser{Email: "canary.guest@example.com", Name: "canary-name", Role: store.Viewer})
	o.must(err)
	info, key, err := o.AddAPIKey(ctx, p, directory.NewAPIKey{Name: "canary key", Scopes: []string{"run.read"}})
	o.must(err)
	canaries = append(canaries, invitation.Reveal(), key.Reveal(), info.KeyID, "$argon2id$")
	_, _, err = o.signIn("canary.stranger@example.com", goodPassword, from)
	o.wants(err, directory.ErrWrongCredentials)
	canaries = append(canaries, "canary.stranger", "canary")
	o.must(o.Flush(ctx))
	o.must(db.Close())
	read := 0
	o.must(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		read += len(raw)
		for _, canary := range canaries {
			if strings.Contains(string(raw), canary) {
				t.Errorf("%s holds %q", filepath.Base(path), canary)
			}
		}
		return err
	}))
	if read < 64<<10 {
		t.Errorf("looked at %d bytes only", read)
	}
}

// TestLockedStore: a session that cannot be looked up now is not a session that has ended.
func TestLockedStore(t *testing.T) {
	o := open(t, directory.Options{})
	_, token := o.hire("ada@example.com", store.Viewer)
	o.must(o.Flush(t.Context()))
	o.must(o.db.Lock(t.Context(), storetest.Operator()))
	_, _, signIn := o.signIn("ada@example.com", goodPassword, desk)
	_, _, session := o.Session(t.Context(), token, desk)
	_, key := o.APIKey(t.Context(), directory.NewSecret("qrs_x"), desk)
	_, _, invited := o.Accept(t.Context(), directory.NewSecret("x"), directory.NewSecret(goodPassword), desk)
	for what, err := range map[string]error{"sign-in": signIn, "session": session, "invitation": invited} {
		if !errors.Is(err, store.ErrLocked) || errors.Is(err, directory.ErrNoSession) {
			t.Errorf("%s: %v", what, err)
		}
	}
	o.wants(key, directory.ErrNoAPIKey) // no key at all: not looked up
}

// TestFullDisk fills the store to its limit: signing in and working sessions go on, changes do not.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	db := storetest.New(t, store.Options{Now: c.now, MaxSize: 24 << 20})
	o := &office{t, directory.Open(db, directory.Options{Now: c.now, SecondFactorOptional: true}), db, c, storetest.AddTenant(t, db, "Example Mutual")}
	ctx := t.Context()
	p, token := o.hire("ada@example.com", store.Admin)
	tenant, err := db.Tenant(ctx, p, o.tenant)
	o.must(err)
	bulk := store.Define[string]("portfolios", 1)
	for size := 1 << 19; size > 0; size /= 8 { // ever smaller, until nothing fits
		for err = nil; err == nil; {
			err = tenant.Update(ctx, store.Action{Verb: rights.PortfolioImport}, func(tx *store.WriteTx) error {
				return bulk.Insert(tx, tx.NewID(), strings.Repeat("x", size))
			})
		}
	}
	// Users take less room than an import may: a few may fit still.
	for n := 0; ; n++ {
		if n == 5000 {
			t.Fatal("there is room still")
		}
		if _, _, err := o.AddUser(ctx, operator, o.tenant, directory.NewUser{Email: fmt.Sprintf("bob%d@example.com", n), Name: "Bob", Role: store.Viewer}); err != nil {
			break
		}
	}
	full := func() bool {
		n := o.entries("session.seen")
		return len(n) > 0 && n[len(n)-1].Outcome == store.Failed
	}
	// A session's last use is to be written now. That changes a record in its place, for which a page may be left; the
	// entries of these very uses take it.
	for tries := 0; !full(); tries++ {
		if tries == 100 {
			t.Fatal("it can still be written")
		}
		o.clock.pass(6 * time.Minute)
		o.session(token)
	}
	_, token, err = o.signIn("ada@example.com", goodPassword, desk)
	o.must(err)
	o.session(token)
	_, _, err = o.signIn("ada@example.com", "wrong wrong wrong", desk)
	o.wants(err, directory.ErrWrongCredentials)
	o.must(o.SignOut(ctx, p, token))
}
