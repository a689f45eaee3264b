package web

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"time"
)

// Bodies come as streams (fasthttp's StreamRequestBody), which hold to no limit of theirs: this file does. Nothing of a body is read
// before it is known who sends it, and that it may: what is sent to a route that takes none, or by somebody who is refused, never
// gets into memory. Routes with Upload read theirs piece by piece, all others get it whole.

// strangersBody is the most that the body of a route for everybody may have. Nothing that signs in is larger.
const strangersBody = 16 << 10

// bodiesInMemory is how much all bodies may take together: those of strangers, and as much again those of who is known, so that
// neither keeps the other out.
const bodiesInMemory = 64 << 20

// purse is memory that bodies share.
type purse struct{ left atomic.Int64 }

func (p *purse) take(n int) bool {
	if p.left.Add(-int64(n)) < 0 {
		p.left.Add(int64(n))
		return false
	}
	return true
}

// purses are the memory of bodies.
type purses struct{ strangers, known purse }

func newPurses(l Limits) *purses {
	var all purses
	all.strangers.left.Store(bodiesInMemory)
	all.known.left.Store(max(bodiesInMemory, 4*int64(l.Body)))
	return &all
}

// share is what a body has taken of a purse until its request is answered.
type share struct {
	from  *inflow
	purse *purse
	taken int
}

// Read implements io.Reader.
func (h *share) Read(p []byte) (int, error) {
	n, err := h.from.Read(p)
	if !h.purse.take(n) {
		return 0, errNoRoom
	}
	h.taken += n
	return n, err
}

// Close gives the memory back.
func (h *share) Close() error {
	h.purse.left.Add(int64(h.taken))
	h.taken = 0
	return nil
}

// receive reads the body of a request into memory, within the route's limit, as it comes. Its errors are refusals.
func (s *Server) receive(x *exchange) error {
	if x.incoming == nil || x.route.Upload || x.incoming.most == 0 {
		return nil
	}
	part := &share{from: x.incoming, purse: &s.bodies.known}
	if x.principal.Role() == 0 {
		part.purse = &s.bodies.strangers
	}
	x.hold(part)
	var body bytes.Buffer
	_, err := body.ReadFrom(part)
	switch {
	case errors.Is(err, errTooLong):
		return refuse(kindTooLarge, "the body of this request has at most %d bytes", x.incoming.most)
	case errors.Is(err, errNoRoom):
		return &refusal{kind: kindBusy, detail: "bodies of other requests take all the memory that there is for them", retryAfter: time.Second}
	case errors.Is(err, errCutOff):
		return refuse(kindInvalid, "the body was cut off")
	case isTimeout(err):
		return refuse(kindSlow, "a request is to arrive within %s", s.options.Limits.Read)
	case err != nil:
		return refuse(kindInvalid, "the body is not HTTP/1.1 as it should be (RFC 9112 §6)")
	}
	x.taken = body.Bytes()
	return nil
}

// bodyAtMost is the limit of the body that a route takes; 0 where it takes none, and where there is no route.
func (s *Server) bodyAtMost(r *route) int64 {
	switch {
	case r == nil || !slices.ContainsFunc(r.inputs(), func(p input) bool { return p.in == "body" || p.in == "form" }):
		return 0
	case r.Access == Open || r.Access == LockedToo:
		return int64(min(s.options.Limits.Body, strangersBody))
	}
	return int64(s.options.Limits.Body)
}

func isTimeout(err error) bool {
	var network net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}

// inflow is a body as it comes in: counted, because a stream has no limit of its own, and with a deadline that each
// piece puts off, up to the last.
type inflow struct {
	from     io.Reader
	length   int // as the client says; -1: chunked
	most     int64
	conn     net.Conn
	patience time.Duration // for the next piece
	last     time.Time     // when all is to be there
	read     int64
	ended    bool  // all of it was read
	broken   bool  // reading on would take for something else what follows
	fault    error // why no more can be read; nil: it can
}

// inflow is the body of a request, which is read once; nil: it has none and its route needs none.
func (s *Server) inflow(x *exchange) *inflow {
	l, upload := s.options.Limits, x.route != nil && x.route.Upload
	in := &inflow{
		from: x.ctx.Request().BodyStream(), length: x.ctx.Request().Header.ContentLength(),
		conn: x.ctx.Context().Conn(), patience: l.Read, last: time.Now().Add(l.Read),
	}
	switch {
	case upload:
		in.most, in.last = l.Upload, time.Now().Add(l.UploadTime)
	case in.from == nil:
		return nil
	default:
		in.most = s.bodyAtMost(x.route)
	}
	if in.from == nil {
		in.from, in.length = bytes.NewReader(nil), 0
	}
	return in
}

// These end the reading of a body.
var (
	errTooLong = errors.New("the body is larger than it may be")
	errCutOff  = errors.New("the body ended before its end")
	errNoRoom  = errors.New("there is no memory left for bodies")
)

// Read implements io.Reader.
func (in *inflow) Read(p []byte) (n int, err error) {
	if in.ended {
		return 0, io.EOF
	}
	n, err = in.next(p)
	if err != nil && !in.ended {
		in.fault = err
	}
	return n, err
}

func (in *inflow) next(p []byte) (n int, err error) {
	if in.read > in.most || int64(in.length) > in.most {
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
	case errors.Is(err, io.EOF) && in.length >= 0 && in.read != int64(in.length): // a stream of fasthttp ends like a whole one where the client went away
		in.broken = true
		return n, errCutOff
	case errors.Is(err, io.EOF):
		in.ended = true
		return n, io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		in.broken = true
		return n, errCutOff
	}
	in.broken = err != nil
	return n, err
}

// How much of a body that nobody wants is read all the same, and for how long, so that its client can read the answer: of
// strangers and of those who are known and send an upload.
const (
	drained       = 1 << 20
	drainedFor    = time.Second
	drainedUpload = 32 << 20
	uploadFor     = 10 * time.Second
)

// leave ends with a body. What was not read of it must not be taken for the next request: then the connection ends.
func (in *inflow) leave(x *exchange) {
	if !in.ended && !in.broken {
		if x.route != nil && x.route.Upload && x.principal.Role() != 0 {
			in.drain(drainedUpload, uploadFor)
		} else {
			in.drain(drained, drainedFor)
		}
	}
	if !in.ended {
		x.ctx.Context().SetConnectionClose()
	}
}

// drain reads on for a moment, unless the end is too far. Whether that was all is in ended.
func (in *inflow) drain(most int64, patience time.Duration) {
	in.last = time.Now().Add(patience)
	in.most = in.read + most
	_, _ = io.Copy(io.Discard, in)
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
