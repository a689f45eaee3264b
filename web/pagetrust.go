package web

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/web/page"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Pages that are read: the trust center, model cards and reports of runs. They work without JavaScript, in print, and for
// programs that read text.

const (
	trustPath   = "/trust"
	cardPath    = "/models/{id}"
	reportPath  = "/runs/{id}/report"
	presentCard = "/models/present"
)

func readingPages(as like) []route {
	return []route{
		as("GET", trustPath, "listControls", "showTrust", do((*Server).showTrust)),
		as("GET", cardPath, "getModelCard", "showModelCard", do((*Server).showModelCard)),
		as("GET", reportPath, "getRunReport", "showRunReport", do((*Server).showRunReport)),
	}
}

// readingFrame is the frame of a page that is read; for strangers, who have no other pages to go to, with the parts of this one.
func (s *Server) readingFrame(c *Call, title string, parts ...page.Link) page.Frame {
	if c.Principal.Role() != 0 {
		return s.frame(c, title)
	}
	return page.Frame{Title: title, Sections: []page.Section{{Name: "On this page", Links: parts}, {Links: []page.Link{{Path: page.SignInPath, Text: "Sign in"}}}}}
}

func (s *Server) showTrust(ctx context.Context, c *Call, _ struct{}) (*Document, error) {
	if s.options.Trust == nil {
		return nil, errNoTrust()
	}
	controls, err := s.controls(ctx, c)
	if err != nil {
		return nil, err
	}
	places, err := s.destinations(ctx, c)
	if err != nil {
		return nil, err
	}
	keys, err := s.db.PublishedKeys()
	if err != nil {
		return nil, err
	}
	if err := s.lookIfKnown(ctx, c); err != nil {
		return nil, err
	}
	known := c.Principal.Role() != 0
	t := page.Trust{
		Frame: s.readingFrame(c, "Trust center", page.Link{Path: "#controls", Text: "Controls"}, page.Link{Path: "#destinations", Text: "Where data can go"},
			page.Link{Path: "#not-claimed", Text: "Not claimed"}, page.Link{Path: "#keys", Text: "Keys that verify"}),
		Domains: domainsOf(controls.Items), Places: placesOf(places, known), PlacesNote: placesNote(places, known), RecordFault: places.RecordFault, Keys: keysTable(keys), Further: s.further(),
	}
	t.Lead = "What this appliance does to protect what it is given, where that can be checked, and what is not claimed. Status on " + page.Time(controls.At) + "."
	for _, n := range []struct {
		name   string
		count  int
		detail string
	}{
		{"Done", controls.Done, "with evidence"}, {"In audit", controls.InAudit, "by a named party"}, {"Planned", controls.Planned, "not there yet"},
		{"Lapsed", controls.Lapsed, "do not hold here now"},
	} {
		t.Counts = append(t.Counts, page.Figure{Name: n.name, Value: fmt.Sprint(n.count), Detail: n.detail})
	}
	for _, n := range controls.NotClaimed {
		t.NotClaimed = append(t.NotClaimed, page.Fact{Name: n.Name, Cell: page.Cell{Text: n.Why}})
	}
	return s.draw(t)
}

// further are other things that a reviewer asks for.
func (s *Server) further() []page.Link {
	links := []page.Link{{Path: "/.well-known/qrsd-keys.json", Text: "Public keys as a JWK Set"}, {Path: "/docs/api", Text: "Documentation of the API"}}
	if len(s.options.SecurityContact) > 0 {
		links = append(links, page.Link{Path: "/.well-known/security.txt", Text: "Report a weakness"})
	}
	if s.options.Models != nil {
		links = append(links, page.Link{Path: presentCard, Text: "Model card"})
	}
	return links
}

// statusTags draw the states of controls.
func statusTag(status string) page.Cell {
	tag := map[string]string{"done": "ok", "in-audit": "plain", "planned": "plain", "lapsed": "error"}[status]
	return page.Cell{Text: strings.ReplaceAll(status, "-", " "), Tag: tag}
}

