// Package web is the one port of the appliance: the API under /api/v1, the pages of sign-in and set-up, and health.
//
// It holds the server (TLS, limits, headers, the refusal of ill-formed requests), the table of routes, and one file per
// resource with its handlers. It decides nothing about rights and keeps nothing: who somebody is says store/directory, what
// it may do the store's permission table, and what was done the store's audit log. It opens no connection to anywhere.
//
// # The life of a request
//
// A request is held to its form (wellformed.go), identified (identity.go), limited (limit.go), permitted by the verb of its
// route, read into a typed value (bind.go, strictjson.go), and handed to its handler, which calls one verb of the directory
// or the store. Its answer is encoded (reply.go); its error becomes a problem of RFC 9457 (errors.go). Only server.go,
// dispatch.go and exchange.go import Fiber and fasthttp.
//
// # One entry
//
// Every authenticated request leaves exactly one audit entry. A handler calls one verb, which leaves it. Whatever
// refuses a request before that enters the refusal itself, as the route's verb denied or failed (audit.go). So a handler that
// refuses on its own account returns an error of this package (see refuse), and the error of a verb as it came.
//
// Begin with routes in route.go, and session.go as an example of a resource.
package web
