package web_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
)

// path is where a link of the page leads on the appliance.
func path(address string) string { return strings.TrimPrefix(address, origin) }

// enrol puts an authenticator application in place from the page that offers it, and returns it with the recovery codes.
func (b *browser) enrol(password string) (application *person, codes []string) {
	b.Helper()
	b.title("Add a second factor")
	b.look("enrol")
	b.fill("password", "not my password at all")
	b.press("Continue with an application")
	b.shows("This is not your password")
	b.fill("password", password)
	b.press("Continue with an application")
	b.title("Bring the application in")
	b.look("enrol-code")
	application = &person{appliance: b.appliance, factor: b.text(".secret")}
	b.fill("code", "000000")
	b.press("Confirm the code")
	b.title("Type the next code")
	b.fill("code", application.code())
	b.press("Confirm the code")
	b.title("Your recovery codes")
	b.look("recovery-codes")
	codes = b.texts(".codes li")
	if len(codes) != 10 {
		b.Fatalf("%d recovery codes", len(codes))
	}
	b.printed("recovery-codes")
	b.press("I have kept them")
	b.title("Account")
	b.clock.pass(31 * time.Second)
	return application, codes
}

// printed wants the paper to hold the codes and whose they are, and nothing that is for the screen.
func (b *browser) printed(name string) {
	b.Helper()
	command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	defer command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{})
	for selector, want := range map[string]bool{".codes": true, ".paper": true, "h1": true, ".top": false, ".foot": false, ".caution": false, ".button": false} {
		shown := fmt.Sprintf(`[...document.querySelectorAll(%q)].some((e) => e.checkVisibility())`, selector)
		if got := read(b, chromedp.Evaluate[bool](shown)); got != want {
			b.Errorf("%s on paper: %t, want %t", selector, got, want)
		}
	}
	if sheet := b.text(".paper"); !strings.Contains(sheet, "@example.com on "+host) {
		b.Errorf("the paper does not say whose codes they are: %q", sheet)
	}
	b.picture(name + "-printed")
}

// in signs in with a password and a code of the application, or without one where it is nil.
func (b *browser) in(email, password string, code string) {
	b.Helper()
	b.open("/sign-in?next=/signed-in") // these tests are of the pages, not of the terminal
	b.fill("email", email)
	b.fill("password", password)
	b.press("Sign in")
	if code != "" {
		b.title("Second factor")
		b.fill("code", code)
		b.press("Continue")
	}
}

// TestSetUpInBrowser goes from the code in the log to the operator and the first tenant's administrator at work, without a script.
func TestSetUpInBrowser(t *testing.T) {
	mode := &settingMode{}
	a := start(t, withPasskeys, func(o *web.Options, _ *directory.Options) { o.Mode = mode })
	mode.Directory = a.directory
	code, err := a.directory.OpenSetUp(t.Context())
	a.must(err)
	b := a.browse()
	b.script(false)
	b.open("/")
	b.title("Set up the appliance")
	b.look("setup")
	write := func(code, password string) int64 {
		b.fill("code", code)
		b.fill("password", password)
		return b.press("Set up and go on")
	}
	for id, text := range map[string]string{
		"operator-name": "Operator One", "operator-email": "operator@example.com", "tenant": "Gulf Coast Mutual",
		"administrator-name": "Administrator One", "administrator-email": "admin@example.com",
	} {
		b.fill(id, text)
	}
	b.choose("mode-1")
	if got := write("AAAA-AAAA-AAAA-AAAA", goodPassword); got != 401 {
		t.Errorf("a wrong code answered %d", got)
	}
	b.shows("This is not the set-up code")
	if got := write(code.Reveal(), "short"); got != 400 {
		t.Errorf("a short password answered %d", got)
	}
	b.look("setup-refused")
	if got := read(b, chromedp.Value(chromedp.CSS("#tenant"))); got != "Gulf Coast Mutual" {
		t.Errorf("what was typed is lost: %q", got)
	}
	write(code.Reveal(), goodPassword)
	b.title("The appliance is set up")
	b.look("setup-done")
	shown := b.texts(".secret")
	if len(shown) != 2 {
		t.Fatalf("shown once: %q", shown)
	}
	if _, err := store.Recovery(shown[0]); err != nil {
		t.Errorf("the recovery code of the store: %v", err)
	}
	b.press("Go on to your second factor")
	application, _ := b.enrol(goodPassword)
	b.shows("The appliance itself")
	b.operatorPages()
	b.press("Sign out")
	b.shows("You are signed out")
	b.look("sign-in")
	b.in("operator@example.com", goodPassword, application.code())
	b.title("Account")
	b.press("Sign out")
	b.open("/setup")
	b.title("Sign in")

	b.open(path(shown[1]))
	b.title("Accept the invitation")
	b.look("accept")
	b.fill("password", "gulf")
	b.press("Accept the invitation")
	b.title("Accept the invitation")
	b.fill("password", goodPassword+" too")
	b.press("Accept the invitation")
	b.enrol(goodPassword + " too")
	b.shows("Gulf Coast Mutual")
	b.look("account")
	b.fill("name", " ")
	b.press("Save the name")
	b.title("Change your name")
	b.fill("name", "Administrator Two")
	b.press("Save the name")
	b.shows("Your changes are saved")
	if facts := b.text("dl"); !strings.Contains(facts, "Administrator Two") {
		t.Errorf("the account after a change of the name: %s", facts)
	}
}

