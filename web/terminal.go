package web

import (
	"context"
	"net/http"
	"net/url"

	"github.com/qrsrisk/qrsd/web/page"
	"github.com/qrsrisk/qrsd/web/ui"
)

// The terminal is the working screens (web/ui): a page without content that loads them, at each of their addresses, and its files.
// Neither holds anything of anybody's, so that nobody has to be known for them; what the screens show they ask of the API.

// terminalPaths are the addresses of screens, as in web/ui/src/routes.tsx.
var terminalPaths = []struct{ path, operation string }{
	{"/", "showHome"},
	{"/portfolios", "showPortfolios"},
	{"/portfolios/{id}", "showPortfolio"},
	{"/runs", "showRuns"},
	{"/runs/{id}", "showRun"}, // and /runs/new
	{"/compare", "showComparison"},
	{"/approvals", "showApprovals"},
	{"/approvals/{id}", "showApproval"},
	{"/ledger", "showLedger"},
	{"/audit", "showAudit"},
	{"/admin", "showAdmin"},
	{"/admin/{section}", "showAdminSection"},
	{"/profile", "showProfile"},
	{"/profile/{section}", "showProfileSection"},
}

func terminalRoutes() []route {
	all := []route{{Route{Method: "GET", Path: ui.AssetRoot + "{build}/{name}", Operation: "getTerminalFile", Access: LockedToo, Page: true}, do((*Server).getTerminalFile)}}
	for _, p := range terminalPaths {
		all = append(all, route{Route{Method: "GET", Path: p.path, Operation: p.operation, Access: LockedToo, Page: true, AnyQuery: true}, do((*Server).showTerminal)})
	}
	return all
}

// showTerminal answers every address of a screen with the same page. Whoever brings no session is asked to sign in first, by a page that
// works without JavaScript; whether a session is valid the API says to the screen's first question.
func (s *Server) showTerminal(_ context.Context, c *Call, _ struct{}) (any, error) {
	if c.exchange.cookie() == "" || s.db.Locked() {
		return &Redirect{page.SignInPath + "?next=" + url.QueryEscape(localPath(c.exchange.target()))}, nil
	}
	tag := `"` + s.terminal.Build() + `"`
	c.exchange.set("Cache-Control", "no-cache")
	c.exchange.set("ETag", tag)
	if c.exchange.header("If-None-Match") == tag {
		c.exchange.status = http.StatusNotModified
		return Nothing{}, nil
	}
	return &Document{Type: htmlType, Body: s.terminal.Shell()}, nil
}

// getTerminalFile is a file of the terminal. Its path names this build, so that it never changes.
func (s *Server) getTerminalFile(_ context.Context, c *Call, in struct {
	Build string `path:"build"`
	Name  string `path:"name"`
}) (*Document, error) {
	asset, found := s.terminal.Asset(in.Build, in.Name)
	if !found {
		return nil, &refusal{kind: kindNotFound}
	}
	c.exchange.set("Cache-Control", "public, max-age=31536000, immutable")
	return &Document{Type: asset.Type, Body: asset.Data}, nil
}
