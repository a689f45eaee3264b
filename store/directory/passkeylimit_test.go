package directory_test

import (
	"bytes"
	"encoding/json"
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
	"github.com/qrsrisk/qrsd/store/storetest"
)

// TestPasswordFloodLeavesPasskeys: 10,000 attempts with passwords, from the users' own addresses and from all over, and as many
// ceremonies that nobody ends.
func TestPasswordFloodLeavesPasskeys(t *testing.T) {
	o := openWithPasskeys(t)
	ctx := t.Context()
	users := []string{"ada@example.com", "bob@example.com", "eve@example.com"}
	homes := []store.Source{desk, stranger, {Address: "2001:db8:ffff::1"}}
	keys := map[string]*authenticator{}
	for _, email := range users {
		_, _, keys[email], _ = o.hireWithPasskey(email, store.Viewer)
	}
	refused := 0
	count := func(err error, expected error) {
		t.Helper()
		var tooMany *directory.ErrTooMany
		switch {
		case errors.As(err, &tooMany):
			refused++
		case !errors.Is(err, expected):
			t.Fatal(err)
		}
	}
	for i := range 10000 {
		from := homes[i%3]
		if i%4 == 0 {
			from.Address = fmt.Sprintf("2001:db8:%x::1", i%3000)
		}
		_, _, err := o.signIn(users[i%3], "wrong wrong wrong", from)
		count(err, directory.ErrWrongCredentials)
	}
	if refused < 9000 {
		t.Errorf("%d of 10,000 were refused by limits", refused)
	}
	early, err := o.BeginPasskeySignIn(ctx, desk)
	o.must(err)
	before := o.UnderWay()
	for i := range 10000 {
		_, err := o.BeginPasskeySignIn(ctx, store.Source{Address: fmt.Sprintf("2001:db8:%x::1", i)})
		count(err, nil)
	}
	if n := o.UnderWay() - before; n != 0 {
		t.Errorf("%d ceremonies of strangers are kept", n)
	}
	// Whoever was in the middle goes on.
	if _, _, err := o.SignInWithPasskey(ctx, keys[users[0]].get(early), desk); err != nil {
		t.Errorf("a sign-in that was begun before the flood: %v", err)
	}
	in := 0
	for i, email := range users {
		from := homes[i]
		c, err := o.BeginPasskeySignIn(ctx, from)
		if err == nil {
			_, _, err = o.SignInWithPasskey(ctx, keys[email].get(c), from)
		}
		if err == nil {
			in++
		} else {
			t.Logf("%s: %v", email, err)
		}
	}
	if in != len(users) {
		t.Errorf("%d of three users got in", in)
	}
}

// TestPasskeyLimits: attempts with passkeys are limited too, from an address and on an account.
func TestPasskeyLimits(t *testing.T) {
	o := openWithPasskeys(t)
	ctx := t.Context()
	_, _, a, _ := o.hireWithPasskey("ada@example.com", store.Viewer)
	_, _, err := o.passkeySignIn(a, desk)
	o.must(err)
	for i := 0; ; i++ {
		if i > 10 {
			t.Fatal("an account is not limited")
		}
		from := store.Source{Address: fmt.Sprintf("203.0.113.%d", i)}
		c, err := o.BeginPasskeySignIn(ctx, from)
		o.must(err)
		other := newAuthenticator(t)
		other.create(c)
		other.keys[0].id, other.keys[0].handle = a.keys[0].id, a.keys[0].handle
		_, _, err = o.SignInWithPasskey(ctx, other.get(c), from)
		if errors.Is(err, directory.ErrWrongCredentials) {
			continue
		}
		o.tooMany(err)
		break
	}
	_, _, err = o.passkeySignIn(a, desk) // the owner is not kept out by a stranger
	o.must(err)
	for i := 0; ; i++ {
		if i > 30 {
			t.Fatal("an address is not limited")
		}
		_, _, err := o.SignInWithPasskey(ctx, directory.PasskeyAnswer{Ceremony: "x"}, stranger)
		if errors.Is(err, directory.ErrNoCeremony) {
			continue
		}
		o.tooMany(err)
		break
	}
	_, _, err = o.passkeySignIn(a, desk)
	o.must(err)
}

