// Package trust holds what the appliance says of itself to those who review it: controls with their evidence, the register of
// places that data can go to, and what is not claimed. The facts are one file (facts.json), whose evidence a test resolves.
//
// It does not look at the appliance by itself: whoever makes a Center gives it what watches a control, the record of connections
// and the configuration. A control that was done and does not hold here is said to be lapsed; nothing makes one better
// than the file says.
//
// Begin with New.
package trust

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/web/wire"
)

//go:embed facts.json
var facts []byte

// The states of a control.
const (
	Done    = "done"
	InAudit = "in-audit"
	Planned = "planned"
	Lapsed  = "lapsed"
)

// Facts are what the file holds.
type Facts struct {
	Controls     []Control         `json:"controls"`
	Destinations []Destination     `json:"destinations"`
	NotClaimed   []wire.NotClaimed `json:"not_claimed"`
}

// Control is one of the file's.
type Control struct {
	ID       string          `json:"id"`
	Domain   string          `json:"domain"`
	Title    string          `json:"title"`
	Says     string          `json:"says"`
	Status   string          `json:"status"`
	Since    string          `json:"since"` // YYYY-MM-DD
	Owner    string          `json:"owner"` // a role
	Watch    string          `json:"watch"` // what sees it here; "": nothing does
	Lapses   int             `json:"lapses_after_days"`
	Evidence []wire.Evidence `json:"evidence"`
}

// Destination is a kind of place that data can go to.
type Destination struct {
	Purpose outbound.Purpose `json:"purpose"`
	Host    string           `json:"host"` // part of the names of its hosts; "" is whatever other rows of the purpose leave
	Name    string           `json:"name"`
	Party   string           `json:"party"`
	For     string           `json:"for"`
	Sends   string           `json:"sends"`
	Region  string           `json:"region"`
	Setting string           `json:"setting"`
}

// ReadFacts reads a file of facts and checks it: a control that is done has evidence, and all have a date, an owner and a state. Fields
// that are not known are refused.
func ReadFacts(text []byte) (f Facts, err error) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return f, fmt.Errorf("reading the facts: %w", err)
	}
	known := map[string]bool{}
	for _, c := range f.Controls {
		if err := c.check(); err != nil {
			return f, fmt.Errorf("control %q: %w", c.ID, err)
		}
		if known[c.ID] {
			return f, fmt.Errorf("control %q is there twice", c.ID)
		}
		known[c.ID] = true
	}
	for _, to := range f.Destinations {
		for name, text := range map[string]string{"purpose": string(to.Purpose), "name": to.Name, "party": to.Party, "for": to.For, "sends": to.Sends, "region": to.Region, "setting": to.Setting} {
			if text == "" {
				return f, fmt.Errorf("destination %q: %s is empty", to.Name, name)
			}
		}
	}
	return f, nil
}

func (c *Control) check() error {
	for name, text := range map[string]string{"id": c.ID, "domain": c.Domain, "title": c.Title, "says": c.Says, "owner": c.Owner} {
		if text == "" {
			return fmt.Errorf("%s is empty", name)
		}
	}
	if _, err := time.Parse(time.DateOnly, c.Since); err != nil {
		return fmt.Errorf("since: %q is no date as 2006-01-02", c.Since)
	}
	switch {
	case c.Status != Done && c.Status != InAudit && c.Status != Planned:
		return fmt.Errorf("status: %q is none of %s, %s, %s", c.Status, Done, InAudit, Planned)
	case c.Status == Done && len(c.Evidence) == 0:
		return errors.New("it is done and names no evidence; name some, or say planned")
	case c.Lapses < 0 || c.Lapses > 0 && c.Watch == "":
		return errors.New("lapses_after_days: only what is watched has an age")
	}
	return nil
}

// Sight is what was seen of a control.
type Sight struct {
	Holds bool
	Says  string
	At    time.Time // of what was seen, where it has a time; a control with lapses_after_days must have one
}

