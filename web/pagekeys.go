package web

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/page"
	"github.com/qrsrisk/qrsd/web/wire"
)

const keysPath = page.HomePath + "/api-keys"

// jsonBody is the input of an API's route that takes a body and nothing else.
type jsonBody[T any] struct {
	Body T `body:"json"`
}

func keyPages(as like) []route {
	return []route{
		as("GET", keysPath, "listAPIKeys", "showAPIKeys", do((*Server).showAPIKeys)),
		as("POST", keysPath, "addAPIKey", "sendAPIKey", do((*Server).sendAPIKey)),
		as("POST", keysPath+"/{id}/rotate", "rotateAPIKey", "sendAPIKeyRotation", do((*Server).sendAPIKeyRotation)),
		as("POST", keysPath+"/{id}/revoke", "revokeAPIKey", "sendAPIKeyRevocation", do((*Server).sendAPIKeyRevocation)),
	}
}

func (s *Server) showAPIKeys(ctx context.Context, c *Call, in doneInput) (*Document, error) {
	all, err := s.listAPIKeys(ctx, c, struct{}{})
	if err != nil {
		return nil, err
	}
	list := page.List{
		Frame:   s.doneFrame(c, "API keys", in.Done),
		Columns: []string{"Name", "Key", "Scopes", "Created", "Last used", "State"}, Empty: "There is no API key.",
		Gate: s.gate(c, "To make or rotate a key, confirm that it is you.", keysPath),
	}
	list.Lead = "With a key a program does what you may do, within the key's scopes."
	for _, k := range all.Items {
		list.Rows = append(list.Rows, keyRow(k, c, list.Gate == nil))
	}
	if list.Gate == nil {
		list.Forms = []page.Form{keyForm(c.Principal, keyFields{Days: "90"})}
	}
	return s.draw(list)
}

// keyRow is a key in the list, with what can be done to it.
func keyRow(k wire.APIKey, c *Call, open bool) page.Row {
	state := page.Cell{Text: "good", Tag: "ok", Detail: "until " + page.Time(k.Expires)}
	switch {
	case k.Revoked != nil:
		state = page.Cell{Text: "revoked", Tag: "plain", Detail: page.Time(*k.Revoked)}
	case !k.Expires.After(c.Received):
		state = page.Cell{Text: "expired", Tag: "warn", Detail: page.Time(k.Expires)}
	}
	row := page.Row{Cells: []page.Cell{
		{Text: k.Name}, {Text: "qrs_" + k.KeyID + "_…", Mono: true}, {Text: strings.Join(k.Scopes, ", ")}, {Text: page.Time(k.Created)}, {Text: page.Moment(k.Used)}, state,
	}}
	if k.Revoked != nil {
		return row
	}
	at := keysPath + "/" + k.ID
	if open && k.Owner == c.Principal.User().String() {
		overlap := page.Field{Name: "overlap", Label: "The present secret stays good", Choices: []page.Choice{
			{Value: "86400", Text: "old one good for a day"}, {Value: "604800", Text: "old one good for a week"}, {Value: "0", Text: "old one ends now"},
		}}
		row.Actions = append(row.Actions, page.Action{Text: "Rotate", About: k.Name, Path: at + "/rotate", Fields: []page.Field{overlap}})
	}
	row.Actions = append(row.Actions, page.Action{Text: "Revoke", About: k.Name, Path: at + "/revoke", Danger: true})
	return row
}

type keyFields struct {
	Name   string   `form:"name"`
	Scopes []string `form:"scopes"`
	Days   string   `form:"days"`
}

// keyForm asks for a new key. It offers the scopes that the owner may and keys may have.
func keyForm(owner store.Principal, f keyFields) page.Form {
	scopes := page.Field{Name: "scopes", ID: "scopes", Label: "Scopes", Type: "checkboxes", Hint: "What programs with this key may do. Fewer are safer."}
	for _, verb := range directory.KeyScopes(owner.Role()) {
		scopes.Choices = append(scopes.Choices, page.Choice{Value: verb.String(), Text: verb.String(), Chosen: slices.Contains(f.Scopes, verb.String())})
	}
	days := page.Field{Name: "days", ID: "days", Label: "Good for", Type: "select", Value: f.Days}
	for _, n := range []string{"7", "30", "90", "180", "365"} {
		days.Choices = append(days.Choices, page.Choice{Value: n, Text: n + " days"})
	}
	name := page.Field{Name: "name", ID: "name", Label: "Name", Type: "text", Value: f.Name, Hint: "For you, such as the program that will use it.", Autocomplete: "off"}
	return page.Form{Title: "Make a key", Action: keysPath, Button: "Make the key"}.Of(name, scopes, days)
}

// sendAPIKey makes a key and shows it, once.
func (s *Server) sendAPIKey(ctx context.Context, c *Call, in keyFields) (*Document, error) {
	ask := page.Ask{Frame: s.frame(c, "Make an API key"), Form: keyForm(c.Principal, in)}
	ask.Form.Title, ask.Form.Back = "", keysPath
	days, err := strconv.Atoi(in.Days)
	if err != nil || days < 1 || days > 365 {
		return nil, again(ask, "days", badField("/days", "choose how long the key is good for"))
	}
	if faults := missing(map[string]bool{"name": in.Name == "", "scopes": len(in.Scopes) == 0}); faults != nil {
		return nil, again(ask, "name", faults)
	}
	expires := c.Received.Add(time.Duration(days) * 24 * time.Hour)
	made, err := s.addAPIKey(ctx, c, jsonBody[wire.NewAPIKey]{wire.NewAPIKey{Name: in.Name, Scopes: in.Scopes, Expires: &expires}})
	if err != nil {
		return nil, again(ask, "name", err)
	}
	return s.draw(s.showKey(c, "The key is made", made.Secret, "It is called "+made.APIKey.Name+" and good until "+page.Time(made.APIKey.Expires)+"."))
}

// showKey shows a key's secret.
func (s *Server) showKey(c *Call, title, secret, hint string) page.Show {
	return page.Show{
		Frame:   s.frame(c, title),
		Caution: "The key is shown now and never again: the appliance keeps its digest only.",
		Secrets: []page.Shown{{Label: "API key", Text: secret, Hint: hint + " Programs send it as Authorization: Bearer."}},
		Next:    page.Link{Path: keysPath, Text: "I have kept it, go back to the keys"},
	}
}

func (s *Server) sendAPIKeyRotation(ctx context.Context, c *Call, in struct {
	ID      store.ID `path:"id"`
	Overlap int64    `form:"overlap"`
}) (*Document, error) {
	made, err := s.rotateAPIKey(ctx, c, struct {
		ID   store.ID            `path:"id"`
		Body wire.APIKeyRotation `body:"json"`
	}{in.ID, wire.APIKeyRotation{OverlapSeconds: in.Overlap}})
	if err != nil {
		return nil, err
	}
	until := "The one before ended."
	if in.Overlap > 0 {
		until = "The one before is good until " + page.Time(c.Received.Add(time.Duration(in.Overlap)*time.Second)) + "."
	}
	return s.draw(s.showKey(c, "The key has a new secret", made.Secret, until))
}

func (s *Server) sendAPIKeyRevocation(ctx context.Context, c *Call, in byID) (*Redirect, error) {
	if _, err := s.revokeAPIKey(ctx, c, in); err != nil {
		return nil, err
	}
	return &Redirect{keysPath + "?done=revoked"}, nil
}
