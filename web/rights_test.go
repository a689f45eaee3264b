package web_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// table is the permission table as its golden prints it: verb, role, yes.
type table map[string]map[string]bool

// permissions reads the table.
func permissions() table {
	all := table{}
	lines := strings.Split(strings.TrimSpace(store.Permissions()), "\n")
	roles := strings.Fields(lines[0])[1:]
	for _, line := range lines[1:] {
		columns := strings.Fields(line)
		all[columns[0]] = map[string]bool{}
		for i, role := range roles {
			all[columns[0]][role] = columns[i+1] == "yes"
		}
	}
	return all
}

// verbOf is what a caller in the role needs for a route.
func verbOf(r web.Route, role store.Role) string {
	if role == store.Operator && r.OperatorVerb != "" {
		return r.OperatorVerb
	}
	return r.Verb
}

// unlimited is an appliance without limits on requests, for tests that send many from one address.
func unlimited(o *web.Options, d *directory.Options) {
	much := directory.Rate{Burst: 1 << 20, Every: time.Nanosecond}
	o.Limits.Address, o.Limits.User, o.Limits.Key = much, much, much
	d.Limits = directory.Limits{Account: much, Address: much, All: much}
}

// known are the routes that want to know who asks; ofAPI are those of them that are no pages.
func known() []web.Route {
	return slices.DeleteFunc(web.Routes(), func(r web.Route) bool { return r.Verb == "" })
}

func ofAPI() []web.Route {
	return slices.DeleteFunc(known(), func(r web.Route) bool { return r.Page })
}

// asker is somebody in the matrix of routes and callers.
type asker struct {
	name string
	*person
	role   store.Role
	kind   string // session, stale, restricted, key or nobody
	scopes []string
}

// wants is the problem that a route has for the caller; "" where it may be asked for.
func (k asker) wants(r web.Route, may table) string {
	verb := verbOf(r, k.role)
	allowed := may[verb][k.role.String()]
	switch k.kind {
	case "nobody":
		return "sign-in-needed"
	case "restricted":
		allowed = r.Access == web.SignedIn
	case "key":
		allowed = allowed && slices.Contains(k.scopes, verb)
	}
	switch {
	case !allowed && k.role != store.Operator && strings.HasPrefix(r.Path, "/api/v1/tenants/{"):
		return "not-found"
	case !allowed && k.kind == "restricted":
		return "restricted"
	case !allowed:
		return "denied"
	case r.StepUp && (k.kind == "key" || k.kind == "stale"):
		return "step-up-needed"
	}
	return ""
}

// TestRights asks every route as everybody: five roles, the operator, sessions without a fresh proof, somebody whose account is not
// in order, API keys with all scopes and with one, and nobody. What the permission table allows gets as far as its
// input, which is wrong on purpose, so that nothing is done; all else gets the problem that it should. Each leaves one entry.
func TestRights(t *testing.T) {
	a := start(t, unlimited)
	mutual := a.tenant("Example Mutual")
	all := askers(a, mutual)
	may := permissions()
	sent := map[string]string{} // request: what it was
	permitted := 0
	for _, r := range known() {
		for _, k := range all {
			what := fmt.Sprintf("%s %s as %s", r.Method, r.Path, k.name)
			got := k.call(r.Method, k.path(r)+"?no-such-parameter=1", nil, header("Sec-Fetch-Site", "same-origin"))
			want := k.wants(r, may)
			if want == "" {
				permitted++
			}
			if problem := refused(t, r, got); !fits(problem, want) {
				t.Errorf("%s: problem %q (%d), want %q", what, problem, got.Status, want)
			}
			if k.kind != "nobody" {
				sent[got.Header.Get("X-Request-Id")] = what
			}
		}
	}
	t.Logf("%d routes (%d of the API, %d pages) × %d callers = %d requests, %d of them permitted",
		len(known()), len(ofAPI()), len(known())-len(ofAPI()), len(all), len(known())*len(all), permitted)
	a.wantOneEntryEach(sent, mutual)
}

// refused is the problem that a route answered with. Pages lead to where it is put right, or tell it in words.
func refused(t testing.TB, r web.Route, got answer) string {
	if !r.Page {
		return problemName(got.problem(t))
	}
	to, _, _ := strings.Cut(got.Header.Get("Location"), "?")
	switch [2]string{http.StatusText(got.Status), to} {
	case [2]string{"See Other", "/sign-in"}:
		return "sign-in-needed"
	case [2]string{"See Other", "/confirm"}:
		return "step-up-needed"
	case [2]string{"See Other", "/signed-in"}:
		return "restricted"
	}
	return map[int]string{400: "invalid", 403: "denied", 404: "not-found", 415: "unsupported-media-type"}[got.Status]
}

// fits compares a problem with the one that is wanted; permitted requests get as far as their input.
func fits(got, want string) bool {
	if want == "" {
		return got == "invalid" || got == "unsupported-media-type"
	}
	return got == want
}

