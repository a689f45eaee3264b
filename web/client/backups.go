package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/qrsrisk/qrsd/web/wire"
)

// Backups lists the account of backups, newest first.
func (c *Client) Backups(ctx context.Context) iter.Seq2[wire.Backup, error] {
	return list[wire.Backup](ctx, c, at("system", "backups"), nil)
}

// StartBackup has a backup begin soon; Backups says what came of it.
func (c *Client) StartBackup(ctx context.Context) error {
	return c.do(ctx, request{method: http.MethodPost, path: at("system", "backups")})
}

// Drills lists the account of drills, newest first.
func (c *Client) Drills(ctx context.Context) iter.Seq2[wire.Drill, error] {
	return list[wire.Drill](ctx, c, at("system", "drills"), nil)
}

// StartDrill has the newest backup restored for trial soon, in full.
func (c *Client) StartDrill(ctx context.Context) error {
	return c.do(ctx, request{method: http.MethodPost, path: at("system", "drills")})
}

// BackupSchedule is what was done, is being done and is due.
func (c *Client) BackupSchedule(ctx context.Context) (wire.BackupSchedule, error) {
	return call[wire.BackupSchedule](ctx, c, request{method: http.MethodGet, path: at("system", "backup-schedule")})
}
