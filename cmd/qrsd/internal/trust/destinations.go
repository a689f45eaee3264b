package trust

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Destinations is the register of places that data can go to, with what the record of connections says of each. A record that does
// not verify is said, and shows no uses.
func (c *Center) Destinations(context.Context) (wire.TrustDestinations, error) {
	mode := c.o.Mode()
	out := wire.TrustDestinations{Mode: mode.String(), Items: []wire.TrustDestination{}}
	used, err := c.uses.read()
	if err != nil {
		out.RecordFault = err.Error()
	}
	if len(used) > 0 {
		at := used[0].Began.UTC()
		out.RecordedTo = &at
	}
	for _, to := range c.facts.Destinations {
		out.Items = append(out.Items, c.destination(to, mode, used))
	}
	return out, nil
}

func (c *Center) destination(to Destination, mode outbound.Mode, used []outbound.Connection) wire.TrustDestination {
	out := wire.TrustDestination{
		Purpose: string(to.Purpose), Name: to.Name, Party: to.Party, For: to.For, Sends: to.Sends, Region: to.Region, Setting: to.Setting,
		Hosts: []string{}, Last: c.last(to, used),
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

// last sums a row's uses up; nil: there was none.
func (c *Center) last(to Destination, used []outbound.Connection) *wire.LastUse {
	var out *wire.LastUse
	for _, k := range used {
		if !c.takes(to, k.Purpose, k.Host) {
			continue
		}
		if out == nil {
			out = &wire.LastUse{At: k.Began.UTC(), Outcome: string(k.Outcome)}
		}
		if k.Outcome == outbound.Opened {
			out.Opened++
		}
		out.Sent += k.Sent
	}
	return out
}

// uses is the record, read anew at most once in a while: each reading verifies the whole of it, and strangers may ask for it.
type uses struct {
	record Record
	now    func() time.Time

	mu    sync.Mutex
	at    time.Time
	known []outbound.Connection // newest first
	fault error
}

// readAnew is after how long.
const readAnew = 30 * time.Second

func (u *uses) read() ([]outbound.Connection, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if now := u.now(); u.at.IsZero() || now.Sub(u.at) >= readAnew || now.Before(u.at) {
		u.known, u.fault = u.record.Connections(0, math.MaxInt)
		u.at = now
	}
	return u.known, u.fault
}

// RecordVerifies is the watch of the record of connections.
func (c *Center) RecordVerifies(context.Context) Sight {
	if _, err := c.uses.read(); err != nil {
		return Sight{Says: err.Error()}
	}
	return Sight{Holds: true, Says: "every line verifies against the one before it", At: c.uses.readAt()}
}

func (u *uses) readAt() time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.at
}
