package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Stream is a reply that is written piece by piece: an export. Write runs on a goroutine of its own until it returns or the client is
// gone, which its writer's error says; a client that asked for the head only is gone after the first bytes. An error before the first byte is answered as a
// problem; one after it breaks the connection off, so that nobody takes a part for the whole.
type Stream struct {
	Type  string // media type
	Name  string // suggested file name
	Write func(ctx context.Context, w io.Writer) error
	// Live streams tell what happens: each write of theirs leaves at once, as it is, and they end when the server stops.
	Live bool
}

// replyStream begins a stream, and waits for its first bytes or its end.
func (s *Server) replyStream(x *exchange, v *Stream) error {
	coding := ""
	if isText(v.Type) && !x.route.Secret && !v.Live {
		x.set("Vary", "Accept-Encoding")
		coding = codingFor(x.header("Accept-Encoding"))
	}
	from, to := io.Pipe()
	above := context.Background() // not the server's: what is in hand is finished
	if v.Live {
		above = s.living
	}
	ctx, cancel := context.WithCancel(above)
	ended := make(chan struct{})
	s.streams.Go(func() {
		defer close(ended)
		_ = to.CloseWithError(s.write(ctx, v, coding, to))
	})
	out := &outflow{first: bufio.NewReaderSize(from, 32<<10), pipe: from, cancel: cancel, connection: x.ctx.Context().Conn(), patience: s.options.Limits.Write}
	if _, err := out.first.Peek(1); err != nil && !errors.Is(err, io.EOF) {
		cancel()
		return err
	}
	if x.method() == http.MethodHead {
		_ = out.Close()
		<-ended // its entry is there before the answer
		x.set("Content-Type", v.Type)
		return nil
	}
	if v.Name != "" {
		x.set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", v.Name))
	}
	if coding != "" {
		x.set("Content-Encoding", coding)
	}
	x.set("Content-Type", v.Type)
	x.ctx.Context().SetBodyStream(out, -1)
	return nil
}

// write runs the stream's function on its writer. Nothing reaches the pipe before there is a block of it, so that an early error can be a problem.
func (s *Server) write(ctx context.Context, v *Stream, coding string, to io.Writer) (err error) {
	defer func() {
		if broken := recover(); broken != nil {
			s.log.Error("panic in a stream", "panic", fmt.Sprint(broken))
			s.panicked(nil)
			err = errPanicked
		}
	}()
	if v.Live {
		return v.Write(ctx, to)
	}
	buffered := bufio.NewWriterSize(to, 32<<10)
	coded, err := s.shrink.stream(coding, buffered)
	if err != nil {
		return err
	}
	if err := v.Write(ctx, coded); err != nil {
		return err // unflushed: what came before it alone would look whole
	}
	return errors.Join(coded.Close(), buffered.Flush())
}

// outflow is a stream as fasthttp reads it. Each piece puts off the deadline of the connection, so that only a client that takes
// nothing is cut off: from when the piece is there, however long that took.
type outflow struct {
	first      *bufio.Reader
	pipe       *io.PipeReader
	cancel     context.CancelFunc
	connection net.Conn
	patience   time.Duration
	closing    sync.Once
}

func (o *outflow) Read(p []byte) (int, error) {
	n, err := o.first.Read(p)
	if broken := o.connection.SetWriteDeadline(time.Now().Add(o.patience)); broken != nil {
		return 0, broken
	}
	return n, err
}

// Close tells the writer that nobody reads any more.
func (o *outflow) Close() error {
	o.closing.Do(func() {
		o.cancel()
		_ = o.pipe.CloseWithError(errClientGone)
	})
	return nil
}

// errClientGone is what a stream's writer gets when its client has gone.
var errClientGone = errors.New("the client is gone")
