package daemon

import (
	"context"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/egressfile"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/web"
)

// Tend runs a task as the daemon does.
var Tend = tend

// Connections reads a record as the server does.
func Connections(j *egressfile.Journal) web.Connections { return connections{j} }

// EachConnection reads a record as the trust center does.
func EachConnection(ctx context.Context, j *egressfile.Journal, do func(outbound.Connection)) error {
	return connections{j}.Each(ctx, do)
}

// Feed gives the events of runs as the server gets them.
func Feed(f *runner.Feed) web.Feed { return feed{f} }
