package daemon

import (
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
	standing := map[egress.ID]*outbound.Connection{}
	_, err := c.journal.Verify(func(e egress.Entry) error {
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
			all = append(all, known)
		}
		if e.Kind == egress.KindConnection {
			known.Ended = at
			delete(standing, e.ID)
		}
		return complete(known, e)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the record of connections: %w", err)
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
