package directory_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// kinds are those of messages, in their order.
func kinds(all []directory.Notice) (names []string) {
	for _, n := range all {
		names = append(names, string(n.Kind))
	}
	return names
}

// tells wants exactly these messages to have been written since the last ones, all of them to the address.
func (o *office) tells(email string, want ...directory.NoticeKind) {
	o.Helper()
	all := o.sent()
	var wanted []string
	for _, k := range want {
		wanted = append(wanted, string(k))
	}
	if got := kinds(all); !slices.Equal(got, wanted) {
		o.Errorf("messages %v, want %v", got, wanted)
	}
	for _, n := range all {
		if n.Email != email || n.Tenant != o.tenant || n.TenantName != "Example Mutual" || n.Name == "" || n.Role == 0 {
			o.Errorf("message %+v", n)
		}
		if hasToken := n.Kind == directory.NoticeInvitation || n.Kind == directory.NoticePasswordReset; n.Token.IsZero() == hasToken {
			o.Errorf("%s: token %t", n.Kind, !n.Token.IsZero())
		}
	}
}

// TestEveryChangeTellsOnce goes through the changes that somebody should hear of, and the same ones as they fail.
func TestEveryChangeTellsOnce(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	admin := storetest.User(o.tenant, store.Admin)
	const email = "bob@example.com"
	good := directory.NewSecret(goodPassword)

	_, token, err := o.Invite(ctx, admin, o.tenant, directory.NewUser{Email: email, Name: "Bob", Role: store.Viewer})
	o.must(err)
	o.tells(email, directory.NoticeInvitation)
	p, _, err := o.Accept(ctx, token, good, desk)
	o.must(err)
	o.tells(email)

	fails := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s did not fail", what)
		}
		o.tells(email)
	}
	_, _, err = o.AddUser(ctx, admin, o.tenant, directory.NewUser{Email: email, Name: "Bob", Role: store.Viewer})
	fails("the same address", err)
	_, err = o.SetPassword(ctx, p, directory.NewSecret("wrong"), directory.NewSecret(freshPassword))
	fails("a wrong password", err)
	fresh, err := o.SetPassword(ctx, p, good, directory.NewSecret(freshPassword))
	o.must(err)
	o.tells(email, directory.NoticePasswordChanged)
	good, p = directory.NewSecret(freshPassword), o.session(fresh)

	begun, err := o.EnrolSecondFactor(ctx, p, directory.SessionToken{}, good, "Example")
	o.must(err)
	o.tells(email)
	_, _, err = o.ConfirmSecondFactor(ctx, p, directory.SessionToken{}, directory.NewSecret("000000"))
	fails("a wrong code", err)
	fresh, _, err = o.ConfirmSecondFactor(ctx, p, directory.SessionToken{}, directory.NewSecret(o.code(begun.Secret.Reveal())))
	o.must(err)
	o.tells(email, directory.NoticeSecondFactorAdded)
	p = o.session(fresh)
	codes, err := o.RenewRecoveryCodes(ctx, p, fresh, good)
	o.must(err)
	o.tells(email, directory.NoticeRecoveryCodesNew)
	p, fresh, err = o.SignIn(ctx, directory.Credentials{Email: email, Password: good, Code: codes[3]}, stranger)
	o.must(err)
	if n := o.sent(); len(n) != 1 || n[0].Kind != directory.NoticeRecoveryCodeUsed || n[0].RecoveryCodes != 9 || n[0].Address != stranger.Address {
		t.Errorf("a recovery code: %+v", n)
	}
	_, _, err = o.SignIn(ctx, directory.Credentials{Email: email, Password: good, Code: codes[3]}, stranger)
	fails("the same recovery code", err)
	o.must(o.RemoveSecondFactor(ctx, p, fresh, good))
	o.tells(email, directory.NoticeSecondFactorRemoved)
	o.must(o.ResetSecondFactor(ctx, admin, o.tenant, p.User()))
	o.tells(email) // there was none
	p, _ = o.enrolWith(p, good)
	o.tells(email, directory.NoticeSecondFactorAdded)
	o.must(o.ResetSecondFactor(ctx, admin, o.tenant, p.User()))
	o.tells(email, directory.NoticeSecondFactorReset)

	o.must(o.ChangeRole(ctx, admin, o.tenant, p.User(), store.Analyst))
	o.tells(email, directory.NoticeRoleChanged)
	o.must(o.ChangeRole(ctx, admin, o.tenant, p.User(), store.Analyst))
	o.tells(email)
	fails("an operator's role", o.ChangeRole(ctx, operator, o.tenant, p.User(), store.Viewer))
	_, err = o.ResetPassword(ctx, admin, o.tenant, p.User())
	o.must(err)
	o.tells(email, directory.NoticeOneTimePassword)
	o.must(o.Rename(ctx, admin, o.tenant, p.User(), "Robert"))
	o.tells(email)
	o.must(o.Disable(ctx, admin, o.tenant, p.User()))
	o.tells(email, directory.NoticeDisabled)
	o.must(o.Enable(ctx, admin, o.tenant, p.User()))
	o.tells(email, directory.NoticeEnabled)
	_, _, err = o.AddUser(ctx, admin, o.tenant, directory.NewUser{Email: "new@example.com", Name: "N", Role: store.Viewer})
	o.must(err)
	o.tells("new@example.com", directory.NoticeAccountAdded)
}

