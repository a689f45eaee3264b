package web

import (
	"context"
	"strings"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// identify finds out who asks: by the session's cookie or by an API key, never by both.
func (s *Server) identify(x *exchange) (err error) {
	if x.route.Access == Open || x.route.Access == LockedToo && x.route.Verb == "" {
		return nil
	}
	key, keyed := strings.CutPrefix(x.header("Authorization"), "Bearer ")
	cookie := x.cookie()
	ctx := context.Background()
	switch {
	case keyed && cookie != "":
		return refuse(kindInvalid, "a session's cookie and an API key came together: send one of them")
	case keyed:
		x.principal, err = s.directory.APIKey(ctx, directory.NewSecret(key), x.source)
	case cookie != "":
		x.session = directory.NewSessionToken(cookie)
		x.principal, err = s.directory.Session(ctx, x.session, x.source)
	default:
		err = &refusal{kind: kindSignInNeeded}
	}
	return err
}

// permit asks the permission table for the route's verb. A denial says nothing of the object, which was not looked at.
func (s *Server) permit(x *exchange) error {
	if x.route.Verb == "" || x.principal.Role() == 0 {
		return nil
	}
	verb, err := x.route.verbFor(x.principal)
	if err != nil {
		return err
	}
	if !x.principal.May(verb) {
		if x.principal.Role() != store.Operator && strings.HasPrefix(x.route.Path, api+"/tenants/{") {
			return &refusal{kind: kindNotFound} // whether there is such a tenant is none of the users' business
		}
		return refuse(kindDenied, "%s is not allowed in the role %s", verb, x.principal.Role())
	}
	return nil
}
