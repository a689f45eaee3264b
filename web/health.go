package web

import (
	"context"
	"encoding/json"

	"github.com/qrsrisk/qrsd/web/wire"
)

func healthRoutes() []route {
	return []route{
		{Route{Method: "GET", Path: "/healthz", Operation: "getHealth", Access: LockedToo}, do((*Server).getHealth)},
		{Route{Method: "GET", Path: "/readyz", Operation: "getReadiness", Access: LockedToo}, do((*Server).getReadiness)},
	}
}

// getHealth says that the process answers: nothing else, because everybody may ask.
func (s *Server) getHealth(context.Context, *Call, struct{}) (wire.Health, error) {
	return wire.Health{Status: "ok"}, nil
}

type readinessInput struct {
	Verbose *string `query:"verbose"` // there, with or without a value: name the checks
}

// getReadiness says whether requests would be served: 200, or 503 while the store is locked or the server stops. A full disk does not
// make it unready: signing in and exporting work.
func (s *Server) getReadiness(_ context.Context, _ *Call, in readinessInput) (*Document, error) {
	checks := map[string]string{"store": "unlocked", "disk": "ok", "server": "serving"}
	now := wire.Health{Status: "ok"}
	if s.db.ReadOnly() {
		checks["disk"] = "nearly full"
	}
	if s.options.SignInCheck != nil {
		checks["sign_in"] = s.options.SignInCheck()
	}
	if s.db.Locked() {
		now.Status, checks["store"] = "locked", "locked"
	}
	if s.stopping.Load() {
		now.Status, checks["server"] = "stopping", "stopping"
	}
	if in.Verbose != nil {
		now.Checks = checks
	}
	status := 200
	if now.Status != "ok" {
		status = 503
	}
	body, err := json.Marshal(now)
	return &Document{Type: "application/json", Status: status, Body: append(body, '\n')}, err
}
