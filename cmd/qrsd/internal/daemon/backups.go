package daemon

import (
	"context"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/backups"
	"github.com/qrsrisk/qrsd/store/backup"
	"github.com/qrsrisk/qrsd/store/directory"
)

// newBackups is the keeper of the store's backups; nil where the configuration names no place for them.
func (a *appliance) newBackups(ctx context.Context) (*backups.Account, error) {
	if a.config.Backup == nil {
		return nil, nil
	}
	targets, err := backups.Targets(ctx, a.config.Backup, a.dialer)
	if err != nil {
		return nil, err
	}
	o := backups.Options(a.config.Backup, targets, a.options.Version)
	o.Alert, o.Made, o.Drilled = a.alertOfBackup, a.madeBackup, a.drilledBackup
	k, err := backup.NewKeeper(a.db, o)
	if err != nil {
		return nil, err
	}
	a.keeper = k
	account := &backups.Account{Keeper: k, Places: []string{}}
	for _, t := range targets {
		account.Places = append(account.Places, t.Name())
	}
	return account, nil
}

// alertOfBackup tells the operators, in the log and by message.
func (a *appliance) alertOfBackup(ctx context.Context, failed backup.Alert) {
	kind := directory.NoticeBackupFailed
	switch failed.Kind {
	case "drill-failed":
		kind = directory.NoticeDrillFailed
	case "prune-failed", "keys-left":
		kind = directory.NoticeBackupLeft
	}
	if err := a.directory.TellOperators(context.WithoutCancel(ctx), kind, failed.Target); err != nil {
		a.log.Error("telling the operators", "error", err)
	}
	a.log.Error("alarm", "what", failed.Kind, "place", failed.Target, "reason", failed.Reason)
}

// madeBackup notes a backup in the log.
func (a *appliance) madeBackup(b backup.Backup) {
	a.log.Info("backup", "outcome", b.Outcome, "name", b.Name, "place", b.Target, "sent_bytes", b.SentBytes, "blobs", b.Blobs, "took", b.Ended.Sub(b.Began).String())
}

// drilledBackup notes a drill in the log.
func (a *appliance) drilledBackup(r *backup.Report) {
	a.log.Info("drill", "outcome", r.Outcome, "form", r.Form, "backup", r.Backup, "place", r.Target, "rpo_seconds", r.RPO, "rto_seconds", r.RTO)
}