// enrolWith is enrol for another password.
func (o *office) enrolWith(p store.Principal, password directory.Secret) (store.Principal, string) {
	o.Helper()
	e, err := o.EnrolSecondFactor(o.Context(), p, directory.SessionToken{}, password, "Example Mutual")
	o.must(err)
	token, _, err := o.ConfirmSecondFactor(o.Context(), p, directory.SessionToken{}, directory.NewSecret(o.code(e.Secret.Reveal())))
	o.must(err)
	return o.session(token), e.Secret.Reveal()
}

// TestNoticesAreSentOnce takes and marks: what is taken is not taken again at once, what is not marked is later, what is sent is
// gone, and each batch is two entries in its tenant.
func TestNoticesAreSentOnce(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	invite := func(email string) {
		_, _, err := o.Invite(ctx, operator, o.tenant, directory.NewUser{Email: email, Name: "G", Role: store.Viewer})
		o.must(err)
	}
	none := func(when string) {
		t.Helper()
		if all := o.taken(); len(all) != 0 {
			t.Errorf("%s: %d messages", when, len(all))
		}
	}
	none("at first")
	for i := range 5 {
		invite(fmt.Sprintf("guest%d@example.com", i))
	}
	first, err := o.TakeNotices(ctx, operator, 3)
	o.must(err)
	rest := o.taken()
	if len(first) != 3 || len(rest) != 2 || first[0].Email != "guest0@example.com" || rest[0].Email != "guest3@example.com" {
		t.Fatalf("taken %v and %v", first, rest)
	}
	none("all are taken")
	o.must(o.MarkNotices(ctx, operator, []directory.NoticeMark{
		{Tenant: o.tenant, Notice: first[0].ID},
		{Tenant: o.tenant, Notice: first[1].ID, Failure: "550 no such mailbox\r\nX-Injected: " + strings.Repeat("x", 1000)},
		{Tenant: o.tenant, Notice: store.ID{7}}, // withdrawn meanwhile
	}))
	none("before the pause is over")
	o.clock.pass(2 * time.Minute)
	again := o.taken()
	if len(again) != 4 || again[0].Attempts != 2 || again[0].ID != first[1].ID {
		t.Fatalf("after the pause: %+v", again)
	}
	if f := again[0].Failure; len(f) > 200 || strings.ContainsAny(f, "\r\n") || !strings.HasPrefix(f, "550 no such mailbox") {
		t.Errorf("failure %q", f)
	}
	o.clock.pass(2 * time.Minute)
	none("the second pause is longer")
	o.clock.pass(2 * time.Minute)
	if got := len(o.sent()); got != 4 {
		t.Errorf("%d messages after the second pause", got)
	}
	o.clock.pass(24 * time.Hour)
	entries := len(o.entries("notice.send"))
	none("all are sent")
	if got := o.entries("notice.send"); len(got) != entries || entries != 6 {
		t.Errorf("%d entries, %d before: four batches taken, two marked", len(got), entries)
	}
}

