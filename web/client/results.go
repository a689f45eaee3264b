package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/qrsrisk/qrsd/web/wire"
)

// Part is a part of a list whose answers say more than its items: it goes on where Cursor is the NextCursor of the part before. The zero value is the
// first part, of the usual length.
type Part struct {
	Cursor string
	Limit  int // items, 1 to 1000; 0: 100
}

func (p Part) values() url.Values {
	v := given(map[string]string{"cursor": p.Cursor})
	if p.Limit != 0 {
		v.Set("limit", strconv.Itoa(p.Limit))
	}
	return v
}

// RunMetrics is a part of the annual figures of a finished run, of summaries of these levels (portfolio, lob, county, zip, account); none: of the first
// three.
func (c *Client) RunMetrics(ctx context.Context, run string, levels []string, p Part) (wire.RunMetrics, error) {
	query := p.values()
	if len(levels) > 0 {
		query["level"] = levels
	}
	return call[wire.RunMetrics](ctx, c, request{method: http.MethodGet, path: at("runs", run, "metrics"), query: query})
}

// RunCurves are the exceedance curves of a summary of a finished run, by its SummaryId (1 is the portfolio), at return periods in years; none: at the
// run's own.
func (c *Client) RunCurves(ctx context.Context, run string, summary int, periods ...float64) (wire.RunCurves, error) {
	query := url.Values{"summary": {strconv.Itoa(summary)}}
	if len(periods) > 0 {
		texts := make([]string, len(periods))
		for i, p := range periods {
			texts[i] = strconv.FormatFloat(p, 'f', -1, 64)
		}
		query.Set("return_periods", strings.Join(texts, ","))
	}
	return call[wire.RunCurves](ctx, c, request{method: http.MethodGet, path: at("runs", run, "curves"), query: query})
}

// EventQuery says which losses of events are wanted. The zero value wants those of the portfolio by ground-up loss.
type EventQuery struct {
	Summary     int    // SummaryId; 0: 1, the portfolio
	Perspective string // ground_up or gross, by which they are sorted; "": ground_up
	// TVaR is the return period in years at which events say their share of the tail value at risk; 0: they do not.
	TVaR float64
}

// RunEvents is a part of the events with a loss of a finished run, largest first.
func (c *Client) RunEvents(ctx context.Context, run string, q EventQuery, p Part) (wire.RunEvents, error) {
	query := p.values()
	if q.Summary != 0 {
		query.Set("summary", strconv.Itoa(q.Summary))
	}
	if q.Perspective != "" {
		query.Set("perspective", q.Perspective)
	}
	if q.TVaR != 0 {
		query.Set("tvar", strconv.FormatFloat(q.TVaR, 'f', -1, 64))
	}
	return call[wire.RunEvents](ctx, c, request{method: http.MethodGet, path: at("runs", run, "events"), query: query})
}

// RunTables lists tables and files of a finished run.
func (c *Client) RunTables(ctx context.Context, run string) (wire.RunTables, error) {
	return call[wire.RunTables](ctx, c, request{method: http.MethodGet, path: at("runs", run, "tables")})
}

// RunTable is a part of a table's rows.
func (c *Client) RunTable(ctx context.Context, run, table string, p Part) (wire.TablePage, error) {
	return call[wire.TablePage](ctx, c, request{method: http.MethodGet, path: at("runs", run, "tables", table), query: p.values()})
}

// ExportRunTable writes a whole table as csv, parquet or xlsx. After an error what was written is not whole.
func (c *Client) ExportRunTable(ctx context.Context, run, table, format string, to io.Writer, tell Progress) error {
	return c.download(ctx, at("runs", run, "tables", table, "export"), url.Values{"format": {format}}, to, tell)
}

// RunFile writes a file of a finished run as it was kept and sealed. After an error what was written is not whole.
func (c *Client) RunFile(ctx context.Context, run, name string, to io.Writer, tell Progress) error {
	return c.download(ctx, at("runs", run, "files", name), nil, to, tell)
}
