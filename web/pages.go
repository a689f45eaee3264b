package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web/page"
)

// Pages are the same verbs as the API for people: a page's handler reads a form, calls the handler of the API, and draws what
// that returned. It has no logic of its own, one verb per request like all, and answers a good POST with a redirect, but for
// what is shown once.

// htmlType is the media type of pages.
const htmlType = "text/html; charset=utf-8"

// pageRoutes are those of all pages and of the files that they refer to.
func pageRoutes(ofAPI []route) []route {
	as := pagesLike(ofAPI)
	return slices.Concat(
		[]route{{Route{Method: "GET", Path: page.AssetRoot + "{digest}/{name}", Operation: "getAsset", Access: LockedToo, Page: true}, do((*Server).getAsset)}},
		terminalRoutes(),
		signInPages(),
		entryPages(),
		setUpPages(),
		orderPages(as),
		accountPages(as),
		keyPages(as),
		userPages(as),
		systemPages(as),
		quotaPages(as),
		readingPages(as),
	)
}

// like makes the route of a page that stands for an operation of the API: with its access, verb and proof.
type like func(method, path, operation, own string, e endpoint) route

// pagesLike finds the API's operations. That there is none of a name is our own fault.
func pagesLike(ofAPI []route) like {
	return func(method, path, operation, own string, e endpoint) route {
		at := slices.IndexFunc(ofAPI, func(r route) bool { return r.Operation == operation })
		if at < 0 {
			panic("web: the page " + path + " stands for the operation " + operation + ", which is not there")
		}
		r := ofAPI[at].Route
		return route{Route{Method: method, Path: path, Operation: own, Access: r.Access, Verb: r.Verb, OperatorVerb: r.OperatorVerb, StepUp: r.StepUp, Secret: true, Page: true}, e}
	}
}

// getAsset is a file of the pages. Its path names its bytes, so that it never changes.
func (s *Server) getAsset(_ context.Context, c *Call, in struct {
	Digest string `path:"digest"`
	Name   string `path:"name"`
}) (*Document, error) {
	asset, found := s.site.Asset(page.AssetRoot + in.Digest + "/" + in.Name)
	if !found {
		return nil, &refusal{kind: kindNotFound}
	}
	c.exchange.set("Cache-Control", "public, max-age=31536000, immutable")
	return &Document{Type: asset.Type, Body: asset.Data}, nil
}

// draw makes the reply of a page.
func (s *Server) draw(p page.Page) (*Document, error) {
	body, err := s.site.Render(p)
	if err != nil {
		return nil, err
	}
	return &Document{Type: htmlType, Body: body}, nil
}

// frame is what surrounds the pages of somebody signed in: who it is, and where it may go.
func (s *Server) frame(c *Call, title string) page.Frame {
	f := page.Frame{Title: title, Account: roleName(c.Principal.Role())}
	if !c.restricted() {
		f.Sections = sections(c.Principal, c.exchange.path())
	}
	return f
}

// restricted reports whether the account has to be put in order before anything else.
func (c *Call) restricted() bool { return c.exchange.session.Restricted() }

// base is the appliance's own address, for links that leave it: not the request's, whose port its sender chose, where there is another.
func (s *Server) base(c *Call) string {
	return cmp.Or(strings.TrimSuffix(s.options.URL, "/"), "https://"+c.exchange.header("Host"))
}

// sections are the parts of the appliance's own pages that the principal may see.
func sections(p store.Principal, at string) []page.Section {
	type link struct{ path, text, verb string }
	var all []page.Section
	for _, part := range []struct {
		name  string
		links []link
	}{
		{"", []link{
			{page.HomePath, "Account", "user.self"}, {"/signed-in/sessions", "Sessions", "session.list"}, {"/signed-in/second-factor", "Second factor", "user.self"},
			{"/signed-in/passkeys", "Passkeys", "user.self"}, {"/signed-in/api-keys", "API keys", "api-key.list"},
		}},
		{"Administration", []link{
			{"/signed-in/users", "Users", "user.list"}, {"/signed-in/invitations", "Invitations", "user.list"},
			{"/signed-in/policy", "Policy", "tenant.change"}, {"/signed-in/messages", "Messages", "notice.read"}, {quotasPath, "Quotas", "quota.read"},
		}},
		{"Evidence", []link{{trustPath, "Trust center", "trust.read"}, {presentCard, "Model card", "model.read"}}},
		{"Appliance", []link{{"/signed-in/tenants", "Tenants", "tenant.list"}, {"/signed-in/system", "System", "store.status"}}},
	} {
		section := page.Section{Name: part.name}
		for _, l := range part.links {
			if verb, err := store.ParseVerb(l.verb); err == nil && p.May(verb) {
				section.Links = append(section.Links, page.Link{Path: l.path, Text: l.text, Here: l.path == at || l.path != page.HomePath && strings.HasPrefix(at, l.path+"/")})
			}
		}
		if len(section.Links) > 0 {
			all = append(all, section)
		}
	}
	return all
}

// roleName is a role as people read it.
func roleName(r store.Role) string {
	name := r.String()
	return strings.ToUpper(name[:1]) + name[1:]
}

// asked is an error with the page that asks again. The error goes its usual way, into the audit log too; only its reply is
// that page.
type asked struct {
	page  page.Asking
	field string // the id of the field to go to, where the error names none
	text  string // what is wrong there; "" is what the error says
	err   error
}

func (a *asked) Error() string { return a.err.Error() }
func (a *asked) Unwrap() error { return a.err }

// again answers an error of what a form sent with the form, its faults marked. Errors that no form can mend have a page of
// their own.
func again(p page.Asking, field string, err error) error { return againSaying(p, field, "", err) }

