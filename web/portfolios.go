package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
		{Route{Method: "POST", Path: path + "/example", Operation: "importExample", Access: Permitted, Verb: "portfolio.import", Keyed: true}, do((*Server).importExample)},
		{Route{Method: "POST", Path: path + "/validate", Operation: "validatePortfolio", Access: Permitted, Verb: "portfolio.check", Upload: true}, doUpload((*Server).validatePortfolio)},
		read(one, "getPortfolio", false, do((*Server).getPortfolio)),
		{Route{Method: "PUT", Path: one, Operation: "replacePortfolio", Access: Permitted, Verb: "portfolio.import", Keyed: true, Upload: true}, doUpload((*Server).replacePortfolio)},
		{Route{Method: "DELETE", Path: one, Operation: "deletePortfolio", Access: Permitted, Verb: "portfolio.delete"}, do((*Server).deletePortfolio)},
		read(one+"/versions", "listPortfolioVersions", false, do((*Server).listPortfolioVersions)),
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

// ofVersion is the input of a route about a portfolio in one of its versions.
type ofVersion struct {
	ID      store.ID `path:"id"`
	Version *int     `query:"version"`
}

// versionNumber is the number of the version that a query names, 0: the latest.
func versionNumber(version *int) (int, error) {
	switch {
	case version == nil:
		return 0, nil
	case *version < 1:
		return 0, badParameter("version", fmt.Sprintf("%d is no version of a portfolio; they are counted from 1, and without version it is the latest", *version))
	}
	return *version, nil
}

func (s *Server) listPortfolios(ctx context.Context, c *Call, in ofPage) (wire.Page[wire.Portfolio], error) {
	return listOf(ctx, s, c, in, (*workspace.Workspace).Portfolios, portfolioView)
}

// getPortfolio has the ETag of the portfolio, whatever version is named: none of them can change, the portfolio can.
func (s *Server) getPortfolio(ctx context.Context, c *Call, in ofVersion) (wire.Portfolio, error) {
	r, err := s.portfolio(ctx, c, in)
	if err != nil {
		return wire.Portfolio{}, err
	}
	c.Version(r.Version)
	return portfolioView(r), nil
}

func (s *Server) portfolio(ctx context.Context, c *Call, in ofVersion) (r store.Record[workspace.Portfolio], err error) {
	number, err := versionNumber(in.Version)
	if err != nil {
		return r, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return r, err
	}
	return w.PortfolioVersion(ctx, in.ID, number)
}

// listPortfolioVersions says of each version what it has more than the one before, for which one more is read than is listed.
func (s *Server) listPortfolioVersions(ctx context.Context, c *Call, in struct {
	ID     store.ID `path:"id"`
	Cursor string   `query:"cursor"`
	Limit  *int     `query:"limit"`
}) (page wire.Page[wire.PortfolioVersion], err error) {
	below, limit, err := countedPage(in.Cursor, in.Limit)
	if err != nil {
		return page, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return page, err
	}
	all, err := w.PortfolioVersions(ctx, in.ID, int(below), limit+1)
	if err != nil {
		return page, err
	}
	page.Items, page.NextCursor = versionViews(all, limit)
	c.Next(page.NextCursor)
	return page, nil
}

// versionViews are up to limit versions, the latest first, and where to go on.
func versionViews(all []workspace.Portfolio, limit int) (views []wire.PortfolioVersion, next string) {
	views = []wire.PortfolioVersion{}
	for i, v := range all[:min(limit, len(all))] {
		view := wire.PortfolioVersion{
			Version: v.Number, Name: v.Name, Digest: v.Digest.String(), Locations: v.Locations, Accounts: v.Accounts, TIV: v.TIV, Currency: v.Currency,
			Files: viewed(v.Files, portfolioFileView), Imported: v.Imported.UTC(), By: v.By.String(),
		}
		if i+1 < len(all) {
			view.Change = changeSince(&all[i+1], &v)
		}
		views = append(views, view)
	}
	if len(all) > limit {
		next = numberCursor(uint64(all[limit-1].Number))
	}
	return views, next
}

func changeSince(before, now *workspace.Portfolio) *wire.VersionChange {
	c := &wire.VersionChange{Exposure: before.Digest != now.Digest, Locations: now.Locations - before.Locations, Accounts: now.Accounts - before.Accounts}
	if before.Currency == now.Currency {
		more := now.TIV - before.TIV
		c.TIV = &more
	}
	return c
}

func (s *Server) getPortfolioSummary(ctx context.Context, c *Call, in ofVersion) (wire.PortfolioSummary, error) {
	r, err := s.portfolio(ctx, c, in)
	if err != nil {
		return wire.PortfolioSummary{}, err
	}
	return summaryView(r), nil
}

// getPortfolioSites reads the sites that the import thinned.
func (s *Server) getPortfolioSites(ctx context.Context, c *Call, in ofVersion) (sites wire.PortfolioSites, err error) {
	from, err := s.portfolioFile(ctx, c, in, roleSites)
	if err != nil {
		return sites, err
	}
	defer func() { _ = from.Close() }() // it was only read
	return sites, json.NewDecoder(from).Decode(&sites)
}

func (s *Server) getPortfolioFile(ctx context.Context, c *Call, in struct {
	ID      store.ID `path:"id"`
	Role    string   `path:"role"`
	Version *int     `query:"version"`
}) (*Stream, error) {
	from, err := s.portfolioFile(ctx, c, ofVersion{in.ID, in.Version}, in.Role)
	if err != nil {
		return nil, err
	}
	return fileStream(in.Role, from)
}

func (s *Server) portfolioFile(ctx context.Context, c *Call, in ofVersion, role string) (*store.BlobReader, error) {
	number, err := versionNumber(in.Version)
	if err != nil {
		return nil, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return nil, err
	}
	return w.OpenFile(ctx, in.ID, number, role)
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
		ID: r.ID.String(), Version: p.Number, Name: p.Name, Digest: p.Digest.String(), Locations: p.Locations, Accounts: p.Accounts, TIV: p.TIV, Currency: p.Currency,
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
		of, uncounted = &workspace.Summary{}, "it was imported by an earlier release of qrsd, or without the model; import the same files as its next version to have its parts counted"
	}
	named := func(all []workspace.Share, name func(key string) string) []wire.ExposureShare {
		return viewed(all, func(x workspace.Share) wire.ExposureShare {
			return wire.ExposureShare{Key: x.Key, Name: name(x.Key), Locations: x.Locations, TIV: x.TIV}
		})
	}
	shares := func(all []workspace.Share) []wire.ExposureShare {
		return named(all, func(string) string { return "" })
	}
	return wire.PortfolioSummary{
		ID: r.ID.String(), Version: p.Number, Currency: p.Currency, Locations: p.Locations, Accounts: p.Accounts, TIV: p.TIV,
		Policies: of.Policies, NotWind: of.NotWind, Warnings: of.Warnings,
		Coverages: shares(of.Coverages), Counties: shares(of.Counties), Construction: named(of.Construction, workspace.ConstructionName),
		Occupancy: named(of.Occupancy, workspace.OccupancyName), Eras: shares(of.Eras), Lines: shares(of.Lines), Uncounted: uncounted,
	}
}
