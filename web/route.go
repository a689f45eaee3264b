package web

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/qrsrisk/qrsd/store"
)

// Access says who may ask for a route at all. What a known caller may do beyond that is the permission table's.
type Access uint8

// The kinds of access. The zero Access is none.
const (
	// Open routes answer everybody, while the store is unlocked: signing in, accepting an invitation, resetting, set-up.
	Open Access = iota + 1
	// LockedToo routes answer everybody, also while the store is locked: health, unlocking, documentation. One with a verb
	// is Permitted while the store is unlocked; while it is locked there is nobody to be known, and it says what strangers may know.
	LockedToo
	// SignedIn routes are a user's own account. Users whose account is not in order yet reach them too.
	SignedIn
	// Permitted routes are for those who may do the route's verb.
	Permitted
	// Published routes are Permitted ones that the operator can open to everybody (Options.PublicTrust).
	Published
)

func (a Access) String() string {
	return [...]string{"none", "open", "locked-too", "signed-in", "permitted", "published"}[a]
}

// Route is one operation of the server as its documentation and its tests see it.
type Route struct {
	Method    string // GET, POST ...
	Path      string // with parameters in braces, as in openapi.yaml: /api/v1/users/{id}
	Operation string // operationId in openapi.yaml; unique
	Access    Access
	Verb      string // of the permission table; "" of Open, and of LockedToo that everybody may ask always
	// OperatorVerb is what operators need in place of Verb, where the resource is the appliance's own for them: its log, its users.
	OperatorVerb string
	StepUp       bool // the session must have proved its second factor within ten minutes
	// Secret says that the reply holds a secret: it is never compressed, and not kept for a repeated Idempotency-Key.
	Secret bool
	// Keyed requests make something that a repeat would make twice, and honour Idempotency-Key.
	Keyed bool
	// Page routes answer HTML, and their errors are pages.
	Page bool
	// AnyQuery routes answer whatever query they come with: it is that of a screen, which reads it in the browser.
	AnyQuery bool
	// Bulk replies are streams, for which no time limit of writing holds.
	Bulk bool
	// Upload routes read their body as it comes in, up to Limits.Upload.
	Upload bool
}

// verbFor is what the caller needs.
func (r Route) verbFor(p store.Principal) (store.Verb, error) {
	if p.Role() == store.Operator {
		return store.ParseVerb(cmp.Or(r.OperatorVerb, r.Verb))
	}
	return store.ParseVerb(r.Verb)
}

// route is a Route with what answers it.
type route struct {
	Route
	endpoint
}

// endpoint reads a request and answers it.
type endpoint interface {
	// read makes the typed input of a request; its errors are refusals.
	read(x *exchange) (any, error)
	// answer runs the handler on what read returned.
	answer(ctx context.Context, s *Server, c *Call, in any) (any, error)
	// inputs describes the input, for tests that hold openapi.yaml to it.
	inputs() []input
}

// handler answers a request of type In with an Out, which becomes the JSON of the reply. Out may be:
// Nothing (204), *Document (other media, or a page), *Stream (bulk), *Redirect (303), or anything that encoding/json takes.
type handler[In, Out any] func(s *Server, ctx context.Context, c *Call, in In) (Out, error)

// do makes an endpoint of a handler. In is a struct whose fields have a tag each: `path:"id"`, `query:"limit"`,
// `form:"email"`, or `body:"json"` for the one that takes the body. A field of path, query or form is a string, bool, int, int64,
// time.Time, []string (repeated), directory.Secret or an encoding.TextUnmarshaler; pointers are nil where it is absent.
func do[In, Out any](h handler[In, Out]) endpoint {
	return &operation[In, Out]{h, planOf[In]()}
}

type operation[In, Out any] struct {
	handle handler[In, Out]
	plan   []input
}

func (o *operation[In, Out]) read(x *exchange) (any, error) {
	var in In
	if err := bind(x, o.plan, &in); err != nil {
		return nil, err
	}
	return in, nil
}

func (o *operation[In, Out]) answer(ctx context.Context, s *Server, c *Call, in any) (any, error) {
	return o.handle(s, ctx, c, in.(In))
}

func (o *operation[In, Out]) inputs() []input { return o.plan }

// api is where the routes of the API lie.
const api = "/api/v1"

// routes is the table of everything that the server answers: one function of every resource's file, in the order of the
// documentation.
func routes() []route {
	ofAPI := slices.Concat(
		healthRoutes(), metricsRoutes(),
		sessionRoutes(),
		meRoutes(),
		tenantRoutes(), policyRoutes(), peopleRoutes(), quotaRoutes(), userRoutes(), invitationRoutes(), passwordResetRoutes(), roleRoutes(), apiKeyRoutes(),
		portfolioRoutes(),
		runRoutes(), resultRoutes(), stormRoutes(), eventRoutes(), approvalRoutes(), sealRoutes(), reportRoutes(), quantumRoutes(), deviceRoutes(), modelRoutes(), trustRoutes(), webhookRoutes(),
		auditRoutes(), ledgerRoutes(), keyRoutes(), systemRoutes(), backupRoutes(), diagnosticsRoutes(), outboxRoutes(), setUpRoutes(), wellKnownRoutes(),
		unlockRoutes(),
		openAPIRoutes(),
	)
	return slices.Concat(ofAPI, pageRoutes(ofAPI))
}

// Routes lists what the server answers, in the order of the documentation.
func Routes() []Route {
	var all []Route
	for _, r := range routes() {
		all = append(all, r.Route)
	}
	return all
}

// checkRoutes finds a table that cannot be served: that is our own fault.
func checkRoutes(all []route) {
	operations, paths := map[string]bool{}, map[string]bool{}
	for _, r := range all {
		at := r.Method + " " + r.Path
		_, err := store.ParseVerb(cmp.Or(r.Verb, "tenant.read"))
		if err == nil && r.OperatorVerb != "" {
			_, err = store.ParseVerb(r.OperatorVerb)
		}
		switch {
		case r.Operation == "" || operations[r.Operation]:
			panic(fmt.Sprintf("web: route %s: operation %q is missing or there twice", at, r.Operation))
		case paths[at]:
			panic("web: route " + at + " is there twice")
		case r.Access == 0 || r.endpoint == nil:
			panic("web: route " + at + " has no access or no handler")
		case (r.Access == SignedIn || r.Access == Permitted || r.Access == Published) && r.Verb == "":
			panic("web: route " + at + " has no verb")
		case r.Access == Open && r.Verb != "":
			panic("web: route " + at + " is open and has a verb")
		case err != nil:
			panic("web: route " + at + ": " + err.Error())
		}
		operations[r.Operation], paths[at] = true, true
	}
}

// fiberPath writes a path as Fiber wants it: /users/:id.
func fiberPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}