// againSaying is again with words of the page's own.
func againSaying(p page.Asking, field, text string, err error) error {
	switch refusalOf(err).kind {
	case kindSignInNeeded, kindRestricted, kindStepUpNeeded, kindNotFound, kindDenied, kindLocked, kindInternal, kindReadOnly:
		return err
	}
	return &asked{p, field, text, err}
}

// replyPage answers an error to a browser: the form again, the way to what is missing, or a page that says what happened.
func (s *Server) replyPage(x *exchange, err error, r *refusal) {
	var a *asked
	if !errors.As(err, &a) {
		if path := wayOut(x, r.kind); path != "" {
			x.set("Location", path)
			x.ctx.Status(http.StatusSeeOther)
			return
		}
	}
	var p page.Page = problemPage(x, r)
	if a != nil {
		p = a.page.Again(faultsOf(r, a))
	}
	body, failed := s.site.Render(p)
	if failed != nil {
		panic("web: " + failed.Error())
	}
	_ = x.send(r.kind.Status, htmlType, body) // into memory
}

// wayOut is the page that puts right what a request lacks, with the way back; "" where there is none.
func wayOut(x *exchange, k Kind) string {
	if x.route == nil || !x.route.Page {
		return ""
	}
	back := localPath(x.target())
	if x.method() != http.MethodGet {
		back = listPath(back)
	}
	switch k {
	case kindSignInNeeded:
		return page.SignInPath + "?next=" + url.QueryEscape(back)
	case kindStepUpNeeded:
		return page.ConfirmPath + "?next=" + url.QueryEscape(back)
	case kindRestricted:
		return page.HomePath
	}
	return ""
}

// listPath is the page that a form was on: what is posted lies below it.
func listPath(path string) string {
	parts := strings.SplitN(path, "/", 4)
	if len(parts) < 3 || "/"+parts[1] != page.HomePath {
		return page.HomePath
	}
	return page.HomePath + "/" + parts[2]
}

// localPath is a path of this server to go to; where a request names anything else, it is the account's page. Browsers read
// "//host" and "/\host" as another host's address, drop control characters before they look, and take dot segments out, which can
// leave "//host" behind ("/.//host"): no path of ours has any of it.
func localPath(path string) string {
	u, err := url.Parse(path)
	switch {
	case err != nil, u.Scheme != "", u.Host != "", u.User != nil, u.Opaque != "", !strings.HasPrefix(path, "/"),
		strings.Contains(u.EscapedPath(), "//"), slices.ContainsFunc(strings.Split(u.Path, "/"), isDots), strings.ContainsFunc(path, func(r rune) bool { return r < 0x21 || r == '\\' || r == 0x7f }):
		return page.HomePath
	}
	return path
}

// isDots tells a segment that a browser takes out of a path; an escaped one is plain in the path that was read.
func isDots(segment string) bool { return segment == "." || segment == ".." }

// faultsOf is what a problem says of fields: the last part of a pointer is a field's name and its id.
func faultsOf(r *refusal, a *asked) []page.Fault {
	if a.text != "" {
		return []page.Fault{{Field: a.field, Text: a.text}}
	}
	var all []page.Fault
	for _, f := range r.faults {
		field := f.Parameter
		if f.Pointer != "" {
			field = strings.ReplaceAll(strings.TrimPrefix(f.Pointer, "/"), "/", "-")
		}
		all = append(all, page.Fault{Field: field, Text: f.Detail})
	}
	if len(all) == 0 {
		text := r.detail
		if text == "" {
			text = r.kind.Title
		}
		all = append(all, page.Fault{Field: a.field, Text: text})
	}
	return all
}

// problemPage is a problem in words, with what to do.
func problemPage(x *exchange, r *refusal) page.Problem {
	p := page.Problem{Frame: page.Frame{Title: r.kind.Title}, Status: r.kind.Status, Request: x.source.Request}
	if r.detail != "" {
		p.Detail = page.Sentence(r.detail) + "."
	}
	for _, f := range r.faults {
		text := f.Detail
		if at := strings.TrimPrefix(f.Pointer, "/") + f.Parameter + f.Header; at != "" {
			text = at + ": " + text
		}
		p.Faults = append(p.Faults, page.Fault{Text: page.Sentence(text)})
	}
	p.Links = []page.Link{{Path: "/", Text: "Open the terminal"}, {Path: page.HomePath, Text: "Go to your account"}}
	switch r.kind {
	case kindNotFound:
		p.Mend = "There is nothing at this address, or it is not yours to see. Check the address if you typed it."
	case kindTooMany, kindBusy:
		p.Mend = "Wait a little, then load the page again."
		if r.retryAfter > 0 {
			p.Mend = fmt.Sprintf("Wait %d seconds, then load the page again.", int(r.retryAfter.Seconds()+0.999))
		}
	case kindLocked:
		p.Mend = "An operator unlocks it with its passphrase or a recovery code, here or on the appliance's host. Until then nobody can sign in, and nothing is lost."
		p.Links = []page.Link{{Path: page.UnlockPath, Text: "Unlock the store"}}
	case kindDenied:
		// The detail begins with the name of a verb, which is written as it is.
		p.Detail, p.Mend = "Your role does not allow this: "+r.detail+".", "An administrator can give you another role."
	case kindCrossSite:
		p.Mend = "The form was not sent from a page of this appliance. Open the page here and send it again."
	case kindInternal:
		p.Mend = "Try again. If it happens again, tell whoever runs the appliance, and name the request below."
	}
	return p
}

// wantsPage reports whether errors go to a browser that shows them: of pages always, and of paths outside of the API to
// whoever accepts HTML.
func (x *exchange) wantsPage() bool {
	if x.route != nil {
		return x.route.Page
	}
	return !strings.HasPrefix(x.path(), api+"/") && strings.Contains(x.header("Accept"), "text/html")
}