// Watch looks at what a control rests on.
type Watch func(context.Context) Sight

// Record is the record of connections to elsewhere.
type Record interface {
	// Each hands every connection on once, in any order, as far as the record has it, and verifies the whole record. It ends with ctx.
	Each(ctx context.Context, do func(outbound.Connection)) error
}

// Options of a Center. All but Watches are needed.
type Options struct {
	// Watches are by the names that the facts give them, but for "record", which is the Center's own. What the facts want watched and
	// nobody watches does not hold.
	Watches map[string]Watch
	Record  Record
	Mode    func() outbound.Mode
	Allowed []outbound.Destination // by the configuration
	Public  []outbound.Purpose     // that may reach any public host
	Now     func() time.Time
}

// Center answers reviewers. It is safe for many goroutines.
type Center struct {
	facts Facts
	o     Options
	uses  uses
}

// New reads the facts of this program. An error is a fault of the build.
func New(o Options) (*Center, error) {
	f, err := ReadFacts(facts)
	if err != nil {
		return nil, err
	}
	c := &Center{facts: f, o: o, uses: uses{reading: make(chan struct{}, 1)}}
	c.o.Watches = maps.Clone(o.Watches)
	if c.o.Watches == nil {
		c.o.Watches = map[string]Watch{}
	}
	c.o.Watches["record"] = c.RecordVerifies
	return c, nil
}

// Controls are the controls as they stand at this moment.
func (c *Center) Controls(ctx context.Context) (out wire.TrustControls, err error) {
	now := c.o.Now()
	out = wire.TrustControls{At: now.UTC(), Items: []wire.Control{}, NotClaimed: c.facts.NotClaimed}
	seen := map[string]Sight{}
	counts := map[string]*int{Done: &out.Done, InAudit: &out.InAudit, Planned: &out.Planned, Lapsed: &out.Lapsed}
	for _, control := range c.facts.Controls {
		shown := c.view(ctx, control, now, seen)
		*counts[shown.Status]++
		out.Items = append(out.Items, shown)
	}
	return out, ctx.Err()
}

// view is a control with what is seen of it here.
func (c *Center) view(ctx context.Context, control Control, now time.Time, seen map[string]Sight) wire.Control {
	out := wire.Control{
		ID: control.ID, Domain: control.Domain, Title: control.Title, Says: control.Says, Status: control.Status, Since: control.Since, Owner: control.Owner,
		Evidence: append([]wire.Evidence{}, control.Evidence...),
	}
	if control.Watch == "" {
		return out
	}
	sight, known := seen[control.Watch]
	if !known {
		sight = c.look(ctx, control.Watch)
		seen[control.Watch] = sight
	}
	sight = sight.aged(now, control.Lapses)
	out.Seen = &wire.Seen{Holds: sight.Holds, Says: sight.Says}
	if !sight.At.IsZero() {
		at := sight.At.UTC()
		out.Seen.At = &at
	}
	if !sight.Holds && control.Status != Planned {
		out.Status = Lapsed
	}
	return out
}

func (c *Center) look(ctx context.Context, name string) Sight {
	if watch := c.o.Watches[name]; watch != nil {
		return watch(ctx)
	}
	return Sight{Says: "nothing on this appliance watches it"}
}

// aged is a sight that does not hold any more after so many days; 0 has no end.
func (s Sight) aged(now time.Time, days int) Sight {
	if days == 0 || !s.Holds {
		return s
	}
	if old := now.Sub(s.At); old > time.Duration(days)*24*time.Hour {
		s.Holds, s.Says = false, fmt.Sprintf("%s; that is %d days ago, and it counts for %d", s.Says, int(old.Hours()/24), days)
	}
	return s
}

// Watched are the names of watches that the facts want, in order.
func (f Facts) Watched() []string {
	names := map[string]bool{}
	for _, c := range f.Controls {
		if c.Watch != "" {
			names[c.Watch] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
