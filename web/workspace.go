package web

import (
	"context"

	"github.com/qrsrisk/qrsd/store/workspace"
)

// workspace is the caller's own.
func (s *Server) workspace(ctx context.Context, c *Call) (*workspace.Workspace, error) {
	t, err := s.own(ctx, c)
	if err != nil {
		return nil, err
	}
	return workspace.Open(t), nil
}
