package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// enrol gives the person, who is signed in, a TOTP application over HTTP.
func (p *person) enrol() (recovery []string) {
	p.Helper()
	var e wire.Enrolment
	p.want(201, p.call("POST", "/api/v1/me/second-factor", wire.PasswordProof{Password: p.password})).into(p.TB, &e)
	code, err := totp.GenerateCode(e.Secret, p.clock.now())
	p.must(err)
	var codes wire.RecoveryCodes
	p.want(200, p.call("POST", "/api/v1/me/second-factor/confirm", wire.Code{Code: code})).into(p.TB, &codes)
	p.factor = e.Secret
	p.clock.pass(31 * time.Second)
	return codes.RecoveryCodes
}

// guest is somebody with an invitation.
func (a *appliance) guest(email string) *person {
	return &person{appliance: a, email: email, password: goodPassword, client: a.client(nil)}
}

// accept accepts an invitation, which signs the guest in.
func (p *person) accept(m wire.MadeInvitation) (s wire.Session) {
	p.Helper()
	p.want(201, p.call("POST", "/api/v1/invitations/accept", wire.Acceptance{Token: m.Token, Password: p.password})).into(p.TB, &s)
	p.id, p.tenant = p.idOf(s.User), p.idOf(s.Tenant)
	return s
}

// TestInvitation follows an administrator from invitation to work: accept, enrol the second factor, which is asked for, sign in again.
func TestInvitation(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	admin := a.join(tenant, "admin@example.com", store.Admin)
	var made wire.MadeInvitation
	r := admin.want(201, admin.call("POST", "/api/v1/invitations", wire.NewUser{Email: " Guest@Example.com", Name: "Guest", Role: "approver"}))
	r.into(t, &made)
	if r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Content-Encoding") != "" || r.Header.Get("Location") != "/api/v1/invitations/"+made.Invitation.ID {
		t.Errorf("headers of a reply with a token: %v", r.Header)
	}
	guest := a.guest("guest@example.com")
	s := guest.accept(made)
	if s.Role != "approver" || !slices.Contains(s.MustDo, "enrol-second-factor") {
		t.Fatalf("accepted: %+v", s)
	}
	if p := guest.want(403, guest.call("GET", "/api/v1/audit/entries", nil)).problem(t); problemName(p) != "restricted" {
		t.Errorf("before the second factor: %+v", p)
	}
	before := guest.cookie
	guest.enrol()
	if guest.cookie == before {
		t.Error("the session has the token that it had before the second factor")
	}
	guest.want(200, guest.call("GET", "/api/v1/audit/entries", nil))
	guest.want(204, guest.call("DELETE", "/api/v1/session", nil))
	guest.signIn()
	again := guest.call("POST", "/api/v1/invitations/accept", wire.Acceptance{Token: made.Token, Password: goodPassword})
	if guest.want(401, again); problemName(again.problem(t)) != "wrong-credentials" {
		t.Errorf("a used invitation: %s", again)
	}
}

// TestLostSecondFactor follows a user who lost the second factor and the recovery codes: another administrator takes the factor
// away, sessions end, a notice is in the outbox, and the user enrols anew before doing anything else.
func TestLostSecondFactor(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	admin, lost := a.join(tenant, "admin@example.com", store.Admin), a.join(tenant, "lost@example.com", store.Approver)
	path := "/api/v1/users/" + lost.id.String() + "/second-factor"
	if p := admin.want(409, admin.call("DELETE", "/api/v1/users/"+admin.id.String()+"/second-factor", nil)).problem(t); problemName(p) != "conflict" {
		t.Errorf("one's own: %+v", p)
	}
	admin.want(204, admin.call("DELETE", path, nil))
	lost.want(401, lost.call("GET", "/api/v1/session", nil))
	var outbox wire.Page[wire.Notice]
	admin.want(200, admin.call("GET", "/api/v1/outbox", nil)).into(t, &outbox)
	if !slices.ContainsFunc(outbox.Items, func(n wire.Notice) bool {
		return n.Kind == string(directory.NoticeSecondFactorReset) && n.Email == lost.email
	}) {
		t.Errorf("no notice to %s in %+v", lost.email, outbox.Items)
	}
	lost.factor, lost.cookie = "", ""
	lost.signIn()
	lost.want(403, lost.call("GET", "/api/v1/audit/entries", nil))
	lost.enrol()
	lost.want(200, lost.call("GET", "/api/v1/audit/entries", nil))
}

