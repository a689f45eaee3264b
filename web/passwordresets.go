package web

import (
	"context"

	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/wire"
)

func passwordResetRoutes() []route {
	const path = api + "/password-resets"
	return []route{
		{Route{Method: "POST", Path: path, Operation: "requestPasswordReset", Access: Open}, do((*Server).requestPasswordReset)},
		{Route{Method: "POST", Path: path + "/accept", Operation: "acceptPasswordReset", Access: Open}, do((*Server).acceptPasswordReset)},
	}
}

// requestPasswordReset answers alike whether anybody has the address or not (OWASP ASVS 5.0, 6.3.8).
func (s *Server) requestPasswordReset(ctx context.Context, c *Call, in struct {
	Body wire.PasswordResetRequest `body:"json"`
}) (Nothing, error) {
	if err := s.directory.RequestPasswordReset(ctx, in.Body.Email, c.Source); err != nil {
		return Nothing{}, err
	}
	c.Accepted()
	return Nothing{}, nil
}

// acceptPasswordReset sets the password that the token is for. It signs nobody in.
func (s *Server) acceptPasswordReset(ctx context.Context, c *Call, in struct {
	Body wire.PasswordReset `body:"json"`
}) (Nothing, error) {
	token, fresh := directory.NewSecret(in.Body.Token), directory.NewSecret(in.Body.Password)
	return Nothing{}, s.directory.AcceptPasswordReset(ctx, token, fresh, c.Source)
}
