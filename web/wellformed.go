package web

import (
	"bytes"
	"net"
	"strings"
)

// wellFormed refuses what two readers of HTTP could read differently, whatever fasthttp makes of it: a proxy before us and we must see
// the same requests, or one client's body becomes another's request (RFC 9112 §11.2). The connection is closed after it.
func (s *Server) wellFormed(x *exchange) error {
	if reason := illFormed(x.ctx.Request().Header.Protocol(), x.ctx.Request().Header.RequestURI(), x.ctx.Request().Header.RawHeaders()); reason != "" {
		x.ctx.Context().SetConnectionClose()
		return refuse(kindInvalid, "%s", reason)
	}
	if !s.isOurs(string(x.ctx.Request().Header.Host())) {
		x.ctx.Context().SetConnectionClose()
		return refuse(kindMisdirected, "the request is for another host; call the appliance by one of its configured names")
	}
	return nil
}

// illFormed says what is wrong with the head of a request, "" for nothing.
func illFormed(protocol, target, head []byte) string {
	if string(protocol) != "HTTP/1.1" && string(protocol) != "HTTP/1.0" {
		return "the protocol is neither HTTP/1.1 nor HTTP/1.0"
	}
	if len(target) == 0 || target[0] != '/' {
		return "the target is not a path: absolute, authority and asterisk forms are for proxies (RFC 9112 §3.2)"
	}
	for _, c := range target {
		if c <= ' ' || c >= 0x7f || c == '#' || c == '\\' {
			return "the target has a character that must be percent-encoded (RFC 3986 §2)"
		}
	}
	return headFault(head)
}

// headFault looks at the lines of a head as they came.
func headFault(head []byte) string {
	var lengths, transfers, hosts int
	for line := range bytes.SplitAfterSeq(head, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		text, ended := bytes.CutSuffix(line, []byte("\r\n"))
		if !ended || bytes.ContainsAny(text, "\r\n\x00") {
			return "a header line does not end in CR LF, or has CR, LF or NUL in it (RFC 9112 §2.2)"
		}
		if len(text) == 0 {
			continue
		}
		name, value, colon := bytes.Cut(text, []byte(":"))
		if !colon || !isToken(name) {
			return "a header line has no name, white space before its colon, or is folded (RFC 9112 §5)"
		}
		value = bytes.Trim(value, " \t")
		switch {
		case equalFold(name, "Content-Length"):
			lengths++
			if !isDigits(value) {
				return "Content-Length is not a number (RFC 9110 §8.6)"
			}
		case equalFold(name, "Transfer-Encoding"):
			transfers++
			if !equalFold(value, "chunked") {
				return "Transfer-Encoding is not chunked alone (RFC 9112 §6.1)"
			}
		case equalFold(name, "Host"):
			hosts++
		}
	}
	switch {
	case lengths > 1 || transfers > 1 || hosts > 1:
		return "Content-Length, Transfer-Encoding or Host is there more than once"
	case lengths > 0 && transfers > 0:
		return "Content-Length and Transfer-Encoding came together (RFC 9112 §6.3)"
	case hosts == 0:
		return "there is no Host (RFC 9112 §3.2)"
	}
	return ""
}

func equalFold(got []byte, want string) bool { return strings.EqualFold(string(got), want) }

// isToken reports whether it is a field name (RFC 9110 §5.6.2).
func isToken(name []byte) bool {
	for _, c := range name {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && !(c >= '0' && c <= '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return len(name) > 0
}

func isDigits(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) > 0 && len(text) < 16
}

// isOurs reports whether a Host header names this appliance, with or without a port.
func (s *Server) isOurs(given string) bool {
	name := given
	if host, port, err := net.SplitHostPort(given); err == nil && isDigits([]byte(port)) {
		name = host
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	for _, known := range s.options.Hosts {
		if strings.EqualFold(name, known) {
			return true
		}
	}
	return false
}
