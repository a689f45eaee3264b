package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/egressfile"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/quantum/egress"
)

// connections reads the record of outbound connections back.
type connections struct{ journal *egressfile.Journal }

// Connections returns up to limit connections with a number below before, newest first; 0 begins with the last. A
// connection's number is that of its first line in the record. Every line is verified on the way.
func (c connections) Connections(before uint64, limit int) ([]outbound.Connection, error) {
	var all []*outbound.Connection
	begun := func(one *outbound.Connection) { all = append(all, one) }
	if err := c.walk(context.Background(), begun, nil); err != nil {
		return nil, err
	}
	var page []outbound.Connection
	for _, one := range slices.Backward(all) {
		if len(page) == limit {
			break
		}
		if before == 0 || one.ID < before {
			page = append(page, *one)
		}
	}
	return page, nil
}

// Each hands on every connection once, those that ended first, and holds in memory only those that have not. Every line is verified on the way.
func (c connections) Each(ctx context.Context, do func(outbound.Connection)) error {
	standing := map[uint64]*outbound.Connection{}
	err := c.walk(ctx, func(one *outbound.Connection) { standing[one.ID] = one }, func(one *outbound.Connection) {
		delete(standing, one.ID)
		do(*one)
	})
	if err != nil {
		return err
	}
	for _, one := range standing {
		do(*one)
	}
	return nil
}

// walk reads the record, and tells of each connection when it began and, where somebody wants to know, when it has ended.
func (c connections) walk(ctx context.Context, begun, ended func(*outbound.Connection)) error {
	standing := map[egress.ID]*outbound.Connection{}
	_, err := c.journal.Verify(func(e egress.Entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if e.Kind != egress.KindOpening && e.Kind != egress.KindConnection {
			return nil
		}
		at, err := time.Parse(time.RFC3339Nano, e.Time)
		if err != nil {
			return fmt.Errorf("line %d of the record of connections: %w", e.Number, err)
		}
		known := standing[e.ID]
		if known == nil {
			known = &outbound.Connection{ID: e.Number, Purpose: outbound.Purpose(e.Purpose), Began: at}
			standing[e.ID] = known
			begun(known)
		}
		if err := complete(known, e); err != nil || e.Kind != egress.KindConnection {
			return err
		}
		known.Ended = at
		delete(standing, e.ID)
		if ended != nil {
			ended(known)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the record of connections: %w", err)
	}
	return nil
}

// complete takes over what a line says.
func complete(c *outbound.Connection, e egress.Entry) error {
	host, port, err := net.SplitHostPort(e.Destination)
	if err != nil {
		return err
	}
	c.Host, c.Reason = host, e.Failure
	if c.Port, err = strconv.Atoi(port); err != nil {
		return err
	}
	var line egressfile.Line
	if err := json.Unmarshal(e.Bytes, &line); err != nil {
		return err
	}
	c.Target, c.Outcome, c.Sent, c.Received = line.Target, line.Outcome, line.Sent, line.Received
	if line.Address != "" {
		c.Address, err = netip.ParseAddrPort(line.Address)
	}
	return err
}
