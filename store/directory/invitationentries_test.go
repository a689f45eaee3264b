package directory_test

import (
	"errors"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// TestInvitationsAreEntered: who guesses tokens is entered, of attempts beyond the limit the first; who accepts is entered as accepting.
func TestInvitationsAreEntered(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	_, token, err := o.Invite(ctx, operator, o.tenant, directory.NewUser{Email: "ada@example.com", Name: "Ada", Role: store.Admin})
	o.must(err)
	guesses, beyond := 0, 0
	for range 40 {
		_, _, err := o.Accept(ctx, directory.NewSecret("guess"), directory.NewSecret(goodPassword), stranger)
		switch {
		case errors.Is(err, directory.ErrNoInvitation):
			guesses++
		default:
			o.tooMany(err)
			beyond++
		}
	}
	if beyond == 0 {
		t.Fatal("guesses are not limited")
	}
	if n := len(o.appliance("invitation.accept")); n != guesses+1 {
		t.Errorf("%d entries of %d guesses and %d beyond the limit, want one each and one", n, guesses, beyond)
	}
	p, _, err := o.Accept(ctx, token, directory.NewSecret(goodPassword), desk)
	o.must(err)
	all := o.entries("invitation.accept")
	if len(all) != 1 || all[0].Outcome != store.Done || all[0].Actor != p.User().String() {
		t.Errorf("entries of the acceptance: %+v", all)
	}
}
