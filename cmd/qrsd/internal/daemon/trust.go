package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/modelcard"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/trust"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/web"
)

// addTrust gives the server the card of its model, and what reviewers ask for.
func (a *appliance) addTrust(o *web.Options) error {
	cards := modelcard.New(modelcard.Release(a.config.Release))
	center, err := trust.New(trust.Options{
		Watches: a.watches(cards), Record: connections{a.record}, Mode: a.dialer.Mode, Allowed: a.config.Outbound.Allowed, Public: a.config.Outbound.Public,
		Now: time.Now,
	})
	if err != nil {
		return err
	}
	o.Models, o.Trust, o.PublicTrust = cards, center, a.config.PublicTrust
	return nil
}

// watches see what controls rest on, here and now.
func (a *appliance) watches(cards *modelcard.Cards) map[string]trust.Watch {
	return map[string]trust.Watch{
		"tls-1.3": func(context.Context) trust.Sight {
			if a.config.TLS.AllowTLS12() {
				return trust.Sight{Says: "the configuration lets TLS 1.2 in (tls.min_version)"}
			}
			return trust.Sight{Holds: true, Says: "the configuration has no other version"}
		},
		"security-contact": func(context.Context) trust.Sight {
			if a.config.SecurityContact == "" {
				return trust.Sight{Says: "the configuration names no contact (security_contact)"}
			}
			return trust.Sight{Holds: true, Says: "a contact is published"}
		},
		"backup":    a.lastBackup,
		"drill":     a.lastDrill,
		"seal-keys": func(context.Context) trust.Sight { return a.sealKeys() },
		"signoff": func(context.Context) trust.Sight {
			card := cards.Card(cards.Digest())
			return trust.Sight{Holds: card.Release != nil && card.Release.Valid && !card.Release.Pending, Says: card.Signoff}
		},
	}
}

// unseen says no more than that something could not be looked at: errors name paths, and reviewers are not all of this house.
func (a *appliance) unseen(what string, err error) trust.Sight {
	a.log.Warn("what the trust center watches could not be read", "what", what, "error", err)
	return trust.Sight{Says: "it could not be seen at this moment; the log of the appliance has the cause"}
}

// sealKeys sees whether a key that seals is published.
func (a *appliance) sealKeys() trust.Sight {
	keys, err := a.db.PublishedKeys()
	if err != nil {
		return a.unseen("published keys", err)
	}
	count, now := 0, time.Now()
	for _, k := range keys.All() {
		if k.Role == seal.SealKey && (k.NotAfter.IsZero() || k.NotAfter.After(now)) {
			count++
		}
	}
	if count == 0 {
		return trust.Sight{Says: "no key of seals is in force"}
	}
	return trust.Sight{Holds: true, Says: fmt.Sprintf("%d key in force is published", count)}
}

// noBackups is what is seen where none are configured.
const noBackups = "no backups are configured (backup)"

// lastBackup sees the last backup that went to every place.
func (a *appliance) lastBackup(ctx context.Context) trust.Sight {
	if a.keeper == nil {
		return trust.Sight{Says: noBackups}
	}
	at, found, err := backupState{a.keeper}.LastBackup(ctx)
	switch {
	case err != nil:
		return a.unseen("last backup", err)
	case !found:
		return trust.Sight{Says: "no backup has gone to every place yet"}
	}
	return trust.Sight{Holds: true, Says: "the last backup went to every place", At: at}
}

// lastDrill sees the last full drill.
func (a *appliance) lastDrill(ctx context.Context) trust.Sight {
	if a.keeper == nil {
		return trust.Sight{Says: noBackups}
	}
	at, passed, found, err := backupState{a.keeper}.LastDrill(ctx)
	switch {
	case err != nil:
		return a.unseen("last drill", err)
	case !found:
		return trust.Sight{Says: "no backup was restored for trial yet"}
	case !passed:
		return trust.Sight{Says: "the last trial had a fault", At: at}
	}
	return trust.Sight{Holds: true, Says: "the last trial had no fault", At: at}
}
