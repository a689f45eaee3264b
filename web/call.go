package web

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// Call is one request as its handler sees it, beside its typed input: who asks, from where, and what the reply carries besides
// its body.
type Call struct {
	// Principal is who asks; zero on Open and LockedToo routes, and of strangers on Published ones.
	Principal store.Principal
	// Source is where the request came from, with its id.
	Source store.Source
	// Session is the token of the cookie that the request was identified by; zero with an API key.
	Session directory.SessionToken
	// Received is the server's time at the beginning of the request.
	Received time.Time

	exchange *exchange
}

// Created makes the reply 201 with the place of what was created, relative to the API's root: "/users/..." (RFC 9110 §15.3.2).
func (c *Call) Created(path string) {
	c.exchange.status = 201
	c.exchange.set("Location", api+path)
}

// Accepted makes the reply 202.
func (c *Call) Accepted() { c.exchange.status = 202 }

// Next names the page that follows in a Link header (RFC 8288): the same address with another cursor. "" is none.
func (c *Call) Next(cursor string) {
	if cursor == "" {
		return
	}
	path, query, _ := strings.Cut(c.exchange.target(), "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		values = url.Values{}
	}
	values.Set("cursor", cursor)
	c.exchange.set("Link", fmt.Sprintf("<%s?%s>; rel=\"next\"", path, values.Encode()))
}

// Version gives the reply the strong ETag of a record's version (RFC 9110 §8.8.3).
func (c *Call) Version(version uint64) { c.exchange.set("ETag", etag(version)) }

func etag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// IfMatch is the version that the client read and wants to change (RFC 9110 §13.1.1), 0 where it names none or any. An error is
// a refusal: it is to be returned as it is.
func (c *Call) IfMatch() (version uint64, err error) {
	given := strings.TrimSpace(c.exchange.header("If-Match"))
	if given == "" || given == "*" {
		return 0, nil
	}
	text, quoted := strings.CutPrefix(given, `"`)
	text, closed := strings.CutSuffix(text, `"`)
	if version, err = strconv.ParseUint(text, 10, 64); err != nil || !quoted || !closed || version == 0 {
		return 0, badHeader("If-Match", fmt.Sprintf("%q is not an ETag of this resource; give the one of the last reading", clipped(given)))
	}
	return version, nil
}

// SetSession gives the browser the session's cookie.
func (c *Call) SetSession(token directory.SessionToken) { c.exchange.setCookie(token.Reveal()) }

// ClearSession takes the session's cookie from the browser.
func (c *Call) ClearSession() { c.exchange.setCookie("") }

// Nothing is the reply without a body: 204, or what [Call.Accepted] says.
type Nothing struct{}

// Document is a reply that is not JSON of a value: a page, a file.
type Document struct {
	Type   string // media type
	Status int    // 0 is 200
	Body   []byte
	// Name suggests a file name, for downloads.
	Name string
}

// Redirect sends a browser to a page of this server, with GET (303).
type Redirect struct{ Path string }
