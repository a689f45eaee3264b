package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/spool"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Roles of files of an import that are not the user's own.
const (
	roleReport = "report"
	roleSites  = "sites"
)

// importPortfolio imports what was uploaded, whole or not at all.
func (s *Server) importPortfolio(ctx context.Context, c *Call, _ struct{}, u *uploaded) (wire.ImportedPortfolio, error) {
	return s.takeIn(ctx, c, u, func(w *workspace.Workspace, n workspace.NewPortfolio) (id store.ID, p workspace.Portfolio, err error) {
		id, err = w.Import(ctx, n)
		if err == nil {
			c.Created("/portfolios/" + id.String())
		}
		return id, workspace.Portfolio{Number: 1, Name: n.Name}, err
	})
}

// importExample imports the exposure that the program carries, by the way of any upload: it is spooled, read, checked and entered alike.
func (s *Server) importExample(ctx context.Context, c *Call, _ struct{}) (none wire.ImportedPortfolio, err error) {
	if s.options.Example == nil {
		return none, refuse(kindConflict, "this appliance carries no example")
	}
	free, err := s.docks.enter(c.Principal.Tenant())
	if err != nil {
		return none, err
	}
	c.exchange.hold(free)
	e, err := s.options.Example()
	if err != nil {
		return none, s.unread(c, err)
	}
	u, err := s.spoolExample(c, e)
	if err != nil {
		return none, s.unread(c, err)
	}
	return s.importPortfolio(ctx, c, struct{}{}, u)
}

func (s *Server) spoolExample(c *Call, e *ExampleExposure) (*uploaded, error) {
	t := &taking{x: c.exchange, dir: spool.Dir(s.options.Uploads)}
	location, err := t.spool(e.Location.Name, bytes.NewReader(e.Location.Content))
	if err != nil {
		return nil, err
	}
	account, err := t.spool(e.Account.Name, bytes.NewReader(e.Account.Content))
	return &uploaded{name: e.Name, location: location, account: account}, err
}

// replacePortfolio imports what was uploaded as the portfolio's next version.
func (s *Server) replacePortfolio(ctx context.Context, c *Call, in byID, u *uploaded) (wire.ImportedPortfolio, error) {
	version, err := c.IfMatch()
	if err != nil {
		return wire.ImportedPortfolio{}, err
	}
	return s.takeIn(ctx, c, u, func(w *workspace.Workspace, n workspace.NewPortfolio) (store.ID, workspace.Portfolio, error) {
		n.Name = u.name // without one it stays the portfolio's, and is not that of the file
		p, err := w.ImportVersion(ctx, in.ID, version, n)
		return in.ID, p, inUse(err)
	})
}

// takeIn reads exposure, and keeps it where it has no faults.
func (s *Server) takeIn(ctx context.Context, c *Call, u *uploaded, keep func(*workspace.Workspace, workspace.NewPortfolio) (store.ID, workspace.Portfolio, error)) (none wire.ImportedPortfolio, err error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return none, err
	}
	read, err := s.readIn(ctx, c, u, false)
	if err != nil {
		return none, err
	}
	if read.Report.FaultCount > 0 {
		refused, err := s.keepRefused(ctx, w, u, read, false)
		if err != nil {
			return none, err
		}
		return none, &refusal{kind: kindFaults, exposure: refused, entered: true,
			detail: fmt.Sprintf("%d faults; nothing was imported. The rows with faults are kept as files, each with its reason", refused.FaultCount)}
	}
	n, err := newPortfolio(u, read)
	if err != nil {
		return none, err
	}
	id, kept, err := keep(w, n)
	if err != nil {
		return none, err
	}
	return wire.ImportedPortfolio{
		ID: id.String(), Version: kept.Number, Name: kept.Name, Digest: fmt.Sprintf("%x", n.Digest), Locations: n.Locations, Accounts: n.Accounts, TIV: n.TIV, Currency: n.Currency,
		Policies: read.Report.Policies, NotWind: read.Report.NotWind, Warnings: len(read.Report.Warnings),
	}, nil
}

// validatePortfolio reads exposure and says what it found. The rows with faults are kept as those of a refused import are.
func (s *Server) validatePortfolio(ctx context.Context, c *Call, _ struct{}, u *uploaded) (none wire.ExposureCheck, err error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return none, err
	}
	read, err := s.readIn(ctx, c, u, true)
	if err != nil {
		return none, err
	}
	if read.Report.FaultCount == 0 {
		return wire.ExposureCheck{Valid: true, Report: read.Report}, w.Checked(ctx)
	}
	refused, err := s.keepRefused(ctx, w, u, read, true)
	if err != nil {
		return none, err
	}
	refused.Faults = []wire.ExposureFault{} // they are in the report
	return wire.ExposureCheck{Report: read.Report, Refused: refused}, nil
}

