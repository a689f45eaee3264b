package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/qrsrisk/qrsd/web/wire"
)

func atEvent(run string, event int, part string) string {
	return at("runs", run, "events", strconv.Itoa(event), part)
}

// EventTrack is the way of a storm of a finished run, by its number.
func (c *Client) EventTrack(ctx context.Context, run string, event int) (wire.StormTrack, error) {
	return call[wire.StormTrack](ctx, c, request{method: http.MethodGet, path: atEvent(run, event, "track")})
}

// EventFootprint is the peak wind of a storm over Florida, by cell.
func (c *Client) EventFootprint(ctx context.Context, run string, event int) (wire.StormFootprint, error) {
	return call[wire.StormFootprint](ctx, c, request{method: http.MethodGet, path: atEvent(run, event, "footprint")})
}

// EventLosses are the losses of a storm by line of business and county.
func (c *Client) EventLosses(ctx context.Context, run string, event int) (wire.StormLosses, error) {
	return call[wire.StormLosses](ctx, c, request{method: http.MethodGet, path: atEvent(run, event, "losses")})
}

// EventSites is a part of the insured sites that a storm damages, the largest loss first.
func (c *Client) EventSites(ctx context.Context, run string, event int, p Part) (wire.StormSites, error) {
	return call[wire.StormSites](ctx, c, request{method: http.MethodGet, path: atEvent(run, event, "sites"), query: p.values()})
}

// ExportEvent writes a storm's track, landfalls, footprint, sites or losses as csv, parquet, xlsx or geojson. After an error what was written is not
// whole.
func (c *Client) ExportEvent(ctx context.Context, run string, event int, table, format string, to io.Writer, tell Progress) error {
	return c.download(ctx, atEvent(run, event, "export"), url.Values{"table": {table}, "format": {format}}, to, tell)
}
