package trust

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Destinations is the register of places that data can go to, with what the record of connections says of each. A record that does
// not verify is said, and shows no uses.
func (c *Center) Destinations(ctx context.Context) (wire.TrustDestinations, error) {
	mode := c.o.Mode()
	out := wire.TrustDestinations{Mode: mode.String(), Items: []wire.TrustDestination{}}
	used, _, err := c.read(ctx)
	if ended := ctx.Err(); ended != nil {
		return out, ended
	}
	if err != nil {
		out.RecordFault = err.Error()
	}
	out.RecordedTo = used.to
	for i, to := range c.facts.Destinations {
		out.Items = append(out.Items, c.destination(to, mode, used.rows[i]))
	}
	return out, nil
}

func (c *Center) destination(to Destination, mode outbound.Mode, last *wire.LastUse) wire.TrustDestination {
	out := wire.TrustDestination{
		Purpose: string(to.Purpose), Name: to.Name, Party: to.Party, For: to.For, Sends: to.Sends, Region: to.Region, Setting: to.Setting,
		Hosts: []string{}, Last: last,
	}
	for _, a := range c.o.Allowed {
		if host := a.String(); c.takes(to, a.Purpose, a.Host) && !slices.Contains(out.Hosts, host) {
			out.Hosts = append(out.Hosts, host)
		}
	}
	allowed := len(out.Hosts) > 0 || to.Host == "" && slices.Contains(c.o.Public, to.Purpose)
	out.On = allowed && (mode == outbound.Connected || mode == outbound.Hybrid && to.Purpose == outbound.Circuits)
	return out
}

// takes reports whether a host that is reached for a purpose belongs to a row: to one that names a part of it, before one that
// names none.
func (c *Center) takes(to Destination, purpose outbound.Purpose, host string) bool {
	if purpose != to.Purpose {
		return false
	}
	if to.Host != "" {
		return names(host, to.Host)
	}
	return !slices.ContainsFunc(c.facts.Destinations, func(other Destination) bool {
		return other.Purpose == purpose && other.Host != "" && names(host, other.Host)
	})
}

// names reports whether a part of a host's name begins like the text: "s3." is in "bucket.s3.us-east-1.amazonaws.com".
func names(host, text string) bool {
	return strings.HasPrefix(host, text) || strings.Contains(host, "."+text)
}

// used is what the record of connections says of the rows of the register, in their order. It is as large as the register, whatever the record holds.
type used struct {
	rows []*wire.LastUse // nil: there was none
	to   *time.Time      // of the last connection; nil: there was none
}

// add counts a connection in.
func (u *used) add(c *Center, k outbound.Connection) {
	at := k.Began.UTC()
	if u.to == nil || at.After(*u.to) {
		u.to = &at
	}
	for i, to := range c.facts.Destinations {
		if !c.takes(to, k.Purpose, k.Host) {
			continue
		}
		if u.rows[i] == nil {
			u.rows[i] = &wire.LastUse{}
		}
		row := u.rows[i]
		if !at.Before(row.At) {
			row.At, row.Outcome = at, string(k.Outcome)
		}
		if k.Outcome == outbound.Opened {
			row.Opened++
		}
		row.Sent += k.Sent
	}
}

// uses is the record as it was read last: each reading verifies the whole of it, and strangers may ask for it.
type uses struct {
	reading chan struct{} // whoever reads the record, or what is known of it, holds one

	at    time.Time
	known used
	fault error
}

// readAnew is after how long the record is read again.
const readAnew = 5 * time.Minute

// read gives what the record says, and when it was read. Who comes while it is read waits for that, or for the end of ctx.
func (c *Center) read(ctx context.Context) (known used, at time.Time, fault error) {
	u := &c.uses
	select {
	case u.reading <- struct{}{}:
		defer func() { <-u.reading }()
	case <-ctx.Done():
		return c.noUses(), at, ctx.Err()
	}
	if now := c.o.Now(); u.at.IsZero() || now.Sub(u.at) >= readAnew || now.Before(u.at) {
		fresh := c.noUses()
		err := c.o.Record.Each(ctx, func(k outbound.Connection) { fresh.add(c, k) })
		if ended := ctx.Err(); ended != nil { // the next one reads it
			return c.noUses(), at, ended
		}
		if err != nil {
			fresh = c.noUses()
		}
		u.at, u.known, u.fault = now, fresh, err
	}
	return u.known, u.at, u.fault
}

func (c *Center) noUses() used { return used{rows: make([]*wire.LastUse, len(c.facts.Destinations))} }

// RecordVerifies is the watch of the record of connections. What is wrong with it is for operators, who have it from the record itself.
func (c *Center) RecordVerifies(ctx context.Context) Sight {
	_, at, err := c.read(ctx)
	if err != nil {
		return Sight{Says: "it does not verify, or cannot be read"}
	}
	return Sight{Holds: true, Says: "every line verifies against the one before it", At: at}
}
