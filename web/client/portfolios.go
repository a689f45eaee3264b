package client

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"

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

// ImportExample imports the synthetic example portfolio that the appliance carries.
func (c *Client) ImportExample(ctx context.Context) (wire.ImportedPortfolio, error) {
	return call[wire.ImportedPortfolio](ctx, c, request{method: http.MethodPost, path: at("portfolios", "example"), creates: true})
}

// ValidatePortfolio uploads exposure and says what it holds. Nothing is imported.
func (c *Client) ValidatePortfolio(ctx context.Context, e Exposure, tell Progress) (wire.ExposureCheck, error) {
	return call[wire.ExposureCheck](ctx, c, request{method: http.MethodPost, path: at("portfolios", "validate"), upload: &e, sent: tell})
}

// Portfolio is one portfolio in its latest version, and its ETag.
func (c *Client) Portfolio(ctx context.Context, id string) (p wire.Portfolio, etag string, err error) {
	return callVersioned[wire.Portfolio](ctx, c, request{method: http.MethodGet, path: at("portfolios", id)})
}

// PortfolioVersion is a portfolio in the version of that number, 0: the latest.
func (c *Client) PortfolioVersion(ctx context.Context, id string, version int) (wire.Portfolio, error) {
	return call[wire.Portfolio](ctx, c, request{method: http.MethodGet, path: at("portfolios", id), query: inVersion(version)})
}

// PortfolioVersions lists what was imported into a portfolio, the latest first, each with what it has more than the one before it.
func (c *Client) PortfolioVersions(ctx context.Context, id string) iter.Seq2[wire.PortfolioVersion, error] {
	return list[wire.PortfolioVersion](ctx, c, at("portfolios", id, "versions"), nil)
}

// inVersion names a version of a portfolio; 0 is the latest.
func inVersion(version int) url.Values {
	if version == 0 {
		return nil
	}
	return url.Values{"version": {strconv.Itoa(version)}}
}

// ReplacePortfolio imports exposure as the next version of the portfolio that etag is of; "" is whatever is there. It fails as ImportPortfolio does.
func (c *Client) ReplacePortfolio(ctx context.Context, id string, e Exposure, etag string, tell Progress) (wire.ImportedPortfolio, error) {
	return call[wire.ImportedPortfolio](ctx, c, request{method: http.MethodPut, path: at("portfolios", id), upload: &e, sent: tell, ifMatch: etag, creates: true})
}

// DeletePortfolio removes all versions of the portfolio that etag is of, "" whatever is there. One with runs is a *Problem of kind conflict.
func (c *Client) DeletePortfolio(ctx context.Context, id, etag string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: at("portfolios", id), ifMatch: etag})
}

// PortfolioSummary is what a version of a portfolio, 0: the latest, holds, by what matters for wind.
func (c *Client) PortfolioSummary(ctx context.Context, id string, version int) (wire.PortfolioSummary, error) {
	return call[wire.PortfolioSummary](ctx, c, request{method: http.MethodGet, path: at("portfolios", id, "summary"), query: inVersion(version)})
}

// PortfolioSites are where a version of a portfolio, 0: the latest, lies, thinned for a map.
func (c *Client) PortfolioSites(ctx context.Context, id string, version int) (wire.PortfolioSites, error) {
	return call[wire.PortfolioSites](ctx, c, request{method: http.MethodGet, path: at("portfolios", id, "sites"), query: inVersion(version)})
}

// PortfolioFile writes a file of a version of a portfolio, 0: the latest, as it was imported: location, account, report or sites. After an error what was written is not
// whole.
func (c *Client) PortfolioFile(ctx context.Context, id string, version int, role string, to io.Writer, tell Progress) error {
	return c.download(ctx, at("portfolios", id, "files", role), inVersion(version), to, tell)
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