// TestRoleChange ends the sessions of whoever gets another role, and the new one counts from the next sign-in on.
func TestRoleChange(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	admin, user := a.join(tenant, "admin@example.com", store.Admin), a.join(tenant, "user@example.com", store.Viewer)
	path := "/api/v1/users/" + user.id.String()
	user.want(403, user.call("GET", "/api/v1/api-keys", nil))
	tag := admin.want(200, admin.call("GET", path, nil)).Header.Get("ETag")
	role := "modeler"
	changed := admin.want(200, admin.call("PATCH", path, wire.UserChange{Role: &role}, header("If-Match", tag)))
	var u wire.User
	if changed.into(t, &u); u.Role != role || changed.Header.Get("ETag") == tag || tag == "" {
		t.Errorf("changed to %+v with tag %s, which was %s", u, changed.Header.Get("ETag"), tag)
	}
	user.want(401, user.call("GET", "/api/v1/session", nil))
	user.cookie = ""
	user.signIn()
	user.want(200, user.call("GET", "/api/v1/api-keys", nil))
	viewer := "viewer"
	last := admin.call("PATCH", "/api/v1/users/"+admin.id.String(), wire.UserChange{Role: &viewer})
	if admin.want(409, last); problemName(last.problem(t)) != "conflict" {
		t.Errorf("the last administrator: %s", last)
	}
}

// TestNotOverwritten wants a change with the tag of an earlier version refused, with nothing changed, of each thing that has tags.
func TestNotOverwritten(t *testing.T) {
	a := equipped(t)
	tenant := a.tenant("Example Mutual")
	admin, operator := a.join(tenant, "admin@example.com", store.Admin), a.join(store.Appliance, "operator@example.com", store.Operator)
	first, second := "First", "Second"
	user := "/api/v1/users/" + admin.id.String()
	for _, c := range []struct {
		p                 *person
		read, method, at  string
		change, different any
	}{
		{admin, user, "PATCH", user, wire.UserChange{Name: &first}, wire.UserChange{Name: &second}},
		{admin, "/api/v1/policy", "PUT", "/api/v1/policy", wire.Policy{RequireSecondFactor: true}, wire.Policy{}},
		{operator, "/api/v1/system", "PUT", "/api/v1/system/mode", wire.Mode{Mode: "connected"}, wire.Mode{Mode: "hybrid"}},
	} {
		tag := c.p.want(200, c.p.call("GET", c.read, nil)).Header.Get("ETag")
		changed := c.p.want(200, c.p.call(c.method, c.at, c.change, header("If-Match", tag)))
		stale := c.p.want(412, c.p.call(c.method, c.at, c.different, header("If-Match", tag)))
		if problemName(stale.problem(t)) != "changed-meanwhile" {
			t.Errorf("%s: %s", c.at, stale)
		}
		now := c.p.want(200, c.p.call("GET", c.read, nil))
		if now.Header.Get("ETag") != changed.Header.Get("ETag") || now.Header.Get("ETag") == tag {
			t.Errorf("%s: tags %s, then %s, now %s", c.at, tag, changed.Header.Get("ETag"), now.Header.Get("ETag"))
		}
		c.p.want(400, c.p.call(c.method, c.at, c.different, header("If-Match", "W/"+tag)))
		c.p.want(200, c.p.call(c.method, c.at, c.different, header("If-Match", "*")))
	}
}

// TestAPIKeyLife follows a key: made, used, rotated with an overlap, in which both secrets are good and after which one is, and
// revoked. Each step is an entry about the key.
func TestAPIKeyLife(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	p := a.join(tenant, "modeler@example.com", store.Modeler)
	var key wire.MadeAPIKey
	p.want(201, p.call("POST", "/api/v1/api-keys", wire.NewAPIKey{Name: "pipeline", Scopes: []string{"ledger.read"}})).into(t, &key)
	p.want(400, p.call("POST", "/api/v1/api-keys", wire.NewAPIKey{Name: "k", Scopes: []string{"user.add"}}))
	program := func(secret string) int {
		k := &person{appliance: a, client: a.client(nil), key: secret}
		return k.call("GET", "/api/v1/ledger/entries", nil).Status
	}
	one := "/api/v1/api-keys/" + key.APIKey.ID
	p.want(400, p.call("POST", one+"/rotate", wire.APIKeyRotation{OverlapSeconds: 1 << 60}))
	var rotated wire.RotatedAPIKey
	p.want(200, p.call("POST", one+"/rotate", wire.APIKeyRotation{OverlapSeconds: 3600})).into(t, &rotated)
	if got := []int{program(key.Secret), program(rotated.Secret)}; !slices.Equal(got, []int{200, 200}) {
		t.Errorf("in the overlap the secrets answer %v", got)
	}
	a.clock.pass(25 * time.Minute) // twice: the session would be over after half an hour without use
	p.want(200, p.call("GET", "/api/v1/session", nil))
	a.clock.pass(25 * time.Minute)
	p.want(200, p.call("GET", "/api/v1/session", nil))
	a.clock.pass(11 * time.Minute)
	if got := []int{program(key.Secret), program(rotated.Secret)}; !slices.Equal(got, []int{401, 200}) {
		t.Errorf("after the overlap the secrets answer %v", got)
	}
	p.want(204, p.call("DELETE", one, nil))
	if got := program(rotated.Secret); got != 401 {
		t.Errorf("a revoked key answers %d", got)
	}
	var all wire.Page[wire.APIKey]
	p.want(200, p.call("GET", "/api/v1/api-keys", nil)).into(t, &all)
	if len(all.Items) != 1 || all.Items[0].Revoked == nil || all.Items[0].Used == nil {
		t.Errorf("listed: %+v", all.Items)
	}
	var steps []string
	for _, e := range a.entries(tenant) {
		if e.Object == key.APIKey.ID {
			steps = append(steps, e.Action+" "+string(e.Outcome))
		}
	}
	want := []string{"api-key.add done", "api-key.rotate done", "session.sign-in denied", "api-key.revoke done"}
	if !slices.Equal(steps, want) {
		t.Errorf("entries about the key: %q, want %q", steps, want)
	}
}

