package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// portfolioRoutes are imported exposure, and what was refused.
func portfolioRoutes() []route {
	const path, one = api + "/portfolios", api + "/portfolios/{id}"
	const refused, oneRefused = api + "/refused-imports", api + "/refused-imports/{id}"
	read := func(path, operation string, bulk bool, e endpoint) route {
		return route{Route{Method: "GET", Path: path, Operation: operation, Access: Permitted, Verb: "portfolio.read", Bulk: bulk}, e}
	}
	return []route{
		read(path, "listPortfolios", false, do((*Server).listPortfolios)),
		{Route{Method: "POST", Path: path, Operation: "importPortfolio", Access: Permitted, Verb: "portfolio.import", Keyed: true, Upload: true}, doUpload((*Server).importPortfolio)},
		{Route{Method: "POST", Path: path + "/validate", Operation: "validatePortfolio", Access: Permitted, Verb: "portfolio.check", Upload: true}, doUpload((*Server).validatePortfolio)},
		read(one, "getPortfolio", false, do((*Server).getPortfolio)),
		{Route{Method: "PUT", Path: one, Operation: "replacePortfolio", Access: Permitted, Verb: "portfolio.import", Upload: true}, doUpload((*Server).replacePortfolio)},
		{Route{Method: "DELETE", Path: one, Operation: "deletePortfolio", Access: Permitted, Verb: "portfolio.delete"}, do((*Server).deletePortfolio)},
		read(one+"/summary", "getPortfolioSummary", false, do((*Server).getPortfolioSummary)),
		read(one+"/sites", "getPortfolioSites", false, do((*Server).getPortfolioSites)),
		read(one+"/files/{role}", "getPortfolioFile", true, do((*Server).getPortfolioFile)),
		read(refused, "listRefusedImports", false, do((*Server).listRefusedImports)),
		read(oneRefused, "getRefusedImport", false, do((*Server).getRefusedImport)),
		read(oneRefused+"/files/{role}", "getRefusedImportFile", true, do((*Server).getRefusedImportFile)),
	}
}

// ofFile is the input of a route about one file.
type ofFile struct {
	ID   store.ID `path:"id"`
	Role string   `path:"role"`
}

func (s *Server) listPortfolios(ctx context.Context, c *Call, in ofPage) (wire.Page[wire.Portfolio], error) {
	return listOf(ctx, s, c, in, (*workspace.Workspace).Portfolios, portfolioView)
}

func (s *Server) getPortfolio(ctx context.Context, c *Call, in byID) (wire.Portfolio, error) {
	r, err := s.portfolio(ctx, c, in.ID)
	if err != nil {
		return wire.Portfolio{}, err
	}
	c.Version(r.Version)
	return portfolioView(r), nil
}

func (s *Server) portfolio(ctx context.Context, c *Call, id store.ID) (r store.Record[workspace.Portfolio], err error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return r, err
	}
	return w.Portfolio(ctx, id)
}

func (s *Server) getPortfolioSummary(ctx context.Context, c *Call, in byID) (wire.PortfolioSummary, error) {
	r, err := s.portfolio(ctx, c, in.ID)
	if err != nil {
		return wire.PortfolioSummary{}, err
	}
	return summaryView(r), nil
}

// getPortfolioSites reads the sites that the import thinned.
func (s *Server) getPortfolioSites(ctx context.Context, c *Call, in byID) (sites wire.PortfolioSites, err error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return sites, err
	}
	from, err := w.OpenFile(ctx, in.ID, 0, roleSites)
	if err != nil {
		return sites, err
	}
	defer func() { _ = from.Close() }() // it was only read
	return sites, json.NewDecoder(from).Decode(&sites)
}

func (s *Server) getPortfolioFile(ctx context.Context, c *Call, in ofFile) (*Stream, error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return nil, err
	}
	from, err := w.OpenFile(ctx, in.ID, 0, in.Role)
	if err != nil {
		return nil, err
	}
	return fileStream(in.Role, from)
}

// deletePortfolio removes a portfolio of which there are no runs.
func (s *Server) deletePortfolio(ctx context.Context, c *Call, in byID) (Nothing, error) {
	version, err := c.IfMatch()
	if err != nil {
		return Nothing{}, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return Nothing{}, err
	}
	return Nothing{}, inUse(w.DeletePortfolio(ctx, in.ID, version))
}

