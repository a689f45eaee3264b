package web_test

import (
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// TestPasskeysInBrowser registers a passkey with the browser's virtual authenticator and uses it in each way.
func TestPasskeysInBrowser(t *testing.T) {
	a := start(t, withPasskeys)
	a.setUpBy("operator@example.com")
	tenant := a.tenant("Gulf Coast Mutual")
	admin := a.account(tenant, "admin@example.com", store.Admin)
	b := a.browse()
	device := b.authenticator()
	b.in(admin.email, admin.password, admin.code())
	b.press("Passkeys")
	b.title("Passkeys")
	b.look("passkeys")
	b.fill("passkey-name", "laptop of the test")
	b.touch("Add a passkey")
	b.shows("laptop of the test")
	b.look("passkeys-added")

	b.press("Sign out")
	b.open("/sign-in?next=/signed-in")
	b.touch("Sign in with a passkey")
	b.title("Account")

	b.press("Sign out")
	b.in(admin.email, admin.password, "")
	b.title("Second factor")
	b.look("second-factor-passkey")
	b.touch("Use a passkey")
	b.title("Account")

	a.clock.pass(11 * time.Minute)
	b.press("Passkeys")
	b.shows("To add or remove a passkey")
	b.press("Confirm that it is you")
	b.look("confirm-passkey")
	b.touch("Confirm with a passkey")
	b.title("Passkeys")
	b.shows("Add a passkey")

	b.expect(401)
	command(b, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: device, IsUserVerified: false})
	b.press("Sign out")
	b.open("/sign-in?next=/signed-in")
	b.touch("Sign in with a passkey")
	b.shows("No passkey was used")
	b.look("passkey-refused")
	command(b, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: device, IsUserVerified: true})
	b.touch("Sign in with a passkey")
	b.title("Account")
	b.press("Passkeys")
	b.press("Remove")
	b.shows("You have no passkey")
	b.press("Sign out")
	b.open("/sign-in?next=/signed-in")
	b.touch("Sign in with a passkey")
	b.shows("password or code is wrong")
}

// TestPasskeyIsFirstFactorInBrowser: an account that must enrol may do it with a passkey, and gets recovery codes.
func TestPasskeyIsFirstFactorInBrowser(t *testing.T) {
	a := start(t, withPasskeys)
	a.setUpBy("operator@example.com")
	tenant := a.tenant("Gulf Coast Mutual")
	_, token, err := a.directory.Invite(t.Context(), a.operator, tenant, directory.NewUser{Email: "admin@example.com", Name: "Administrator One", Role: store.Admin})
	a.must(err)
	b := a.browse()
	b.authenticator()
	b.open("/accept?token=" + token.Reveal())
	b.fill("password", goodPassword)
	b.press("Accept the invitation")
	b.title("Add a second factor")
	b.look("enrol-passkey")
	b.fill("passkey-name", "telephone")
	b.touch("Add a passkey")
	b.shows("Your recovery codes")
	b.look("enrol-passkey-codes")
	if codes := b.texts(".codes li"); len(codes) != 10 {
		t.Errorf("%d recovery codes", len(codes))
	}
	b.printed("enrol-passkey-codes")
	b.press("I have kept them")
	b.title("Account")
	b.shows("passkeys: 1")
}