// TestNoticesLapse drops what nobody sent in time, and takes back what a change made void.
func TestNoticesLapse(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	invite := func(email string) directory.Invitation {
		in, _, err := o.Invite(ctx, operator, o.tenant, directory.NewUser{Email: email, Name: "G", Role: store.Viewer})
		o.must(err)
		return in
	}
	admin := storetest.User(o.tenant, store.Admin)
	waiting := func() int {
		t.Helper()
		page, err := o.Notices(ctx, admin, "", 100)
		o.must(err)
		return len(page.Notices)
	}
	in := invite("one@example.com")
	invite("one@example.com") // the first token is void
	if got := waiting(); got != 1 {
		t.Errorf("%d messages of one invitation", got)
	}
	o.wants(o.WithdrawInvitation(ctx, admin, o.tenant, in.ID), store.ErrNotFound)
	in = invite("one@example.com")
	o.must(o.WithdrawInvitation(ctx, admin, o.tenant, in.ID))
	if got := waiting(); got != 0 {
		t.Errorf("%d messages of a withdrawn invitation", got)
	}
	bob, _ := o.hire("bob@example.com", store.Viewer)
	o.sent()
	o.HurryResets()
	for range 3 { // the first token is void, the last two are good
		o.must(o.RequestPasswordReset(ctx, "bob@example.com", desk))
	}
	page, err := o.Notices(ctx, admin, "", 100)
	o.must(err)
	if len(page.Notices) != 2 {
		t.Fatalf("%d messages of one reset", len(page.Notices))
	}
	o.must(o.AcceptPasswordReset(ctx, page.Notices[0].Token, directory.NewSecret(freshPassword), desk))
	if page, err = o.Notices(ctx, admin, "", 100); err != nil || len(page.Notices) != 1 || page.Notices[0].Kind != directory.NoticePasswordChanged || page.Notices[0].User != bob.User() {
		t.Errorf("messages after the reset: %+v, %v", page.Notices, err)
	}
	o.sent()
	invite("two@example.com")
	o.clock.pass(7 * 24 * time.Hour)
	if got := waiting(); got != 0 {
		t.Errorf("%d messages of an invitation that has expired", got)
	}
	if all := o.taken(); len(all) != 0 {
		t.Errorf("%d expired messages taken", len(all))
	}
	taken := len(o.entries("notice.send"))
	o.taken()
	if got := len(o.entries("notice.send")); got != taken {
		t.Error("what has expired is looked at again and again")
	}
}

// TestPauses doubles up to an hour.
func TestPauses(t *testing.T) {
	o := open(t, directory.Options{})
	_, _, err := o.AddUser(t.Context(), operator, o.tenant, directory.NewUser{Email: "a@example.com", Name: "A", Role: store.Viewer})
	o.must(err)
	var got []time.Duration
	for range 9 {
		n := o.taken()[0]
		got = append(got, n.Next.Sub(o.clock.now()))
		o.clock.pass(got[len(got)-1])
	}
	m := time.Minute
	if want := []time.Duration{2 * m, 4 * m, 8 * m, 16 * m, 32 * m, time.Hour, time.Hour, time.Hour, time.Hour}; !slices.Equal(got, want) {
		t.Errorf("pauses %v, want %v", got, want)
	}
}

// TestWhoReadsNotices shows tokens to the tenant's administrators and the appliance's operators, each of their own, each time
// with an entry; and gives them to be sent to nobody but the host.
func TestWhoReadsNotices(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	ctx := t.Context()
	ada, _ := o.hire("ada@example.com", store.Admin)
	vera, _ := o.hire("vera@example.com", store.Viewer)
	p := o.novice("root@example.com")
	o.sent()
	_, token, err := o.Invite(ctx, ada, o.tenant, directory.NewUser{Email: "guest@example.com", Name: "G", Role: store.Viewer})
	o.must(err)
	_, second, err := o.Invite(ctx, p, store.Appliance, directory.NewUser{Email: "two@example.com", Name: "T", Role: store.Operator})
	o.must(err)

	for _, look := range []struct {
		by    store.Principal
		token directory.Secret
	}{{ada, token}, {p, second}, {operator, second}} {
		page, err := o.Notices(ctx, look.by, "", 10)
		o.must(err)
		if len(page.Notices) != 1 || page.Notices[0].Token.Reveal() != look.token.Reveal() || page.Next != "" {
			t.Errorf("%s sees %+v", look.by.Role(), page.Notices)
		}
	}
	if a, b := len(o.entries("notice.read")), len(o.appliance("notice.read")); a != 1 || b != 2 {
		t.Errorf("%d and %d entries of looking", a, b)
	}
	_, err = o.Notices(ctx, vera, "", 10)
	o.denied("a viewer", err)
	for _, by := range []store.Principal{p, ada, vera, {}} {
		_, err = o.TakeNotices(ctx, by, 10)
		o.denied("taken by a user", err)
		o.denied("marked by a user", o.MarkNotices(ctx, by, []directory.NoticeMark{{Tenant: o.tenant}}))
	}
	if a, b := len(o.entries("notice.send")), len(o.appliance("notice.send")); a < 4 || b < 2 {
		t.Errorf("%d and %d entries of taking and marking", a, b)
	}
	_, err = o.TakeNotices(ctx, operator, 0)
	o.invalid("limit", err)
	o.sent()
	if page, err := o.Notices(ctx, ada, "", 10); err != nil || len(page.Notices) != 0 {
		t.Errorf("a message that was sent is shown: %v, %v", page.Notices, err)
	}
}

