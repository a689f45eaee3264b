package web

import (
	"context"
	"fmt"
	"strings"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/page"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Pages of the operator: tenants, the state of the appliance, its mode; and the messages that wait for somebody to hand them
// over, which administrators have too.

const (
	tenantsPath  = page.HomePath + "/tenants"
	systemPath   = page.HomePath + "/system"
	messagesPath = page.HomePath + "/messages"
)

func systemPages(as like) []route {
	return []route{
		as("GET", tenantsPath, "listTenants", "showTenants", do((*Server).showTenants)),
		as("POST", tenantsPath, "addTenant", "sendTenant", do((*Server).sendTenant)),
		as("POST", tenantsPath+"/invite", "invite", "sendFirstInvitation", do((*Server).sendFirstInvitation)),
		as("GET", messagesPath, "listNotices", "showMessages", do((*Server).showMessages)),
		as("GET", systemPath, "getSystem", "showSystem", do((*Server).showSystem)),
		as("POST", systemPath+"/mode", "setMode", "sendMode", do((*Server).sendMode)),
		as("POST", systemPath+"/lock", "lockStore", "sendLock", do((*Server).sendLock)),
	}
}

func (s *Server) showTenants(ctx context.Context, c *Call, in doneInput) (*Document, error) {
	all, err := s.listTenants(ctx, c, struct{}{})
	if err != nil {
		return nil, err
	}
	list := page.List{Frame: s.doneFrame(c, "Tenants", in.Done), Columns: []string{"Name", "Tenant", "Created", "State", "May have"}, Empty: "There is no tenant yet."}
	for _, t := range all.Items {
		row := page.Row{Cells: []page.Cell{{Text: t.Name}, {Text: t.ID, Mono: true}, {Text: page.Time(t.Created)}, {Text: "in use", Tag: "ok"}, {Text: "Quotas", Path: quotasPath + "?tenant=" + t.ID}}}
		if t.Erased != nil {
			row.Cells[0].Text, row.Cells[3] = "erased", page.Cell{Text: "erased", Tag: "error", Detail: page.Time(*t.Erased)}
			row.Cells[4] = page.Cell{}
		}
		list.Rows = append(list.Rows, row)
	}
	list.Forms = []page.Form{tenantForm("")}
	list.Gate = s.gate(c, "To invite an administrator, confirm that it is you.", tenantsPath)
	if list.Gate == nil {
		list.Forms = append(list.Forms, firstInvitationForm(all.Items, firstInvitation{}))
	}
	return s.draw(list)
}

func tenantForm(name string) page.Form {
	return page.Form{Title: "Add a tenant", Action: tenantsPath, Button: "Add the tenant"}.Of(
		page.Field{Name: "name", ID: "tenant-name", Label: "Name of the tenant", Type: "text", Value: name, Autocomplete: "off"})
}

func (s *Server) sendTenant(ctx context.Context, c *Call, in struct {
	Name string `form:"name"`
}) (*Redirect, error) {
	if _, err := s.addTenant(ctx, c, jsonBody[wire.NewTenant]{wire.NewTenant{Name: in.Name}}); err != nil {
		ask := page.Ask{Frame: s.frame(c, "Add a tenant"), Form: tenantForm(in.Name)}
		ask.Form.Title, ask.Form.Back = "", tenantsPath
		return nil, again(ask, "tenant-name", err)
	}
	return &Redirect{tenantsPath + "?done=changed"}, nil
}

type firstInvitation struct {
	Tenant string `form:"tenant"`
	Name   string `form:"name"`
	Email  string `form:"email"`
}

// firstInvitationForm invites an administrator into a tenant. Where the tenants are not at hand, the one that was chosen is kept.
func firstInvitationForm(tenants []wire.Tenant, f firstInvitation) page.Form {
	tenant := page.Field{Name: "tenant", ID: "tenant", Label: "Tenant", Type: "select", Value: f.Tenant}
	for _, t := range tenants {
		if t.Erased == nil {
			tenant.Choices = append(tenant.Choices, page.Choice{Value: t.ID, Text: t.Name})
		}
	}
	if len(tenants) == 0 {
		tenant = page.Hidden("tenant", f.Tenant)
	}
	email := page.Email(f.Email)
	email.Autocomplete = "off"
	return page.Form{Title: "Invite an administrator", Action: tenantsPath + "/invite", Button: "Invite"}.Of(tenant,
		page.Field{Name: "name", ID: "name", Label: "Name", Type: "text", Value: f.Name, Autocomplete: "off"}, email)
}

func (s *Server) sendFirstInvitation(ctx context.Context, c *Call, in firstInvitation) (*Document, error) {
	ask := page.Ask{Frame: s.frame(c, "Invite an administrator"), Form: firstInvitationForm(nil, in)}
	ask.Form.Title, ask.Form.Back = "", tenantsPath
	tenant, err := store.ParseID(in.Tenant)
	if err != nil {
		return nil, again(ask, "name", badField("/tenant", "choose a tenant"))
	}
	made, err := s.inviteTo(ctx, c, &tenant, wire.NewUser{Email: in.Email, Name: in.Name, Role: store.Admin.String()})
	if err != nil {
		return nil, again(ask, "email", err)
	}
	return s.draw(s.showInvitation(c, made, page.Link{Path: tenantsPath, Text: "Go back to the tenants"}))
}

// inviteTo is the API's invitation into a tenant, or into one's own for nil.
func (s *Server) inviteTo(ctx context.Context, c *Call, tenant *store.ID, n wire.NewUser) (wire.MadeInvitation, error) {
	return s.invite(ctx, c, struct {
		Tenant *store.ID    `query:"tenant"`
		Body   wire.NewUser `body:"json"`
	}{tenant, n})
}

// showInvitation shows the way in, for where the appliance sends no letters.
func (s *Server) showInvitation(c *Call, made wire.MadeInvitation, back page.Link) page.Show {
	return page.Show{
		Frame:   s.frame(c, "The invitation is made"),
		Caution: "Where this appliance sends e-mail, one is on its way. Otherwise hand the address over yourself: whoever has it can accept.",
		Secrets: []page.Shown{{Label: "Address for " + made.Invitation.User.Email, Text: page.AcceptLink(s.base(c), made.Token),
			Hint: "Good once, until " + page.Time(made.Invitation.Expires) + "."}},
		Next: back,
	}
}

func (s *Server) showMessages(ctx context.Context, c *Call, in struct {
	Cursor string `query:"cursor"`
}) (*Document, error) {
	all, err := s.directory.Notices(ctx, c.Principal, store.Cursor(in.Cursor), usualPage)
	if err != nil {
		return nil, err
	}
	list := page.List{Frame: s.frame(c, "Messages"), Columns: []string{"To", "About", "Written", "Good until", "Link"}, Empty: "No message waits."}
	list.Lead = "What the appliance has not sent by mail. Hand a link to the person it is for, and to nobody else: it is good once."
	for _, n := range all.Notices {
		list.Rows = append(list.Rows, page.Row{Cells: []page.Cell{
			{Text: n.Name, Detail: n.Email}, {Text: noticeText(n)}, {Text: page.Time(n.Created)}, {Text: page.Time(n.Expires)}, {Text: s.noticeLink(c, n), Mono: true},
		}})
	}
	if all.Next != "" {
		list.More = messagesPath + "?cursor=" + string(all.Next)
	}
	return s.draw(list)
}

// noticeText is what a message is about.
func noticeText(n directory.Notice) string {
	text := page.Sentence(strings.ReplaceAll(string(n.Kind), "-", " "))
	if n.Item != "" {
		text += ": " + n.Item
	}
	return text
}

// noticeLink is the address that a message leads to.
func (s *Server) noticeLink(c *Call, n directory.Notice) string {
	switch n.Kind {
	case directory.NoticeInvitation:
		return page.AcceptLink(s.base(c), n.Token.Reveal())
	case directory.NoticePasswordReset:
		return page.ResetLink(s.base(c), n.Token.Reveal())
	}
	return ""
}

func (s *Server) showSystem(ctx context.Context, c *Call, in doneInput) (any, error) {
	is, err := s.getSystem(ctx, c, struct{}{})
	switch {
	case err != nil:
		return nil, err
	case is.Store == nil: // locked, or nobody who runs the appliance
		return &Redirect{page.SignInPath}, nil
	}
	_, fixed, err := s.mode(ctx, directory.Settings{})
	if err != nil {
		return nil, err
	}
	mode := page.Cell{Text: is.Mode}
	if fixed {
		mode.Detail = "fixed by the configuration"
	}
	writing := page.Cell{Text: "in order", Tag: "ok"}
	if is.Store.ReadOnly {
		writing = page.Cell{Text: "read-only", Tag: "error", Detail: "the disk is nearly full; signing in and exporting still work"}
	}
	record := page.Record{
		Frame: s.doneFrame(c, "System", in.Done),
		Facts: []page.Fact{
			{Name: "Version", Cell: page.Cell{Text: is.Version}}, {Name: "Mode", Cell: mode}, {Name: "Store", Cell: writing},
			{Name: "Tenants", Cell: tenantsCell(is.Store.Tenants, is.Store.Erased)},
			{Name: "Database", Cell: page.Cell{Text: megabytes(is.Store.DatabaseBytes), Detail: megabytes(is.Store.DatabaseFree) + " of it free"}},
			{Name: "Disk free", Cell: page.Cell{Text: megabytes(is.Store.DiskFree)}},
			{Name: "Keys to be rotated", Cell: page.Cell{Text: fmt.Sprint(is.Store.RotationDue)}},
			{Name: "Installation", Cell: page.Cell{Text: is.Store.Install, Mono: true}},
		},
		Gate: s.gate(c, "To change the mode or lock the store, confirm that it is you.", systemPath),
	}
	if record.Gate == nil {
		record.Forms = systemForms(is.Mode, fixed)
	}
	return s.draw(record)
}

func tenantsCell(live, erased int) page.Cell {
	if erased == 0 {
		return page.Cell{Text: fmt.Sprint(live)}
	}
	return page.Cell{Text: fmt.Sprint(live), Detail: fmt.Sprintf("%d erased besides", erased)}
}

func megabytes(n int64) string {
	if n >= 1e9 {
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

func systemForms(mode string, fixed bool) []page.Form {
	lock := page.Form{Title: "Lock the store", Hint: "Everybody is signed out, and nobody can sign in until it is unlocked with its passphrase or a recovery code.",
		Action: systemPath + "/lock", Button: "Lock the store", Danger: true}
	if fixed {
		return []page.Form{lock}
	}
	return []page.Form{page.Form{Title: "Change the mode", Action: systemPath + "/mode", Button: "Change the mode"}.Of(modeField(mode)), lock}
}

func (s *Server) sendMode(ctx context.Context, c *Call, in struct {
	Mode string `form:"mode"`
}) (*Redirect, error) {
	if _, err := s.setMode(ctx, c, jsonBody[wire.Mode]{wire.Mode{Mode: in.Mode}}); err != nil {
		ask := page.Ask{Frame: s.frame(c, "Change the mode"), Form: systemForms(in.Mode, false)[0]}
		ask.Form.Title, ask.Form.Back = "", systemPath
		return nil, again(ask, "mode", err)
	}
	return &Redirect{systemPath + "?done=changed"}, nil
}

func (s *Server) sendLock(ctx context.Context, c *Call, in struct{}) (*Redirect, error) {
	if _, err := s.lockStore(ctx, c, in); err != nil {
		return nil, err
	}
	c.ClearSession()
	return &Redirect{page.SignInPath}, nil
}

// modeFixed reports whether the configuration decides the mode. Where that cannot be told, it is not asked for.
func (s *Server) modeFixed(ctx context.Context) bool {
	_, fixed, err := s.mode(ctx, directory.Settings{})
	return err != nil || fixed
}