// problemName is the last part of a problem's type.
func problemName(p wire.Problem) string {
	_, name, _ := strings.Cut(p.Type, "#problem-")
	return name
}

// path is the route's path with an id that is nobody's.
func (k asker) path(r web.Route) string {
	return strings.NewReplacer("{id}", "00000000000070008000000000000042", "{sequence}", "0", "{role}", "report", "{event}", "1").Replace(r.Path)
}

func askers(a *appliance, tenant store.ID) (all []asker) {
	a.Helper()
	stale := []asker{}
	for _, role := range []store.Role{store.Admin, store.Operator} {
		p := a.join(homeOf(tenant, role), "stale-"+role.String()+"@example.com", role)
		stale = append(stale, asker{name: role.String() + " without fresh proof", person: p, role: role, kind: "stale"})
	}
	a.clock.pass(11 * time.Minute)
	for _, role := range []store.Role{store.Admin, store.Modeler, store.Analyst, store.Approver, store.Viewer, store.Operator} {
		p := a.join(homeOf(tenant, role), role.String()+"@example.com", role)
		all = append(all, asker{name: role.String(), person: p, role: role, kind: "session"})
	}
	all = append(all, stale...)
	all = append(all,
		asker{name: "a restricted administrator", person: a.restricted(tenant, "restricted@example.com", store.Admin), role: store.Admin, kind: "restricted"},
		asker{name: "nobody", person: a.stranger(), kind: "nobody"})
	for _, k := range all[:6] {
		if scopes := keyScopes(a, k.person); len(scopes) > 0 {
			all = append(all, a.keyOf(k, "all scopes", scopes...), a.keyOf(k, "one scope", scopes[0]))
		}
	}
	return all
}

// homeOf is where a user of the role belongs.
func homeOf(tenant store.ID, role store.Role) store.ID {
	if role == store.Operator {
		return store.Appliance
	}
	return tenant
}

// restricted is signed in with the one-time password that it has not replaced.
func (a *appliance) restricted(tenant store.ID, email string, role store.Role) *person {
	a.Helper()
	u, oneTime, err := a.directory.AddUser(a.Context(), a.operator, tenant, directory.NewUser{Email: email, Name: "N. N.", Role: role})
	a.must(err)
	p := &person{appliance: a, id: u.ID, tenant: tenant, email: email, password: oneTime.Reveal(), client: a.client(nil)}
	p.signIn()
	return p
}

// keyScopes are all the verbs that an API key of the person may have, found by asking for each.
func keyScopes(a *appliance, p *person) (scopes []string) {
	for verb := range permissions() {
		if p.call("POST", "/api/v1/api-keys", wire.NewAPIKey{Name: verb, Scopes: []string{verb}}).Status == http.StatusCreated {
			scopes = append(scopes, verb)
		}
	}
	slices.Sort(scopes)
	return scopes
}

// keyOf is an API key of somebody's in place of the session.
func (a *appliance) keyOf(k asker, with string, scopes ...string) asker {
	a.Helper()
	var made wire.MadeAPIKey
	k.want(201, k.call("POST", "/api/v1/api-keys", wire.NewAPIKey{Name: with, Scopes: scopes})).into(a.TB, &made)
	p := &person{appliance: a, id: k.id, tenant: k.tenant, client: a.client(nil), key: made.Secret}
	return asker{name: "a key of " + k.name + "'s with " + with, person: p, role: k.role, kind: "key", scopes: scopes}
}

// wantOneEntryEach holds the logs of tenants, and the appliance's, to one entry for each request that was sent.
func (a *appliance) wantOneEntryEach(sent map[string]string, tenants ...store.ID) {
	a.Helper()
	found := map[string]int{}
	for _, tenant := range append(tenants, store.Appliance) {
		for _, e := range a.entries(tenant) {
			found[e.Request]++
		}
	}
	for request, what := range sent {
		if found[request] != 1 {
			a.Errorf("%s: %d entries in the audit log, want one", what, found[request])
		}
	}
}

// TestSecretReplies wants every operation whose reply holds a secret marked as such: it is not compressed, and not kept for a repeat.
func TestSecretReplies(t *testing.T) {
	secret := map[string]bool{
		"addUser": true, "resetUserPassword": true, "invite": true, "addAPIKey": true, "rotateAPIKey": true, "listNotices": true, "setUp": true,
		"enrolSecondFactor": true, "confirmSecondFactor": true, "renewRecoveryCodes": true, "addMyPasskey": true, "addWebhook": true, "rotateWebhook": true,
	}
	for _, r := range web.Routes() {
		if !r.Page && r.Secret != secret[r.Operation] {
			t.Errorf("%s %s: marked as a reply with a secret: %v", r.Method, r.Path, r.Secret)
		}
	}
}
