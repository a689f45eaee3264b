package web

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/qrsrisk/qrsd/web/wire"
)

// reply encodes what a handler returned.
func (s *Server) reply(x *exchange, out any) error {
	switch v := out.(type) {
	case *Stream:
		return s.replyStream(x, v)
	case *Redirect:
		x.set("Location", v.Path)
		x.ctx.Status(http.StatusSeeOther)
		return nil
	}
	status, media, body, err := encode(x, out)
	if err != nil {
		return err
	}
	if x.repeat != nil {
		s.repeats.finish(x.repeat, status, media, string(x.ctx.Response().Header.Peek("Location")), body, x.route.Secret)
	}
	if _, nothing := out.(Nothing); nothing {
		x.ctx.Status(status)
		return nil
	}
	return s.send(x, status, media, body)
}

// encode makes the bytes of a reply.
func encode(x *exchange, out any) (status int, media string, body []byte, err error) {
	status = x.status
	if status == 0 {
		status = http.StatusOK
	}
	switch v := out.(type) {
	case Nothing:
		return cmp.Or(x.status, http.StatusNoContent), "", nil, nil
	case *Document:
		if v.Status != 0 {
			status = v.Status
		}
		if v.Name != "" {
			x.set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", v.Name))
		}
		return status, v.Type, v.Body, nil
	}
	body, err = json.Marshal(out)
	if err != nil {
		return 0, "", nil, fmt.Errorf("encode the reply of %s: %w", x.route.Operation, err)
	}
	return status, "application/json", append(body, '\n'), nil
}

// send hands a body to Fiber, compressed where that is of use and tells nothing. A reply with an ETag stays as it is: the tag is
// of the bytes.
func (s *Server) send(x *exchange, status int, media string, body []byte) error {
	secret := x.route != nil && x.route.Secret
	if len(body) > compressAbove && !secret && isText(media) && len(x.ctx.Response().Header.Peek("ETag")) == 0 {
		x.set("Vary", "Accept-Encoding")
		var coding string
		if body, coding = s.shrink.squeeze(x.header("Accept-Encoding"), body); coding != "" {
			x.set("Content-Encoding", coding)
		}
	}
	return x.send(status, media, body)
}

func (x *exchange) send(status int, mediaType string, body []byte) error {
	x.set("Content-Type", mediaType)
	x.ctx.Status(status)
	return x.ctx.Send(body)
}

// replyError answers an error as a problem of RFC 9457. What the client may not know goes to the log, once.
func (s *Server) replyError(x *exchange, err error) {
	r := refusalOf(err)
	if errors.Is(err, errPanicked) {
		s.panicked(x)
	}
	if r.kind.Status == http.StatusInternalServerError && r != errPanicked { // which is there with its stack
		s.log.Error("a request failed", "request_id", x.source.Request, "method", x.method(), "path", clipped(x.path()), "error", err)
	}
	if r.retryAfter > 0 {
		x.set("Retry-After", strconv.Itoa(seconds(r.retryAfter)))
	}
	if r.kind.Status == http.StatusUnauthorized {
		x.set("WWW-Authenticate", `Bearer realm="qrsd"`)
	}
	if r.allow != "" {
		x.set("Allow", r.allow)
	}
	if r.kind == kindChanged && x.header("If-Match") == "" { // it did not say what it had read, so that no precondition failed
		inConflict := *r
		inConflict.kind = kindConflict
		r = &inConflict
	}
	if x.wantsPage() {
		s.replyPage(x, err, r)
		return
	}
	body, err := json.Marshal(problemOf(x, r))
	if err != nil {
		panic("web: a problem that JSON does not take: " + err.Error())
	}
	_ = x.send(r.kind.Status, wire.ProblemType, append(body, '\n')) // into memory
}

func problemOf(x *exchange, r *refusal) wire.Problem {
	p := wire.Problem{Exposure: r.exposure, Type: r.kind.URI(), Title: r.kind.Title, Status: r.kind.Status, Detail: r.detail, RequestID: x.source.Request, Errors: r.faults}
	for _, t := range r.tenants {
		p.Tenants = append(p.Tenants, t.String())
	}
	if r.factor != nil {
		p.SecondFactor = &wire.SecondFactorNeeded{Ticket: r.factor.Ticket.Reveal(), Code: r.factor.Code, Passkey: r.factor.Passkey}
	}
	return p
}