// TestNoticesOfAnErasedTenant are nobody's.
func TestNoticesOfAnErasedTenant(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	for _, tenant := range []store.ID{o.tenant, storetest.AddTenant(t, o.db, "Gulf Mutual")} {
		_, _, err := o.Invite(ctx, operator, tenant, directory.NewUser{Email: "guest@example.com", Name: "G", Role: store.Viewer})
		o.must(err)
	}
	before, err := o.TakeNotices(ctx, operator, 2)
	o.must(err)
	o.clock.pass(time.Hour)
	_, err = o.db.EraseTenant(ctx, operator, o.tenant)
	o.must(err)
	if all := o.taken(); len(all) != 1 || all[0].Tenant == o.tenant {
		t.Errorf("messages %+v", all)
	}
	var marks []directory.NoticeMark
	for _, n := range before {
		marks = append(marks, directory.NoticeMark{Tenant: n.Tenant, Notice: n.ID})
	}
	o.must(o.MarkNotices(ctx, operator, marks))
}

// TestTokensAreNowhereReadable plants tokens, addresses and the set-up code, and looks for them in all files of the store, open
// and closed, and in the audit logs.
func TestTokensAreNowhereReadable(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "store")
	storetest.Create(t, dir, store.Options{})
	o := &office{T: t, db: storetest.Open(t, dir, store.Options{}), clock: &clock{at: time.Now()}}
	o.Directory = directory.Open(o.db, directory.Options{SecondFactorOptional: true})
	o.HurryResets()
	ctx := t.Context()
	from := store.Source{Address: "192.0.2.77", UserAgent: "canary-agent"}
	n := gulf()
	n.Operator.Email, n.Admin.Email, n.Operator.Name, n.Tenant = "canary.root@example.com", "canary.ada@example.com", "canary-name", "canary-tenant"
	code := o.openSetUp()
	done, err := o.SetUp(ctx, code, n, from)
	o.must(err)
	o.tenant = done.Tenant
	o.must(o.RequestPasswordReset(ctx, "canary.root@example.com", from))
	canaries := []string{"canary", "192.0.2.77", goodPassword, code.Reveal(), done.Token.Reveal(), done.Session.Reveal()}
	waiting := o.taken()
	if len(waiting) != 2 {
		t.Fatalf("%d messages", len(waiting))
	}
	for _, n := range waiting {
		canaries = append(canaries, n.Token.Reveal())
	}
	o.must(o.MarkNotices(ctx, operator, []directory.NoticeMark{{Tenant: waiting[0].Tenant, Notice: waiting[0].ID, Failure: "canary-failure"}}))
	for _, entry := range append(o.appliance(""), o.entries("")...) {
		entry.Person = nil
		if found := containing(fmt.Sprintf("%+v", entry), canaries); found != "" {
			t.Errorf("%s stands in the entry of %s", found, entry.Action)
		}
	}
	o.must(o.db.Close())
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if found := containing(string(raw), canaries); found != "" {
			t.Errorf("%s stands in %s", found, path)
		}
		return err
	})
	o.must(err)
}

func containing(text string, canaries []string) string {
	for _, c := range canaries {
		if strings.Contains(text, c) {
			return c
		}
	}
	return ""
}
