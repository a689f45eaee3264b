package client

import (
	"context"
	"io"
	"iter"
	"net/http"

	"github.com/qrsrisk/qrsd/web/wire"
)

// Portfolios lists the tenant's portfolios, oldest first.
func (c *Client) Portfolios(ctx context.Context) iter.Seq2[wire.Portfolio, error] {
	return list[wire.Portfolio](ctx, c, at("portfolios"), nil)
}

// ImportPortfolio uploads exposure and imports it, whole or not at all. A *Problem of kind exposure-faults says in its Exposure what is wrong with
// which line, and where the rows with faults are kept.
func (c *Client) ImportPortfolio(ctx context.Context, e Exposure, tell Progress) (wire.ImportedPortfolio, error) {
	return call[wire.ImportedPortfolio](ctx, c, request{method: http.MethodPost, path: at("portfolios"), upload: &e, sent: tell, creates: true})
}

// ValidatePortfolio uploads exposure and says what it holds. Nothing is imported.
func (c *Client) ValidatePortfolio(ctx context.Context, e Exposure, tell Progress) (wire.ExposureCheck, error) {
	return call[wire.ExposureCheck](ctx, c, request{method: http.MethodPost, path: at("portfolios", "validate"), upload: &e, sent: tell})
}

// Portfolio is one portfolio, and its ETag.
func (c *Client) Portfolio(ctx context.Context, id string) (p wire.Portfolio, etag string, err error) {
	return callVersioned[wire.Portfolio](ctx, c, request{method: http.MethodGet, path: at("portfolios", id)})
}

// ReplacePortfolio puts exposure in the place of the portfolio that etag is of; "" replaces whatever is there. It fails as ImportPortfolio does,
// and with a *Problem of kind conflict where there are runs of the portfolio.
func (c *Client) ReplacePortfolio(ctx context.Context, id string, e Exposure, etag string, tell Progress) (wire.ImportedPortfolio, error) {
	return call[wire.ImportedPortfolio](ctx, c, request{method: http.MethodPut, path: at("portfolios", id), upload: &e, sent: tell, ifMatch: etag})
}

// DeletePortfolio removes the portfolio that etag is of, "" whatever is there. One with runs is a *Problem of kind conflict.
func (c *Client) DeletePortfolio(ctx context.Context, id, etag string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: at("portfolios", id), ifMatch: etag})
}

// PortfolioSummary is what a portfolio holds, by what matters for wind.
func (c *Client) PortfolioSummary(ctx context.Context, id string) (wire.PortfolioSummary, error) {
	return call[wire.PortfolioSummary](ctx, c, request{method: http.MethodGet, path: at("portfolios", id, "summary")})
}

// PortfolioSites are where a portfolio lies, thinned for a map.
func (c *Client) PortfolioSites(ctx context.Context, id string) (wire.PortfolioSites, error) {
	return call[wire.PortfolioSites](ctx, c, request{method: http.MethodGet, path: at("portfolios", id, "sites")})
}

// PortfolioFile writes a file of a portfolio as it was imported: location, account, report or sites. After an error what was written is not
// whole.
func (c *Client) PortfolioFile(ctx context.Context, id, role string, to io.Writer, tell Progress) error {
	return c.download(ctx, at("portfolios", id, "files", role), nil, to, tell)
}

// RefusedImports lists what is kept of the last imports with faults, oldest first.
func (c *Client) RefusedImports(ctx context.Context) iter.Seq2[wire.RefusedImport, error] {
	return list[wire.RefusedImport](ctx, c, at("refused-imports"), nil)
}

// RefusedImport is what is kept of one of them.
func (c *Client) RefusedImport(ctx context.Context, id string) (wire.RefusedImport, error) {
	return call[wire.RefusedImport](ctx, c, request{method: http.MethodGet, path: at("refused-imports", id)})
}

// RefusedImportFile writes a file of a refused import: report, bad-location or bad-account, the latter two CSV with the reasons in each row. After
// an error what was written is not whole.
func (c *Client) RefusedImportFile(ctx context.Context, id, role string, to io.Writer, tell Progress) error {
	return c.download(ctx, at("refused-imports", id, "files", role), nil, to, tell)
}