// TestPasswordReset asks for a reset, takes the token from the outbox as an administrator would, and sets the password with it.
func TestPasswordReset(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	admin, user := a.join(tenant, "admin@example.com", store.Admin), a.join(tenant, "user@example.com", store.Viewer)
	nobody := a.stranger()
	known := nobody.call("POST", "/api/v1/password-resets", wire.PasswordResetRequest{Email: user.email})
	unknown := nobody.call("POST", "/api/v1/password-resets", wire.PasswordResetRequest{Email: "nobody@example.com"})
	if known.Status != 202 || unknown.Status != 202 || !bytes.Equal(known.Body, unknown.Body) {
		t.Errorf("known: %s, unknown: %s", known, unknown)
	}
	var outbox wire.Page[wire.Notice]
	admin.want(200, admin.call("GET", "/api/v1/outbox", nil)).into(t, &outbox)
	at := slices.IndexFunc(outbox.Items, func(n wire.Notice) bool { return n.Kind == string(directory.NoticePasswordReset) })
	if at < 0 {
		t.Fatalf("no reset in %+v", outbox.Items)
	}
	fresh := "nine herons over still brown water"
	accept := wire.PasswordReset{Token: outbox.Items[at].Token, Password: "short"}
	if p := nobody.want(400, nobody.call("POST", "/api/v1/password-resets/accept", accept)).problem(t); len(p.Errors) != 1 || p.Errors[0].Pointer != "/password" {
		t.Errorf("a short password: %+v", p)
	}
	accept.Password = fresh
	nobody.want(204, nobody.call("POST", "/api/v1/password-resets/accept", accept))
	if nobody.cookie != "" {
		t.Error("a reset signed in")
	}
	user.want(401, user.call("GET", "/api/v1/session", nil))
	user.password, user.cookie = fresh, ""
	user.signIn()
	nobody.want(401, nobody.call("POST", "/api/v1/password-resets/accept", accept))
}

// TestSetUp sets an appliance up over HTTP: with the code of the log, once; the operator enrols and works, the administrator accepts.
func TestSetUp(t *testing.T) {
	a := equipped(t)
	code, err := a.directory.OpenSetUp(t.Context())
	a.must(err)
	operator := a.guest("operator@example.com")
	body := wire.SetUp{
		Code: "AAAA-BBBB-CCCC-DDDD", Operator: wire.Person{Email: operator.email, Name: "Operator"}, Password: goodPassword,
		Tenant: "Example Mutual", Administrator: wire.Person{Email: "admin@example.com", Name: "Administrator"}, Mode: "hybrid",
	}
	operator.want(401, operator.call("POST", "/api/v1/setup", body))
	body.Code, body.Mode = code.Reveal(), "wide open"
	operator.want(400, operator.call("POST", "/api/v1/setup", body))
	body.Mode = "hybrid"
	var done wire.DoneSetUp
	r := operator.want(201, operator.call("POST", "/api/v1/setup", body))
	if r.into(t, &done); r.Header.Get("Cache-Control") != "no-store" || done.RecoveryCode == "" || done.Invitation.Token == "" {
		t.Fatalf("set up: %+v, %v", done, r.Header)
	}
	operator.want(403, operator.call("GET", "/api/v1/tenants", nil))
	operator.enrol()
	var tenants wire.Page[wire.Tenant]
	operator.want(200, operator.call("GET", "/api/v1/tenants", nil)).into(t, &tenants)
	if len(tenants.Items) != 1 || tenants.Items[0].ID != done.Tenant.ID || tenants.Items[0].Name != "Example Mutual" {
		t.Errorf("tenants: %+v", tenants.Items)
	}
	var is wire.System
	operator.want(200, operator.call("GET", "/api/v1/system", nil)).into(t, &is)
	if is.Mode != "hybrid" || is.Store == nil || is.Store.Tenants != 1 {
		t.Errorf("system: %+v", is)
	}
	admin := a.guest("admin@example.com")
	admin.accept(done.Invitation)
	admin.enrol()
	admin.want(200, admin.call("GET", "/api/v1/users", nil))
	if again := a.stranger().call("POST", "/api/v1/setup", body); again.Status < 400 || again.Status >= 500 {
		t.Errorf("a second set-up: %s", again)
	}
	recovery, err := store.Recovery(done.RecoveryCode)
	a.must(err)
	a.must(a.db.Lock(context.Background(), a.operator))
	a.must(a.db.Unlock(context.Background(), a.operator, recovery))
}

