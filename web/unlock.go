package web

import (
	"context"

	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/wire"
)

func unlockRoutes() []route {
	return []route{
		{Route{Method: "POST", Path: api + "/system/unlock", Operation: "unlockStore", Access: LockedToo}, do((*Server).unlockStore)},
	}
}

type unlockInput struct {
	Body wire.Unlock `body:"json"`
}

// unlockStore opens the store with what its operator sends. While it is locked nobody can sign in, so that the secret is
// the proof; and guesses at it are few.
func (s *Server) unlockStore(ctx context.Context, c *Call, in unlockInput) (Nothing, error) {
	if s.options.Unlock == nil {
		return Nothing{}, refuse(kindNotFound, "this appliance is unlocked by commands on its host only")
	}
	if (in.Body.Passphrase == "") == (in.Body.RecoveryCode == "") {
		return Nothing{}, badField("", "give either passphrase or recovery_code")
	}
	if !s.db.Locked() {
		return Nothing{}, refuse(kindConflict, "the store is unlocked")
	}
	if err := s.limitUnlocking(ctx, c); err != nil {
		return Nothing{}, err
	}
	with := Unlocking{Passphrase: directory.NewSecret(in.Body.Passphrase), Recovery: directory.NewSecret(in.Body.RecoveryCode)}
	return Nothing{}, s.options.Unlock(ctx, with, c.Source)
}