func domainsOf(items []wire.Control) (all []page.Domain) {
	for _, c := range items {
		if len(all) == 0 || all[len(all)-1].Name != c.Domain {
			all = append(all, page.Domain{Name: c.Domain})
		}
		shown := page.Control{ID: c.ID, Title: c.Title, Says: c.Says, Status: statusTag(c.Status), Since: c.Since, Owner: c.Owner}
		if c.Seen != nil {
			shown.Seen = c.Seen.Says
			if c.Seen.At != nil {
				shown.Seen += " (" + page.Time(*c.Seen.At) + ")"
			}
		}
		for _, e := range c.Evidence {
			proof := page.Proof{Kind: e.Kind, Text: e.At}
			if e.Kind == "address" {
				proof.Path = e.At
			}
			shown.Evidence = append(shown.Evidence, proof)
		}
		last := &all[len(all)-1]
		last.Controls = append(last.Controls, shown)
	}
	return all
}

func placesNote(d wire.TrustDestinations, known bool) string {
	note := map[string]string{
		"air-gapped": "This appliance is air-gapped: it opens no connection to any other host.",
		"hybrid":     "This appliance is in mode hybrid: it opens connections for quantum hardware, and no others.",
		"connected":  "This appliance is in mode connected: it opens connections to what the operator allowed, one by one.",
	}[d.Mode]
	note += " Everything below is off until the operator turns it on. Traces and errors go to collectors of the operator's choice alone, and nothing goes to whoever made the appliance."
	if known && d.RecordedTo == nil && d.RecordFault == "" {
		return note + " By the record of connections, none was ever opened or refused."
	}
	return note
}

// placesOf says of the last uses to whoever is known.
func placesOf(d wire.TrustDestinations, known bool) (all []page.Place) {
	for _, to := range d.Items {
		on := page.Cell{Text: "off", Tag: "plain"}
		if to.On {
			on = page.Cell{Text: "on", Tag: "warn"}
		}
		last := "never"
		if to.Last != nil {
			last = fmt.Sprintf("%s, %s; %d opened in all, %s bytes sent", page.Time(to.Last.At), orPending(to.Last.Outcome), to.Last.Opened, page.Amount(float64(to.Last.Sent)))
		} else if d.RecordFault != "" {
			last = "not known"
		}
		place := page.Place{Name: to.Name, Sends: to.Sends, For: to.For, On: on, Facts: []page.Fact{
			{Name: "Receives it", Cell: page.Cell{Text: to.Party}}, {Name: "Region", Cell: page.Cell{Text: to.Region}},
			{Name: "Turned on by", Cell: page.Cell{Text: to.Setting}},
		}}
		if known {
			place.Facts = append(place.Facts, page.Fact{Name: "Last use", Cell: page.Cell{Text: last}})
		}
		if len(to.Hosts) > 0 {
			place.Facts = append(place.Facts, page.Fact{Name: "Allowed hosts", Cell: page.Cell{Text: strings.Join(to.Hosts, ", ")}})
		}
		all = append(all, place)
	}
	return all
}

func orPending(outcome string) string {
	if outcome == "" {
		return "being opened"
	}
	return outcome
}

// keysTable are the public keys, for a print that is compared with another way of getting them.
func keysTable(keys *seal.Keys) *page.Table {
	t := &page.Table{Caption: "Public keys of this appliance", Columns: []page.Column{{Text: "Signs"}, {Text: "SHA-256 of the key (SubjectPublicKeyInfo)"}, {Text: "From"}, {Text: "Until"}},
		Note: "Retired keys stay: they verify what they signed in their time."}
	day := func(at time.Time, none string) string {
		if at.IsZero() {
			return none
		}
		return page.Time(at)
	}
	for _, k := range keys.All() {
		t.Rows = append(t.Rows, []string{page.Sentence(string(k.Role)) + "s", k.ID, day(k.NotBefore, "the beginning"), day(k.NotAfter, "in force")})
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}