// TestErasure erases a tenant over HTTP. Its users are gone at once, its data too, and the certificate stays and is signed.
func TestErasure(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	user := a.join(tenant, "admin@example.com", store.Admin)
	operator := a.join(store.Appliance, "operator@example.com", store.Operator)
	one := "/api/v1/tenants/" + tenant.String()
	operator.want(404, operator.call("GET", one+"/certificate", nil))
	var made, kept wire.Certificate
	operator.want(200, operator.call("DELETE", one, nil)).into(t, &made)
	operator.want(200, operator.call("GET", one+"/certificate", nil)).into(t, &kept)
	if made.Tenant != tenant.String() || made.Signed == "" || len(made.Keys) == 0 || kept.Signed != made.Signed {
		t.Errorf("made %+v, kept %+v", made, kept)
	}
	user.want(401, user.call("GET", "/api/v1/session", nil))
	operator.want(410, operator.call("GET", "/api/v1/users?tenant="+tenant.String(), nil))
	operator.want(410, operator.call("DELETE", one, nil))
}

// TestLock locks the store over HTTP: from then on the appliance says so, and nothing else, to whoever asks.
func TestLock(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	user, operator := a.join(tenant, "user@example.com", store.Viewer), a.join(store.Appliance, "operator@example.com", store.Operator)
	var is wire.System
	user.want(200, user.call("GET", "/api/v1/system", nil)).into(t, &is)
	if is.Status != "ready" || is.Store != nil || is.Version == "" {
		t.Errorf("to a user: %+v", is)
	}
	a.stranger().want(401, a.stranger().call("GET", "/api/v1/system", nil))
	locked := operator.want(204, operator.call("POST", "/api/v1/system/lock", nil))
	for _, p := range []*person{user, operator, a.stranger()} {
		is = wire.System{}
		p.want(200, p.call("GET", "/api/v1/system", nil)).into(t, &is)
		if is != (wire.System{Status: "locked"}) {
			t.Errorf("of a locked store: %+v", is)
		}
		if r := p.want(503, p.call("GET", "/api/v1/session", nil)); problemName(r.problem(t)) != "locked" {
			t.Errorf("of a locked store: %s", r)
		}
	}
	a.stranger().want(200, a.stranger().call("GET", "/.well-known/qrsd-keys.json", nil))
	a.must(a.db.Unlock(context.Background(), a.operator, storetest.Unlocker(a.dir)))
	newDesk(a, tenant).wantDone("lockStore", "store.lock", locked.Header.Get("X-Request-Id"))
	user.want(200, user.call("GET", "/api/v1/session", nil))
}

// TestWellKnown reads the published keys with the verifier of seals, and security.txt as RFC 9116 has it.
func TestWellKnown(t *testing.T) {
	a := start(t, unlimited, func(o *web.Options, _ *directory.Options) {
		o.SecurityContact = []string{"mailto:security@example.com"}
	})
	nobody := a.stranger()
	r := nobody.want(200, nobody.call("GET", "/.well-known/qrsd-keys.json", nil))
	keys, err := seal.ParseKeys(r.Body)
	a.must(err)
	var roles []string
	for _, k := range keys.All() {
		roles = append(roles, string(k.Role))
	}
	if slices.Sort(roles); !slices.Equal(roles, []string{"checkpoint", "seal"}) || !json.Valid(r.Body) {
		t.Errorf("keys %q: %s", roles, r)
	}
	r = nobody.want(200, nobody.call("GET", "/.well-known/security.txt", nil))
	fields := map[string]string{}
	for line := range strings.Lines(string(r.Body)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		fields[name] = value
	}
	expires, err := time.Parse(time.RFC3339, fields["Expires"])
	a.must(err)
	if left := time.Until(expires); fields["Contact"] != "mailto:security@example.com" || left < 0 || left > 365*24*time.Hour ||
		fields["Canonical"] != "https://"+host+"/.well-known/security.txt" || r.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("security.txt: %s", r)
	}
	without := start(t).stranger()
	without.want(http.StatusNotFound, without.call("GET", "/.well-known/security.txt", nil))
}
