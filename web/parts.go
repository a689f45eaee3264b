package web

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"path"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"github.com/qrsrisk/qrsd/web/spool"
	"github.com/qrsrisk/qrsd/web/wire"
)

// uploaded is the exposure of an upload, spooled. It is closed with the exchange.
type uploaded struct {
	name     string // that the client gives it; "" is none
	location *spooled
	account  *spooled // nil: there is none
}

// spooled is one file of an upload.
type spooled struct {
	*spool.File
	name string
}

// taking is the reading of one upload.
type taking struct {
	x      *exchange
	limits Limits
	dir    spool.Dir
	in     *inflow
	sum    hash.Hash
	out    uploaded
	seen   map[string]bool
}

// exposureParts reads a body of multipart/form-data (RFC 7578) with a name and OED files, each a part of its own or together in an archive,
// into spooled files. Its errors are refusals.
func (s *Server) exposureParts(x *exchange) (*uploaded, error) {
	media, parameters, err := mime.ParseMediaType(x.mediaType())
	if err != nil || media != "multipart/form-data" || parameters["boundary"] == "" || x.header("Content-Encoding") != "" {
		return nil, refuse(kindMediaType, "send multipart/form-data with the parts name, location and account, or name and archive")
	}
	free, err := s.docks.enter(x.principal.Tenant())
	if err != nil {
		return nil, err
	}
	x.hold(free)
	t := &taking{x: x, limits: s.options.Limits, dir: spool.Dir(s.options.Uploads), in: x.incoming, sum: sha256.New(), seen: map[string]bool{}}
	if err := t.all(multipart.NewReader(t.in, parameters["boundary"])); err != nil {
		return nil, s.takingFault(x, t, err)
	}
	x.content = t.sum.Sum(nil)
	if t.out.location == nil {
		return nil, badField("/location", "there is no location file: send it as the part location, or in the part archive")
	}
	return &t.out, nil
}

// takingFault is what the client is told of an error of its upload.
func (s *Server) takingFault(x *exchange, t *taking, err error) error {
	var own *refusal
	switch {
	case t.in.fault != nil:
		return bodyFault(t.in.fault, t.limits)
	case errors.As(err, &own):
		return own
	case errors.Is(err, syscall.ENOSPC):
		return refuse(kindReadOnly, "there is no room on the disk for the upload")
	case errors.Is(err, errSpool):
		s.log.Error("an upload could not be spooled", "request_id", x.source.Request, "error", err)
		return refuse(kindInternal, "the log of the appliance has the cause under this request's id")
	}
	return refuse(kindInvalid, "the body is not multipart/form-data as it should be, or ends too early (RFC 7578)")
}

// errSpool is in the errors of our own disk.
var errSpool = errors.New("spool an upload")

// maxParts bounds what an upload may hold.
const maxParts = 10

func (t *taking) all(from *multipart.Reader) error {
	for range maxParts {
		p, err := from.NextRawPart()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, t.in) // what follows the last boundary means nothing (RFC 2046 §5.1.1)
			return err
		}
		if err != nil {
			return err
		}
		if err := t.part(p); err != nil {
			return err
		}
	}
	return refuse(kindInvalid, "the upload has more than %d parts", maxParts)
}

func (t *taking) part(p *multipart.Part) error {
	name := p.FormName()
	at := "/" + pointerEscaper.Replace(clipped(name))
	if t.seen[name] {
		return badField(at, "this part is there twice")
	}
	t.seen[name] = true
	if c := p.Header.Get("Content-Transfer-Encoding"); c != "" && !strings.EqualFold(c, "binary") && !strings.EqualFold(c, "8bit") && !strings.EqualFold(c, "7bit") {
		return badField(at, "send it without a Content-Transfer-Encoding (RFC 7578 §4.7)")
	}
	switch name {
	case "name":
		return t.text(p)
	case "location", "account":
		f, err := t.file(p, name)
		if err != nil {
			return err
		}
		return t.give(name, f)
	case "archive":
		f, err := t.file(p, name)
		if err != nil {
			return err
		}
		return t.unpack(f)
	case "ri_info", "ri_scope":
		return badField(at, "reinsurance files are not taken: send location and account")
	}
	return badField(at, "there is no such part: send name, location and account, or name and archive")
}

