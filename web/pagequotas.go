package web

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web/page"
	"github.com/qrsrisk/qrsd/web/wire"
)

// The page of quotas: administrators and all others of a tenant read theirs, operators set those of the tenant that they chose.

const quotasPath = page.HomePath + "/quotas"

func quotaPages(as like) []route {
	return []route{
		as("GET", quotasPath, "getQuotas", "showQuotas", do((*Server).showQuotas)),
		as("POST", quotasPath, "setQuotas", "sendQuotas", do((*Server).sendQuotas)),
	}
}

func (s *Server) showQuotas(ctx context.Context, c *Call, in struct {
	Tenant *store.ID `query:"tenant"`
	Done   string    `query:"done"`
}) (any, error) {
	if in.Tenant == nil && c.Principal.Role() == store.Operator { // who chooses a tenant first
		return &Redirect{tenantsPath}, s.look(ctx, c)
	}
	q, err := s.getQuotas(ctx, c, ofTenant{in.Tenant})
	if err != nil {
		return nil, err
	}
	record := page.Record{Frame: s.doneFrame(c, "Quotas", in.Done), Facts: []page.Fact{{Name: "Tenant", Cell: page.Cell{Text: q.Tenant, Mono: true}}}}
	record.Lead = "How much the tenant may have, and how much it has."
	for _, x := range quotaFields() {
		most, used := x.of(&q.Quotas), x.of(&q.Used)
		cell := page.Cell{Text: fmt.Sprintf("%s of %s", page.Amount(float64(used)), page.Amount(float64(most))), Detail: x.hint}
		if used >= most {
			cell.Tag = "warn"
		}
		record.Facts = append(record.Facts, page.Fact{Name: x.label, Cell: cell})
	}
	if c.Principal.Role() == store.Operator {
		record.Forms = []page.Form{quotaForm(q.Tenant, q.Quotas, q.Defaults)}
		record.Links = []page.Link{{Path: tenantsPath, Text: "Go back to the tenants"}}
	}
	return s.draw(record)
}

// quotaField is one quota as people read it, in units of its own.
type quotaField struct {
	name, label, hint string
	unit              int64
	of                func(*wire.Quotas) int64
	set               func(*wire.Quotas, int64)
}

func quotaFields() []quotaField {
	const gigabyte = 1_000_000_000
	return []quotaField{
		{"queued", "Runs that wait", "", 1, func(q *wire.Quotas) int64 { return int64(q.Queued) }, func(q *wire.Quotas, x int64) { q.Queued = int(x) }},
		{"running", "Runs at the same time", "more wait", 1, func(q *wire.Quotas) int64 { return int64(q.Running) }, func(q *wire.Quotas, x int64) { q.Running = int(x) }},
		{"portfolios", "Portfolios", "", 1, func(q *wire.Quotas) int64 { return int64(q.Portfolios) }, func(q *wire.Quotas, x int64) { q.Portfolios = int(x) }},
		{"gigabytes", "Files, in GB", "of portfolios, runs and estimates", gigabyte, func(q *wire.Quotas) int64 { return q.Bytes / gigabyte }, func(q *wire.Quotas, x int64) { q.Bytes = x * gigabyte }},
	}
}

// quotaForm sets all four.
func quotaForm(tenant string, now, defaults wire.Quotas) page.Form {
	fields := []page.Field{page.Hidden("tenant", tenant)}
	for _, x := range quotaFields() {
		fields = append(fields, page.Field{
			Name: x.name, ID: x.name, Label: x.label, Type: "text", InputMode: "numeric", Autocomplete: "off", Value: strconv.FormatInt(x.of(&now), 10),
			Hint: "0 is the default, " + page.Amount(float64(x.of(&defaults))) + ".",
		})
	}
	return page.Form{Title: "Change the quotas", Hint: "What the tenant has beyond them it keeps.", Action: quotasPath, Button: "Change the quotas"}.Of(fields...)
}

func (s *Server) sendQuotas(ctx context.Context, c *Call, in struct {
	Tenant     string `form:"tenant"`
	Queued     string `form:"queued"`
	Running    string `form:"running"`
	Portfolios string `form:"portfolios"`
	Gigabytes  string `form:"gigabytes"`
}) (*Redirect, error) {
	tenant, err := store.ParseID(in.Tenant)
	if err != nil {
		return nil, badField("/tenant", err.Error())
	}
	var q wire.Quotas
	refused := &refusal{kind: kindInvalid}
	for i, text := range []string{in.Queued, in.Running, in.Portfolios, in.Gigabytes} {
		x := quotaFields()[i]
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
		if err != nil || n < 0 {
			refused.faults = append(refused.faults, wire.Fault{Pointer: "/" + x.name, Detail: "write a whole number, without a unit"})
			continue
		}
		x.set(&q, n)
	}
	ask := page.Ask{Frame: s.frame(c, "Change the quotas"), Form: quotaForm(in.Tenant, q, wire.Quotas{})}
	ask.Form.Title, ask.Form.Back = "", quotasPath+"?tenant="+tenant.String()
	if len(refused.faults) > 0 {
		return nil, again(ask, "queued", refused)
	}
	if _, err := s.setQuotas(ctx, c, struct {
		Tenant *store.ID   `query:"tenant"`
		Body   wire.Quotas `body:"json"`
	}{&tenant, q}); err != nil {
		return nil, again(ask, "queued", err)
	}
	return &Redirect{quotasPath + "?done=changed&tenant=" + tenant.String()}, nil
}
