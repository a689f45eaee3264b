package web

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Backups makes backups of the store, proves them, and keeps account of both. Each call leaves one entry: a reading under backup.read,
// the others under backup.create and backup.drill. Restoring is for whoever works on a host: there is no request for it.
type Backups interface {
	// Backups gives up to limit (1 to 1,000) accounts from a cursor, newest first, and the cursor after them, "" at the end.
	Backups(ctx context.Context, by store.Principal, after store.Cursor, limit int) ([]wire.Backup, store.Cursor, error)
	// Drills gives accounts of drills in the same way.
	Drills(ctx context.Context, by store.Principal, after store.Cursor, limit int) ([]wire.Drill, store.Cursor, error)
	// Schedule is what was done, is being done and is due.
	Schedule(ctx context.Context, by store.Principal) (wire.BackupSchedule, error)
	// AskBackup and AskDrill have one begin soon; after one that is at work another.
	AskBackup(ctx context.Context, by store.Principal) error
	AskDrill(ctx context.Context, by store.Principal) error
}

func backupRoutes() []route {
	const path = api + "/system"
	return []route{
		{Route{Method: "GET", Path: path + "/backups", Operation: "listBackups", Access: Permitted, Verb: "backup.read"}, do((*Server).listBackups)},
		{Route{Method: "POST", Path: path + "/backups", Operation: "startBackup", Access: Permitted, Verb: "backup.create"}, do((*Server).startBackup)},
		{Route{Method: "GET", Path: path + "/drills", Operation: "listDrills", Access: Permitted, Verb: "backup.read"}, do((*Server).listDrills)},
		{Route{Method: "POST", Path: path + "/drills", Operation: "startDrill", Access: Permitted, Verb: "backup.drill"}, do((*Server).startDrill)},
		{Route{Method: "GET", Path: path + "/backup-schedule", Operation: "getBackupSchedule", Access: Permitted, Verb: "backup.read"}, do((*Server).getBackupSchedule)},
	}
}

// backups is what makes them, or a refusal.
func (s *Server) backups() (Backups, error) {
	if s.options.Backups == nil {
		return nil, refuse(kindConflict, "no backups are configured: name a place for them and a recipient in the block backup of the configuration, and restart")
	}
	return s.options.Backups, nil
}

// listBackups lists the account of backups, newest first.
func (s *Server) listBackups(ctx context.Context, c *Call, in ofPage) (none wire.Page[wire.Backup], err error) {
	return listKept(ctx, s, c, in, Backups.Backups)
}

// listDrills lists the account of drills, newest first.
func (s *Server) listDrills(ctx context.Context, c *Call, in ofPage) (none wire.Page[wire.Drill], err error) {
	return listKept(ctx, s, c, in, Backups.Drills)
}

func listKept[T any](ctx context.Context, s *Server, c *Call, in ofPage, list func(Backups, context.Context, store.Principal, store.Cursor, int) ([]T, store.Cursor, error)) (none wire.Page[T], err error) {
	limit, err := pageSize(in.Limit)
	if err != nil {
		return none, err
	}
	b, err := s.backups()
	if err != nil {
		return none, err
	}
	all, next, err := list(b, ctx, c.Principal, store.Cursor(in.Cursor), limit)
	if err != nil {
		return none, err
	}
	return pageOf(c, all, string(next), func(one T) T { return one }), nil
}

// startBackup has a backup begin soon; the account says what came of it.
func (s *Server) startBackup(ctx context.Context, c *Call, _ struct{}) (Nothing, error) {
	b, err := s.backups()
	if err != nil {
		return Nothing{}, err
	}
	return Nothing{}, b.AskBackup(ctx, c.Principal)
}

// startDrill has the newest backup restored for trial soon, in full.
func (s *Server) startDrill(ctx context.Context, c *Call, _ struct{}) (Nothing, error) {
	b, err := s.backups()
	if err != nil {
		return Nothing{}, err
	}
	return Nothing{}, b.AskDrill(ctx, c.Principal)
}

// getBackupSchedule says what was done, is being done and is due. That nothing is configured is an answer.
func (s *Server) getBackupSchedule(ctx context.Context, c *Call, _ struct{}) (wire.BackupSchedule, error) {
	if s.options.Backups != nil {
		return s.options.Backups.Schedule(ctx, c.Principal)
	}
	t, err := s.own(ctx, c)
	if err != nil {
		return wire.BackupSchedule{}, err
	}
	verb, err := store.ParseVerb("backup.read")
	if err != nil {
		return wire.BackupSchedule{}, err
	}
	return wire.BackupSchedule{Places: []string{}}, t.View(ctx, store.Action{Verb: verb}, func(*store.ReadTx) error { return nil })
}
