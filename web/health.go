package web

import (
	"context"

	"github.com/qrsrisk/qrsd/web/wire"
)

func healthRoutes() []route {
	return []route{
		{Route{Method: "GET", Path: "/healthz", Operation: "getHealth", Access: LockedToo}, do((*Server).getHealth)},
	}
}

// getHealth says that the process answers: nothing else, because everybody may ask.
func (s *Server) getHealth(context.Context, *Call, struct{}) (wire.Health, error) {
	return wire.Health{Status: "ok"}, nil
}
