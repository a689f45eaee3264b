package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"sync"
)

// Exposure is what is uploaded as a portfolio: Location with or without Account, or Archive with both. The files are read as they are sent, and never
// held in memory.
type Exposure struct {
	Name     string // of the portfolio; "": that of the location file
	Location *File  // OED location file, CSV or Parquet
	Account  *File  // OED account file, CSV or Parquet; nil: no policy terms apply
	Archive  *File  // zip of the two
}

// File is a file to be sent.
type File struct {
	Name string
	Size int64 // bytes that Open gives
	// Open is called for each attempt to send the file; what it gives is closed.
	Open func() (io.ReadCloser, error)
}

// Progress is told how many bytes of how many have passed, from one goroutine at a time. of is 0 where it is not known. It may be nil.
type Progress func(done, of int64)

// uploading is one attempt to send exposure.
type uploading struct {
	*counting

	media string // with the boundary
	size  int64  // of all of it
	open  []io.Closer
	once  sync.Once
}

// Close closes the files.
func (u *uploading) Close() error {
	var faults []error
	u.once.Do(func() {
		for _, f := range u.open {
			faults = append(faults, f.Close())
		}
	})
	return errors.Join(faults...)
}

// body opens the files and puts them into a body of multipart/form-data (RFC 7578), whose length is known before it is sent.
func (e *Exposure) body(tell Progress) (*uploading, error) {
	if (e.Location == nil) == (e.Archive == nil) || e.Archive != nil && e.Account != nil {
		return nil, errors.New("exposure: give a location file with or without an account file, or an archive of both")
	}
	u := &uploading{}
	var text bytes.Buffer
	form := multipart.NewWriter(&text)
	u.media = form.FormDataContentType()
	var parts []io.Reader
	flush := func() {
		u.size += int64(text.Len())
		parts = append(parts, bytes.NewReader(bytes.Clone(text.Bytes())))
		text.Reset()
	}
	if e.Name != "" {
		_ = form.WriteField("name", e.Name) // into memory
	}
	for _, f := range []struct {
		role string
		*File
	}{{"location", e.Location}, {"account", e.Account}, {"archive", e.Archive}} {
		if f.File == nil {
			continue
		}
		_, _ = form.CreateFormFile(f.role, f.Name)
		flush()
		content, err := f.Open()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open %s: %w", f.Name, err), u.Close())
		}
		u.open = append(u.open, content)
		u.size += f.Size
		parts = append(parts, content)
	}
	_ = form.Close()
	flush()
	u.counting = &counting{from: io.MultiReader(parts...), of: u.size, tell: tell}
	return u, nil
}

// counting tells how much was read.
type counting struct {
	from     io.Reader
	done, of int64
	tell     Progress
	mu       sync.Mutex // net/http reads in another goroutine
}

// quiet ends the telling.
func (r *counting) quiet() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell = nil
}

// Read implements io.Reader.
func (r *counting) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done += int64(n); r.tell != nil && n > 0 {
		r.tell(r.done, r.of)
	}
	return n, err
}

// download writes an answer to a writer as it comes.
func (c *Client) download(ctx context.Context, path string, query url.Values, to io.Writer, tell Progress) error {
	reply, err := c.send(ctx, request{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if _, err := io.Copy(to, &counting{from: reply.Body, of: max(reply.ContentLength, 0), tell: tell}); err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	return nil
}