// operatorPages looks at what operators have.
func (b *browser) operatorPages() {
	b.Helper()
	b.press("Tenants")
	b.title("Tenants")
	b.look("tenants")
	b.fill("tenant-name", "Second Mutual")
	b.press("Add the tenant")
	b.shows("Second Mutual")
	b.press("System")
	b.title("System")
	b.shows("hybrid")
	b.look("system")
	b.choose("mode-0")
	b.press("Change the mode")
	b.shows("air-gapped")
}

// TestAdministrationInBrowser does what administrators do, without a script.
func TestAdministrationInBrowser(t *testing.T) {
	a := start(t, withPasskeys)
	a.setUpBy("operator@example.com")
	tenant := a.tenant("Gulf Coast Mutual")
	admin := a.account(tenant, "admin@example.com", store.Admin)
	user := a.account(tenant, "modeler@example.com", store.Modeler)
	b := a.browse()
	b.script(false)
	b.open("/signed-in/users")
	b.title("Sign in")
	b.fill("email", admin.email)
	b.fill("password", admin.password)
	b.press("Sign in")
	b.look("second-factor")
	b.fill("code", "000000")
	if got := b.press("Continue"); got != 401 {
		t.Errorf("a wrong code answered %d", got)
	}
	b.shows("The code is wrong")
	b.fill("code", admin.code())
	b.press("Continue")
	b.title("Users")
	b.look("users")
	b.press("N. N.")
	b.look("user")
	b.open("/signed-in/users/" + user.id.String())
	b.do(chromedp.SetValue(chromedp.CSS("#role"), "analyst"))
	b.press("Save the changes")
	b.shows("Analyst")
	b.press("Make a one-time password")
	b.title("One-time password")
	if b.text(".secret") == "" {
		t.Error("no one-time password")
	}
	b.open("/signed-in/policy")
	b.choose("require_second_factor")
	b.press("Save the policy")
	b.shows("needed by every user")
	b.look("policy")
	b.invite()
	b.keys()
	b.clock.pass(11 * time.Minute)
	b.open("/signed-in/api-keys")
	b.shows("To make or rotate a key")
	b.look("api-keys-gate")
	b.press("Confirm that it is you")
	b.title("Confirm that it is you")
	b.look("confirm")
	b.fill("password", admin.password)
	b.fill("code", admin.code())
	b.press("Confirm")
	b.title("API keys")
	b.shows("Make a key")
	b.open("/signed-in/sessions")
	b.shows("this session")
	b.look("sessions")
	b.open("/signed-in/messages")
	b.title("Messages")
	b.look("messages")
	if got := b.open("/signed-in/nowhere"); got != 404 {
		t.Errorf("a page that is not there answered %d", got)
	}
	b.title("Not found")
	b.look("not-found")
	if got := b.open("/signed-in/tenants"); got != 403 {
		t.Errorf("the operator's page answered %d to an administrator", got)
	}
	b.title("Not allowed")
}

// invite invites somebody and takes it back.
func (b *browser) invite() {
	b.Helper()
	b.open("/signed-in/invitations")
	b.fill("name", "Somebody New")
	b.fill("email", "not an address")
	b.press("Invite")
	b.title("Invite somebody")
	b.look("invite-refused")
	if got := read(b, chromedp.Value(chromedp.CSS("#name"))); got != "Somebody New" {
		b.Errorf("what was typed is lost: %q", got)
	}
	b.fill("email", "new@example.com")
	b.press("Invite")
	b.title("The invitation is made")
	b.look("invited")
	b.press("Go back")
	b.shows("new@example.com")
	b.look("invitations")
	b.press("Withdraw")
	b.shows("The invitation is withdrawn")
}

// keys makes an API key, rotates and revokes it.
func (b *browser) keys() {
	b.Helper()
	b.open("/signed-in/api-keys")
	b.look("api-keys")
	b.fill("name", "nightly import")
	b.press("Make the key")
	b.shows("Choose at least one")
	b.look("api-key-refused")
	b.choose("scopes-0")
	b.press("Make the key")
	b.title("The key is made")
	b.look("api-key")
	first := b.text(".secret")
	program := b.appliance.stranger()
	program.key = first
	if got := program.call("GET", "/api/v1/users", nil); got.Status == 401 {
		b.Errorf("the new key is not known: %s", got)
	}
	b.press("I have kept it")
	b.shows("nightly import")
	b.press("Rotate")
	b.title("The key has a new secret")
	if second := b.text(".secret"); second == first || second == "" {
		b.Errorf("the key's second secret: %q", second)
	}
	b.press("I have kept it")
	b.press("Revoke")
	b.shows("The key is revoked")
	b.look("api-keys-revoked")
	if got := program.call("GET", "/api/v1/users", nil); got.Status != 401 {
		b.Errorf("the revoked key: %s", got)
	}
}

