package web

import (
	"context"
	_ "embed"
	"slices"
	"strings"
	"sync"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web/page"
	"github.com/qrsrisk/qrsd/web/reference"
)

// openAPI is the description of the API, written by hand. The contract test holds the routes, the shapes of web/wire, and every answer
// that a test gets to it.
//
//go:embed openapi.yaml
var openAPI []byte

func openAPIRoutes() []route {
	r := new(apiReference)
	return []route{
		{Route{Method: "GET", Path: api + "/openapi.json", Operation: "getOpenAPIJSON", Access: LockedToo}, do(r.getJSON)},
		{Route{Method: "GET", Path: api + "/openapi.yaml", Operation: "getOpenAPIYAML", Access: LockedToo}, do(r.getYAML)},
		{Route{Method: "GET", Path: reference.Path, Operation: "getReference", Access: LockedToo, Page: true}, do(r.getPage)},
	}
}

// apiReference is the description of the API in the forms that are served. It is read when it is first asked for.
type apiReference struct {
	once       sync.Once
	json, page []byte
	err        error // a fault of this build
}

func (r *apiReference) make(site *page.Site) error {
	r.once.Do(func() {
		d, err := reference.Parse(openAPI)
		if err != nil {
			r.err = err
			return
		}
		r.json = d.JSON()
		r.page, r.err = d.Page(site, rolesOf)
	})
	return r.err
}

// getJSON is the description as JSON.
func (r *apiReference) getJSON(s *Server, _ context.Context, _ *Call, _ struct{}) (*Document, error) {
	if err := r.make(s.site); err != nil {
		return nil, err
	}
	return &Document{Type: "application/json", Body: r.json}, nil
}

// getYAML is the description as it was written.
func (r *apiReference) getYAML(*Server, context.Context, *Call, struct{}) (*Document, error) {
	return &Document{Type: "application/yaml", Body: openAPI}, nil // RFC 9512
}

// getPage is the description as a page.
func (r *apiReference) getPage(s *Server, _ context.Context, _ *Call, _ struct{}) (*Document, error) {
	if err := r.make(s.site); err != nil {
		return nil, err
	}
	return &Document{Type: htmlType, Body: r.page}, nil
}

// rolesOf lists who may do a verb, from the permission table as it is printed.
func rolesOf(verb string) (roles []string) {
	lines := strings.Split(store.Permissions(), "\n")
	heading := strings.Fields(lines[0])
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		if len(cells) != len(heading) || cells[0] != verb {
			continue
		}
		for i, cell := range cells {
			if cell == "yes" {
				roles = append(roles, heading[i])
			}
		}
	}
	return slices.Clip(roles)
}
