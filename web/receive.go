package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/gofiber/fiber/v2"
)

// Bodies come as streams (fasthttp's StreamRequestBody), which hold to no limit of theirs: this file does. All routes but those
// with Upload get theirs whole, before anything else is done.

// receive reads the body of a request into memory, within the limit. Its errors are those that Fiber has for the same.
func (s *Server) receive(x *exchange) error {
	from := x.ctx.Request().BodyStream()
	if from == nil {
		return nil
	}
	length, most := x.ctx.Request().Header.ContentLength(), s.options.Limits.Body
	if length > most {
		return fiber.ErrRequestEntityTooLarge
	}
	var body bytes.Buffer
	if length > 0 {
		body.Grow(length + bytes.MinRead)
	}
	read, err := body.ReadFrom(io.LimitReader(from, int64(most)+1))
	switch {
	case isTimeout(err):
		return fiber.ErrRequestTimeout
	case err != nil:
		return fmt.Errorf("read a body: %w", err)
	case read > int64(most):
		return fiber.ErrRequestEntityTooLarge
	case length >= 0 && read != int64(length):
		return io.ErrUnexpectedEOF // a stream of fasthttp ends like a whole one where the client went away
	}
	x.ctx.Request().SetBody(body.Bytes())
	return nil
}

func isTimeout(err error) bool {
	var network net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}

// inflow is the body of an upload as it comes in: counted, because a stream has no limit of its own, and with a deadline that each
// piece puts off, up to the last.
type inflow struct {
	from     io.Reader
	length   int // as the client says; -1: chunked
	most     int64
	conn     net.Conn
	patience time.Duration // for the next piece
	last     time.Time     // when all is to be there
	read     int64
	ended    bool // all of it was read
}

// upload is the body of an upload; it is read once.
func (x *exchange) upload(l Limits) *inflow {
	in := &inflow{
		from: x.ctx.Request().BodyStream(), length: x.ctx.Request().Header.ContentLength(), most: l.Upload,
		conn: x.ctx.Context().Conn(), patience: l.Read, last: time.Now().Add(l.UploadTime),
	}
	if in.from == nil {
		in.from, in.length = bytes.NewReader(nil), 0
	}
	return in
}

// errTooLong and errCutOff end the reading of an upload.
var (
	errTooLong = errors.New("the body is larger than an upload may be")
	errCutOff  = errors.New("the body ended before its end")
)

// Read implements io.Reader.
func (in *inflow) Read(p []byte) (n int, err error) {
	if in.ended {
		return 0, io.EOF
	}
	if in.read >= in.most || int64(in.length) > in.most {
		return 0, errTooLong
	}
	next := time.Now().Add(in.patience)
	if next.After(in.last) {
		next = in.last
	}
	if err := in.conn.SetReadDeadline(next); err != nil {
		return 0, err
	}
	n, err = in.from.Read(p[:min(int64(len(p)), in.most-in.read+1)])
	in.read += int64(n)
	switch {
	case in.read > in.most:
		return n, errTooLong
	case errors.Is(err, io.EOF) && in.length >= 0 && in.read != int64(in.length): // see receive
		return n, errCutOff
	case errors.Is(err, io.EOF):
		in.ended = true
		return n, io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		return n, errCutOff
	}
	return n, err
}

// drained is how much of a body that nobody wants is read all the same, so that its client can read the answer.
const drained = 1 << 20

// leave ends with an upload's body. What was not read of it must not be taken for the next request: then the connection ends.
func (in *inflow) leave(x *exchange) {
	if !in.ended {
		in.last = time.Now().Add(time.Second)
		in.most = min(in.most, in.read+drained)
		_, _ = io.Copy(io.Discard, in) // its end, or not, is in ended
	}
	if !in.ended {
		x.ctx.Context().SetConnectionClose()
	}
}

// bodyFault is what a client is told of a body that could not be read to its end.
func bodyFault(err error, l Limits) error {
	switch {
	case errors.Is(err, errTooLong):
		return refuse(kindTooLarge, "an upload has at most %d bytes", l.Upload)
	case isTimeout(err):
		return refuse(kindSlow, "the next part of an upload is to arrive within %s, and all of it within %s", l.Read, l.UploadTime)
	}
	return refuse(kindInvalid, "the upload was cut off")
}