// TestResetInBrowser sets a forgotten password by the link in the local outbox, without a script.
func TestResetInBrowser(t *testing.T) {
	a := start(t)
	a.setUpBy("operator@example.com")
	tenant := a.tenant("Gulf Coast Mutual")
	admin := a.account(tenant, "admin@example.com", store.Admin)
	user := a.account(tenant, "viewer@example.com", store.Viewer)
	b := a.browse()
	b.script(false)
	b.open("/sign-in")
	b.press("I forgot my password")
	b.title("Reset your password")
	b.look("reset")
	b.fill("email", user.email)
	b.press("Send the link")
	b.title("Check your e-mail")
	b.look("reset-sent")
	b.in(admin.email, admin.password, admin.code())
	b.press("Messages")
	var link string
	for _, text := range b.texts("td code") {
		if strings.Contains(text, "/reset/accept?token=") {
			link = text
		}
	}
	b.press("Sign out")
	b.open(path(link))
	b.title("Set a new password")
	b.look("reset-accept")
	b.fill("password", "short")
	b.press("Set the password")
	b.title("Set a new password")
	b.fill("password", "a quite different long password")
	b.press("Set the password")
	b.shows("Your password is changed")
	b.in(user.email, user.password, "")
	b.shows("E-mail address, password or code is wrong")
	b.look("sign-in-refused")
	b.in(user.email, "a quite different long password", "")
	b.title("Account")
	b.press("Change your password")
	b.look("change-password")
	b.open(path(link))
	b.fill("password", "and yet another long password")
	b.press("Set the password")
	b.shows("not valid, was used, or has expired")
}

// TestLostFactorInBrowser: a recovery code lets in once; another administrator takes the lost factor away, and the user has to
// enrol anew before anything else. Without a script.
func TestLostFactorInBrowser(t *testing.T) {
	a := start(t)
	a.setUpBy("operator@example.com")
	tenant := a.tenant("Gulf Coast Mutual")
	admin := a.account(tenant, "admin@example.com", store.Admin)
	u, oneTime, err := a.directory.AddUser(t.Context(), a.operator, tenant, directory.NewUser{Email: "approver@example.com", Name: "Approver One", Role: store.Approver})
	a.must(err)
	b := a.browse()
	b.script(false)
	b.in(u.Email, oneTime.Reveal(), "")
	b.title("Change your password")
	b.look("one-time-password")
	b.open("/signed-in/users")
	b.title("Change your password")
	b.fill("old", oneTime.Reveal())
	b.fill("password", goodPassword)
	b.press("Change the password")
	_, codes := b.enrol(goodPassword)
	b.press("Sign out")
	b.in(u.Email, goodPassword, codes[0])
	b.title("Account")
	b.shows("recovery codes left: 9")
	b.press("Second factor")
	b.look("factor")
	b.press("Sign out")
	b.in(u.Email, goodPassword, codes[0])
	b.shows("The code is wrong or was used already")

	b.in(admin.email, admin.password, admin.code())
	b.open("/signed-in/users/" + u.ID.String())
	b.press("Reset the second factor")
	b.shows("none")
	b.press("Sign out")
	b.in(u.Email, goodPassword, "")
	b.enrol(goodPassword)
}

// TestLockedInBrowser: a locked store says so and is unlocked by the page, without a script.
func TestLockedInBrowser(t *testing.T) {
	a := start(t, func(o *web.Options, _ *directory.Options) {
		db := o.DB
		o.Unlock = func(ctx context.Context, with web.Unlocking, from store.Source) error {
			by, err := store.Recovery(with.Recovery.Reveal())
			if err != nil {
				return err
			}
			return db.Unlock(ctx, directory.HostOperator("console", from), by)
		}
	})
	a.setUpBy("operator@example.com")
	recovery, err := a.db.ReplaceRecovery(t.Context(), a.operator)
	a.must(err)
	tenant := a.tenant("Gulf Coast Mutual")
	user := a.account(tenant, "viewer@example.com", store.Viewer)
	a.must(a.db.Lock(t.Context(), a.operator))
	b := a.browse()
	b.script(false)
	if got := b.open("/signed-in"); got != 503 {
		t.Errorf("a page of a locked store answered %d", got)
	}
	b.title("The store is locked")
	b.look("locked")
	b.open("/sign-in")
	b.title("The store is locked")
	b.press("Unlock the store")
	b.title("Unlock the store")
	b.look("unlock")
	b.fill("recovery_code", "AAAA-AAAA")
	b.press("Unlock with the recovery code")
	b.title("Unlock the store")
	b.look("unlock-refused")
	b.fill("recovery_code", recovery)
	b.press("Unlock with the recovery code")
	b.title("Sign in")
	b.shows("The store is unlocked")
	b.in(user.email, user.password, "")
	b.title("Account")
}