// inReading is what was read, with the rows with faults.
type inReading struct {
	*Reading
	bad map[string]*spool.File // by role; of files without such rows they are empty
}

// readIn reads what was uploaded. Its errors are refusals: no verb of the store has run yet.
func (s *Server) readIn(ctx context.Context, c *Call, u *uploaded, checkOnly bool) (*inReading, error) {
	if s.options.Intake == nil {
		return nil, refuse(kindBusy, "this appliance takes no exposure")
	}
	bad := map[string]*spool.File{}
	for _, role := range []string{"bad-location", "bad-account"} {
		f, err := spool.Dir(s.options.Uploads).Create()
		if err != nil {
			return nil, s.unread(c, err)
		}
		c.exchange.hold(f)
		bad[role] = f
	}
	e := Exposure{Location: u.location.file(), BadLocations: &clippedTo{bad["bad-location"]}, BadAccounts: &clippedTo{bad["bad-account"]}, CheckOnly: checkOnly}
	if u.account != nil {
		account := u.account.file()
		e.Account = &account
	}
	read, err := s.options.Intake.Read(ctx, e)
	for _, f := range bad {
		err = cmp.Or(err, f.End())
	}
	if err != nil {
		return nil, s.unread(c, err)
	}
	return &inReading{read, bad}, nil
}

// badRowsAtMost bounds the rows with faults that are kept of a file: with their reasons they can be many times the file.
const badRowsAtMost = 256 << 20

// clippedTo writes the first badRowsAtMost bytes, and lets the rest go.
type clippedTo struct{ *spool.File }

// Write implements io.Writer.
func (c *clippedTo) Write(p []byte) (int, error) {
	if room := badRowsAtMost - c.Size(); room < int64(len(p)) {
		if _, err := c.File.Write(p[:max(room, 0)]); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	return c.File.Write(p)
}

func (f *spooled) file() ExposureFile {
	return ExposureFile{Name: f.name, Size: f.Size(), Content: f.File}
}

// unread is a fault of ours while exposure was read, which the log has.
func (s *Server) unread(c *Call, err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return refuse(kindBusy, "the exposure could not be read in time")
	}
	s.log.Error("exposure could not be read", "request_id", c.Source.Request, "error", err)
	return refuse(kindInternal, "the log of the appliance has the cause under this request's id")
}

// newPortfolio is what is kept of exposure without faults: its files as they came, and what was found in them.
func newPortfolio(u *uploaded, r *inReading) (n workspace.NewPortfolio, err error) {
	n = workspace.NewPortfolio{
		Name: cmp.Or(u.name, u.location.name), Digest: r.Digest, Locations: r.Report.Locations, Accounts: r.Report.Accounts,
		TIV: r.Report.TIV, Currency: r.Report.Currency, Summary: r.Summary,
	}
	n.Files = append(n.Files, spooledFile(u.location.name, "location", u.location.File))
	if u.account != nil {
		n.Files = append(n.Files, spooledFile(u.account.name, "account", u.account.File))
	}
	report, err := jsonFile(roleReport, r.Report)
	if err != nil {
		return n, err
	}
	sites, err := jsonFile(roleSites, r.Sites)
	n.Files = append(n.Files, report, sites)
	return n, err
}

func spooledFile(name, role string, f *spool.File) workspace.NewFile {
	return workspace.NewFile{Name: name, Role: role, Open: func() (io.ReadCloser, error) { return io.NopCloser(f.Reader()), nil }}
}

func jsonFile(role string, v any) (workspace.NewFile, error) {
	text, err := json.Marshal(v)
	return workspace.NewFile{Name: role + ".json", Role: role, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(append(text, '\n'))), nil
	}}, err
}

// keepRefused keeps the report and the rows with faults.
func (s *Server) keepRefused(ctx context.Context, w *workspace.Workspace, u *uploaded, r *inReading, check bool) (*wire.RefusedExposure, error) {
	report, err := jsonFile(roleReport, r.Report)
	if err != nil {
		return nil, err
	}
	n := workspace.NewRefusedImport{Name: cmp.Or(u.name, u.location.name), Faults: r.Report.FaultCount, Files: []workspace.NewFile{report}, Check: check}
	for _, role := range []string{"bad-location", "bad-account"} {
		if f := r.bad[role]; f.Size() > 0 {
			n.Files = append(n.Files, spooledFile(role+".csv", role, f))
		}
	}
	id, err := w.KeepRefused(ctx, n)
	if err != nil {
		return nil, err
	}
	out := &wire.RefusedExposure{ID: id.String(), Faults: r.Report.Faults, FaultCount: r.Report.FaultCount}
	for _, f := range n.Files {
		out.Files = append(out.Files, api+"/refused-imports/"+id.String()+"/files/"+f.Role)
	}
	return out, nil
}
