package web

import (
	"context"
	"errors"
	"strconv"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/wire"
)

func systemRoutes() []route {
	const path = api + "/system"
	return []route{
		{Route{Method: "GET", Path: path, Operation: "getSystem", Access: LockedToo, Verb: "setting.read", OperatorVerb: "store.status"}, do((*Server).getSystem)},
		{Route{Method: "PUT", Path: path + "/mode", Operation: "setMode", Access: Permitted, Verb: "setting.change", StepUp: true}, do((*Server).setMode)},
		{Route{Method: "POST", Path: path + "/lock", Operation: "lockStore", Access: Permitted, Verb: "store.lock", StepUp: true}, do((*Server).lockStore)},
		{Route{Method: "GET", Path: path + "/connections", Operation: "listConnections", Access: Permitted, Verb: "store.status"}, do((*Server).listConnections)},
	}
}

// getSystem says to everybody that the store is locked, while it is, and nothing else. Otherwise it says version and mode to
// whoever is signed in, and to operators how the store stands. Its ETag is the version of the settings, for setMode.
func (s *Server) getSystem(ctx context.Context, c *Call, _ struct{}) (wire.System, error) {
	if c.Principal.Role() == 0 {
		c.Version(0) // which no settings have
		return wire.System{Status: "locked"}, nil
	}
	out := wire.System{Status: "ready", Version: s.options.Version}
	var now directory.Settings
	var err error
	if c.Principal.Role() == store.Operator {
		now, out.Store, err = s.storeStatus(ctx, c)
	} else {
		now, err = s.directory.Settings(ctx, c.Principal)
	}
	if err != nil {
		return wire.System{}, err
	}
	mode, _, err := s.mode(ctx, now)
	out.Mode = mode.String()
	c.Version(now.Version)
	return out, err
}

// storeStatus is the store's state, whose reading leaves the entry, and the settings with it.
func (s *Server) storeStatus(ctx context.Context, c *Call) (directory.Settings, *wire.Store, error) {
	is, err := s.db.Status(ctx, c.Principal)
	if err != nil {
		return directory.Settings{}, nil, err
	}
	now, err := s.directory.PresentSettings(ctx)
	return now, &wire.Store{
		Install: is.Install.String(), Created: is.Created.UTC(), DatabaseBytes: is.Database.Size, DatabaseFree: is.Database.Free,
		DiskFree: is.DiskFree, ReadOnly: is.ReadOnly, Anchored: is.Anchored.UTC(), Tenants: is.Tenants, Erased: is.Erased,
		RotationDue: is.RotationDue, AuditEntries: is.AuditSize,
	}, err
}

// mode is the mode that holds, which the configuration may fix.
func (s *Server) mode(ctx context.Context, setting directory.Settings) (mode outbound.Mode, fixed bool, err error) {
	if s.options.Mode == nil {
		return setting.Mode, true, nil
	}
	return s.options.Mode.Mode(ctx)
}

// setMode changes how far the appliance reaches.
func (s *Server) setMode(ctx context.Context, c *Call, in struct {
	Body wire.Mode `body:"json"`
}) (wire.Mode, error) {
	to, err := modeNamed(in.Body.Mode, "/mode")
	if err != nil {
		return wire.Mode{}, err
	}
	version, err := c.IfMatch()
	if err != nil {
		return wire.Mode{}, err
	}
	if _, fixed, err := s.mode(ctx, directory.Settings{}); err != nil || fixed {
		return wire.Mode{}, errors.Join(err, refuse(kindConflict, "the configuration of the appliance fixes its mode; change it there and restart"))
	}
	now, err := s.options.Mode.SetMode(ctx, c.Principal, to, version)
	if err != nil {
		return wire.Mode{}, err
	}
	c.Version(now.Version)
	return wire.Mode{Mode: now.Mode.String()}, nil
}

func modeNamed(name, pointer string) (outbound.Mode, error) {
	mode, err := outbound.ParseMode(name)
	if err != nil {
		return mode, badField(pointer, `it is "air-gapped", "hybrid" or "connected"`)
	}
	return mode, nil
}

// lockStore locks the store, after what last uses are known were written. From the reply on nobody is known until it is unlocked.
func (s *Server) lockStore(ctx context.Context, c *Call, _ struct{}) (Nothing, error) {
	if err := s.directory.Flush(ctx); err != nil {
		s.log.Warn("last uses of sessions and keys are not all written", "request_id", c.Source.Request, "error", err)
	}
	return Nothing{}, s.db.Lock(ctx, c.Principal)
}

// listConnections is the record of connections to other hosts, newest first.
func (s *Server) listConnections(ctx context.Context, c *Call, in struct {
	Cursor string `query:"cursor"`
	Limit  *int   `query:"limit"`
}) (wire.Page[wire.Connection], error) {
	var none wire.Page[wire.Connection]
	limit, err := pageSize(in.Limit)
	if err != nil {
		return none, err
	}
	var before uint64
	if in.Cursor != "" {
		if before, err = readNumber(in.Cursor); err != nil {
			return none, err
		}
	}
	all, err := s.connections(ctx, c, before, limit)
	if err != nil {
		return none, err
	}
	next := ""
	if len(all) == limit && all[limit-1].ID > 1 {
		next = numberCursor(all[limit-1].ID)
	}
	return pageOf(c, all, next, connectionView), nil
}

// connections reads the record, which is not in the store, and then leaves the entry of that, by a reading of the store's.
func (s *Server) connections(ctx context.Context, c *Call, before uint64, limit int) (all []outbound.Connection, err error) {
	t, err := s.own(ctx, c)
	if err != nil {
		return nil, err
	}
	verb, err := store.ParseVerb("store.status")
	if err != nil {
		return nil, err
	}
	var failed error
	if s.options.Connections != nil {
		all, failed = s.options.Connections.Connections(before, limit)
	}
	return all, t.View(ctx, store.Action{Verb: verb}, func(*store.ReadTx) error { return failed })
}

func connectionView(k outbound.Connection) wire.Connection {
	out := wire.Connection{
		ID: strconv.FormatUint(k.ID, 10), Purpose: string(k.Purpose), Host: k.Host, Port: k.Port, Target: k.Target,
		Began: k.Began.UTC(), Ended: moment(k.Ended), Sent: k.Sent, Received: k.Received, Outcome: string(k.Outcome), Reason: k.Reason,
	}
	if k.Address.IsValid() {
		out.Address = k.Address.String()
	}
	return out
}