// text reads the part name.
func (t *taking) text(p io.Reader) error {
	const most = 4 << 10
	b, err := io.ReadAll(io.LimitReader(p, most+1))
	if err != nil {
		return err
	}
	if len(b) > most {
		return badField("/name", "is too long")
	}
	t.enter("name", "", int64(len(b)))
	t.sum.Write(b)
	t.out.name = string(b)
	return nil
}

// file spools a part.
func (t *taking) file(p *multipart.Part, role string) (*spooled, error) {
	name, err := fileName(p.FileName(), role)
	if err != nil {
		return nil, err
	}
	f, err := t.spool(name, io.TeeReader(p, t.sum))
	if err == nil {
		t.enter(role, name, f.Size())
	}
	return f, err
}

// enter goes into the digest of the upload, so that parts cannot be taken for others.
func (t *taking) enter(role, name string, size int64) {
	_, _ = fmt.Fprintf(t.sum, "\n%s %q ", role, name)
	t.sum.Write(binary.BigEndian.AppendUint64(nil, uint64(size)))
}

// spool copies into a file of its own.
func (t *taking) spool(name string, from io.Reader) (*spooled, error) {
	f, err := t.dir.Create()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSpool, err)
	}
	t.x.hold(f)
	if _, err := io.Copy(onDisk{f}, from); err != nil {
		return nil, err
	}
	if err := f.End(); err != nil {
		return nil, fmt.Errorf("%w: %w", errSpool, err)
	}
	return &spooled{f, name}, nil
}

// onDisk marks errors of writing, so that they are told from those of reading.
type onDisk struct{ io.Writer }

func (d onDisk) Write(p []byte) (int, error) {
	n, err := d.Writer.Write(p)
	if err != nil {
		err = fmt.Errorf("%w: %w", errSpool, err)
	}
	return n, err
}

// give puts a file where it belongs.
func (t *taking) give(role string, f *spooled) error {
	if f.Size() == 0 {
		return badField("/"+role, f.name+" is empty")
	}
	to := &t.out.location
	if role == "account" {
		to = &t.out.account
	}
	if *to != nil {
		return badField("/"+role, "there are two "+role+" files: "+(*to).name+" and "+f.name)
	}
	*to = f
	return nil
}

// fileName holds the name of a file to what can stand in a header and in a record. Paths, which some browsers send, are cut off.
func fileName(given, role string) (string, error) {
	name := path.Base(strings.ReplaceAll(given, `\`, "/"))
	if given == "" || name == "." || name == "/" {
		name = role + map[bool]string{true: ".zip", false: ".csv"}[role == "archive"]
	}
	if len(name) > 200 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
		return "", badField("/"+role, "the file's name is longer than 200 bytes, or has characters that cannot be printed")
	}
	ending := strings.ToLower(path.Ext(name))
	switch {
	case role == "archive" && ending != ".zip":
		return "", badField("/"+role, clipped(name)+" is no .zip file")
	case role != "archive" && ending != ".csv" && ending != ".parquet":
		return "", badField("/"+role, clipped(name)+" is neither a .csv nor a .parquet file; send .zip files as the part archive")
	}
	return name, nil
}

// doUpload is do for routes whose body is an upload of exposure: what it received goes to the handler beside the input.
func doUpload[In, Out any](h func(*Server, context.Context, *Call, In, *uploaded) (Out, error)) endpoint {
	return &uploading[In, Out]{h, planOf[In]()}
}

type uploading[In, Out any] struct {
	handle func(*Server, context.Context, *Call, In, *uploaded) (Out, error)
	plan   []input
}

// received is what an upload's endpoint read.
type received[In any] struct {
	in    In
	files *uploaded
}

func (o *uploading[In, Out]) read(x *exchange) (any, error) {
	var r received[In]
	if err := bind(x, o.plan, &r.in); err != nil {
		return nil, err
	}
	var err error
	r.files, err = x.server.exposureParts(x)
	return r, err
}

func (o *uploading[In, Out]) answer(ctx context.Context, s *Server, c *Call, in any) (any, error) {
	r := in.(received[In])
	return o.handle(s, ctx, c, r.in, r.files)
}

// inputs has the body's parts as one.
func (o *uploading[In, Out]) inputs() []input {
	return append(slices.Clone(o.plan), input{in: "body", name: "multipart", kind: reflect.TypeFor[wire.ExposureUpload]()})
}