// inUse makes a conflict of the refusal to take a portfolio from under its runs.
func inUse(err error) error {
	var invalid *workspace.Invalid
	if errors.As(err, &invalid) && invalid.Field == "portfolio" {
		return &refusal{kind: kindConflict, detail: invalid.Reason, entered: true}
	}
	return err
}

func (s *Server) listRefusedImports(ctx context.Context, c *Call, in ofPage) (wire.Page[wire.RefusedImport], error) {
	return listOf(ctx, s, c, in, (*workspace.Workspace).RefusedImports, refusedView)
}

func (s *Server) getRefusedImport(ctx context.Context, c *Call, in byID) (wire.RefusedImport, error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return wire.RefusedImport{}, err
	}
	r, err := w.RefusedImport(ctx, in.ID)
	if err != nil {
		return wire.RefusedImport{}, err
	}
	return refusedView(r), nil
}

// getRefusedImportFile streams the report, or the rows with faults: those are for a spreadsheet, and made harmless to one.
func (s *Server) getRefusedImportFile(ctx context.Context, c *Call, in ofFile) (*Stream, error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return nil, err
	}
	from, err := w.OpenRefused(ctx, in.ID, in.Role)
	if err != nil {
		return nil, err
	}
	if in.Role == roleReport {
		return fileStream(in.Role, from)
	}
	return &Stream{Type: "text/csv", Name: in.Role + ".csv", Write: func(_ context.Context, to io.Writer) error {
		return errors.Join(neutralise(to, from), from.Close())
	}}, nil
}

// fileStream streams a file as it is: the user's own are given back byte for byte, because their digests are what runs rest on.
func fileStream(role string, from *store.BlobReader) (*Stream, error) {
	var mark [4]byte
	if _, err := from.ReadAt(mark[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, from.Close())
	}
	media, ending := "text/csv", ".csv"
	switch {
	case role == roleReport || role == roleSites:
		media, ending = "application/json", ".json"
	case string(mark[:]) == "PAR1":
		media, ending = "application/vnd.apache.parquet", ".parquet"
	}
	return &Stream{Type: media, Name: role + ending, Write: func(_ context.Context, to io.Writer) error {
		_, err := io.Copy(to, from)
		return errors.Join(err, from.Close())
	}}, nil
}

func portfolioView(r store.Record[workspace.Portfolio]) wire.Portfolio {
	p := r.Value
	return wire.Portfolio{
		ID: r.ID.String(), Name: p.Name, Digest: p.Digest.String(), Locations: p.Locations, Accounts: p.Accounts, TIV: p.TIV, Currency: p.Currency,
		Files: viewed(p.Files, portfolioFileView), Imported: p.Imported.UTC(), By: p.By.String(),
	}
}

func portfolioFileView(f workspace.File) wire.PortfolioFile {
	return wire.PortfolioFile{Role: f.Role, Name: f.Name, Bytes: f.Blob.Size, Digest: f.Blob.Digest.String()}
}

func refusedView(r store.Record[workspace.RefusedImport]) wire.RefusedImport {
	v := r.Value
	return wire.RefusedImport{ID: r.ID.String(), Name: v.Name, Faults: v.Faults, Files: viewed(v.Files, portfolioFileView), At: v.At.UTC(), By: v.By.String()}
}

// summaryView is empty in its parts where the import counted none.
func summaryView(r store.Record[workspace.Portfolio]) wire.PortfolioSummary {
	p, of, uncounted := r.Value, r.Value.Summary, ""
	if of == nil {
		of, uncounted = &workspace.Summary{}, "it was imported by an earlier version, or without the model; replace it with the same files to have its parts counted"
	}
	shares := func(all []workspace.Share) []wire.ExposureShare {
		return viewed(all, func(x workspace.Share) wire.ExposureShare { return wire.ExposureShare(x) })
	}
	return wire.PortfolioSummary{
		ID: r.ID.String(), Currency: p.Currency, Locations: p.Locations, Accounts: p.Accounts, TIV: p.TIV,
		Policies: of.Policies, NotWind: of.NotWind, Warnings: of.Warnings,
		Coverages: shares(of.Coverages), Counties: shares(of.Counties), Construction: shares(of.Construction),
		Occupancy: shares(of.Occupancy), Eras: shares(of.Eras), Lines: shares(of.Lines), Uncounted: uncounted,
	}
}