// TestPasskeysLeaveNoTrace looks for what must not be in the log, nor readable on the disk.
func TestPasskeysLeaveNoTrace(t *testing.T) {
	c := &clock{at: time.Now()}
	dir := filepath.Join(t.TempDir(), "store")
	storetest.Create(t, dir, store.Options{Now: c.now})
	db := storetest.Open(t, dir, store.Options{Now: c.now})
	o := &office{t, directory.Open(db, directory.Options{Now: c.now, RelyingParty: party()}), db, c, storetest.AddTenant(t, db, "Example Mutual")}
	ctx := t.Context()
	p, token, a, added := o.hireWithPasskey("canary.user@example.com", store.Approver)
	o.must(o.RenamePasskey(ctx, p, added.Passkey.ID, "canary-passkey"))
	begun, err := o.BeginPasskeySignIn(ctx, desk)
	o.must(err)
	answer := a.get(begun)
	_, _, err = o.SignInWithPasskey(ctx, answer, desk)
	o.must(err)
	needed := o.ticket("canary.user@example.com")
	step, err := o.BeginStepUp(ctx, p, token)
	o.must(err)
	proof := a.get(step)
	token, err = o.StepUp(ctx, p, token, directory.Proof{Passkey: &proof})
	o.must(err)
	point, err := a.keys[0].private.PublicKey.Bytes()
	o.must(err)
	secrets := []string{
		b64(a.keys[0].id), string(a.keys[0].id), b64(a.keys[0].handle), string(a.keys[0].handle), string(point[1:33]),
		a.read(begun).Challenge, begun.ID, needed.Ticket.Reveal(), token.Reveal(), added.Recovery[0].Reveal(), "canary-passkey", "canary.user",
	}
	var log bytes.Buffer
	for _, verb := range []string{"session.sign-in", "session.step-up", "user.self"} {
		all := o.entries(verb)
		if len(all) == 0 {
			t.Fatalf("no entry of %s", verb)
		}
		o.must(json.NewEncoder(&log).Encode(all))
	}
	o.must(o.Flush(ctx))
	o.must(db.Close())
	files := map[string][]byte{"the log": log.Bytes()}
	o.must(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[filepath.Base(path)], err = os.ReadFile(path)
		return err
	}))
	for name, raw := range files {
		for _, secret := range secrets {
			if strings.Contains(string(raw), secret) {
				t.Errorf("%s holds %q", name, secret)
			}
		}
	}
}

// FuzzPasskeyAnswers shows anything to all readers of answers.
func FuzzPasskeyAnswers(f *testing.F) {
	db := storetest.New(f, store.Options{})
	d := directory.Open(db, directory.Options{RelyingParty: party()})
	a := newAuthenticator(f)
	c, err := d.BeginPasskeySignIn(f.Context(), desk)
	a.must(err)
	f.Add(a.create(c).Response)
	f.Add(a.get(c).Response)
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA","authenticatorData":"AA","signature":"AA"}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if err := d.ReadAnswer(answer); err == nil {
			t.Fatalf("an answer to nothing holds: %q", answer)
		}
	})
}

// BenchmarkSignInWithPasskey is one sign-in with its challenge, the authenticator's own signature included.
func BenchmarkSignInWithPasskey(b *testing.B) {
	c := &clock{at: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	db := storetest.New(b, store.Options{Now: c.now})
	tenant := storetest.AddTenant(b, db, "Example Mutual")
	d := directory.Open(db, directory.Options{Now: c.now, RelyingParty: party()})
	ctx := b.Context()
	a := newAuthenticator(b)
	_, oneTime, err := d.AddUser(ctx, operator, tenant, directory.NewUser{Email: "ada@example.com", Name: "Ada", Role: store.Viewer})
	a.must(err)
	p, _, err := d.SignIn(ctx, directory.Credentials{Email: "ada@example.com", Password: oneTime}, desk)
	a.must(err)
	token, err := d.SetPassword(ctx, p, oneTime, directory.NewSecret(goodPassword))
	a.must(err)
	begun, err := d.BeginPasskey(ctx, p, token)
	a.must(err)
	_, err = d.AddPasskey(ctx, p, token, "laptop", a.create(begun))
	a.must(err)
	for b.Loop() {
		c.pass(time.Hour)
		begun, err := d.BeginPasskeySignIn(ctx, desk)
		a.must(err)
		_, _, err = d.SignInWithPasskey(ctx, a.get(begun), desk)
		a.must(err)
	}
}
