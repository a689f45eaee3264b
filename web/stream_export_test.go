package web

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
)

// AddFailingStream gives a server that does not serve yet the path /failing, a stream that fails after so many bytes.
func AddFailingStream(s *Server) {
	s.routes = append(s.routes, route{Route{Method: "GET", Path: "/failing", Operation: "fail", Access: LockedToo}, do(
		func(_ *Server, _ context.Context, _ *Call, in struct {
			After int `query:"after"`
		}) (*Stream, error) {
			return &Stream{Type: "text/plain", Write: func(_ context.Context, w io.Writer) error {
				if _, err := io.CopyN(w, rand.Reader, int64(in.After)); err != nil { // which no coding makes shorter
					return err
				}
				return errors.New("the source failed")
			}}, nil
		})})
	s.app = s.newApp(s.routes)
}
