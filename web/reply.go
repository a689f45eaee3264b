package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/qrsrisk/qrsd/web/wire"
)

// reply encodes what a handler returned.
func (s *Server) reply(x *exchange, out any) error {
	status := x.status
	if status == 0 {
		status = http.StatusOK
	}
	switch v := out.(type) {
	case Nothing:
		x.ctx.Status(http.StatusNoContent)
		return nil
	case *Document:
		if v.Status != 0 {
			status = v.Status
		}
		if v.Name != "" {
			x.set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", v.Name))
		}
		return x.send(status, v.Type, v.Body)
	case *Redirect:
		x.set("Location", v.Path)
		x.ctx.Status(http.StatusSeeOther)
		return nil
	}
	body, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("encode the reply: %w", err)
	}
	return x.send(status, "application/json", append(body, '\n'))
}

func (x *exchange) send(status int, mediaType string, body []byte) error {
	x.set("Content-Type", mediaType)
	x.ctx.Status(status)
	return x.ctx.Send(body)
}

// replyError answers an error as a problem of RFC 9457. What the client may not know goes to the log, once.
func (s *Server) replyError(x *exchange, err error) {
	r := refusalOf(err)
	if r.kind.Status == http.StatusInternalServerError {
		s.log.Error("a request failed", "request_id", x.source.Request, "method", x.method(), "path", clipped(x.path()), "error", err)
	}
	if r.retryAfter > 0 {
		x.set("Retry-After", strconv.Itoa(int((r.retryAfter.Seconds())+0.999)))
	}
	if r.kind.Status == http.StatusUnauthorized {
		x.set("WWW-Authenticate", `Bearer realm="qrsd"`)
	}
	if x.wantsPage() {
		s.replyPage(x, err, r)
		return
	}
	p := wire.Problem{Type: r.kind.URI(), Title: r.kind.Title, Status: r.kind.Status, Detail: r.detail, RequestID: x.source.Request, Errors: r.faults}
	for _, t := range r.tenants {
		p.Tenants = append(p.Tenants, t.String())
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic("web: a problem that JSON does not take: " + err.Error())
	}
	_ = x.send(p.Status, wire.ProblemType, append(body, '\n')) // into memory
}
