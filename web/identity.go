package web

import (
	"context"
	"strings"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// identify finds out who asks: by the session's cookie or by an API key, never by both.
func (s *Server) identify(ctx context.Context, x *exchange) (err error) {
	if x.route.Access == Open || x.route.Access == LockedToo && (x.route.Verb == "" || s.db.Locked()) {
		return nil
	}
	authorization, cookie := x.header("Authorization"), x.cookie()
	switch {
	case authorization != "" && cookie != "":
		return refuse(kindInvalid, "a session's cookie and an API key came together: send one of them")
	case authorization != "":
		scheme, _, _ := strings.Cut(authorization, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return refuse(kindSignInNeeded, "Authorization is understood as Bearer with an API key only")
		}
		x.principal, err = s.directory.APIKey(ctx, bearerOf(x), x.source)
	case cookie != "":
		token := directory.NewSessionToken(cookie)
		x.principal, x.session, err = s.directory.Session(ctx, token, x.source)
		if err == nil {
			x.token = token
		}
	case x.route.Access == Published && s.options.PublicTrust:
		return nil
	default:
		err = refuse(kindSignInNeeded, "send an API key, or sign in")
	}
	return err
}

// bearerOf is the API key of a request.
func bearerOf(x *exchange) directory.Secret {
	_, key, _ := strings.Cut(x.header("Authorization"), " ")
	return directory.NewSecret(strings.TrimSpace(key))
}

// permit asks the permission table for the route's verb, before anything of the request is looked at. A denial therefore says nothing
// of what was asked for; and whatever is denied later belongs to somebody else.
func (s *Server) permit(x *exchange) error {
	if x.principal.Role() == 0 { // nobody: the route is open
		return nil
	}
	verb, err := x.route.verbFor(x.principal)
	if err != nil {
		return err
	}
	bySession := !x.token.IsZero()
	switch {
	case !x.principal.May(verb) && x.principal.Role() != store.Operator && strings.HasPrefix(x.route.Path, api+"/tenants/{"):
		return &refusal{kind: kindNotFound} // whether there is such a tenant is none of the users' business
	case bySession && x.session.Restricted() && (x.route.Access != SignedIn || !x.principal.May(verb)):
		return refuse(kindRestricted, "set a password of your own, or enrol the second factor that is asked of you, and come back")
	case !x.principal.May(verb) && bySession:
		return refuse(kindDenied, "%s is not allowed in the role %s", verb, x.principal.Role())
	case !x.principal.May(verb):
		return refuse(kindDenied, "the API key may not do %s: its scopes, or its owner's role, do not have it", verb)
	case x.route.StepUp && !bySession:
		return refuse(kindStepUpNeeded, "this is done by people: sign in, prove that it is you, and repeat it")
	case x.route.StepUp && !s.directory.Fresh(x.session):
		return refuse(kindStepUpNeeded, "prove within ten minutes before this that it is you (POST /api/v1/session/step-up), and repeat it")
	}
	return nil
}
