// Package s3test is Amazon S3, small enough to read: what the tests keep backups in.
//
// It is real HTTP behind net/http, with path-style addresses: it checks the SigV4 signature of every request and the checksum of every
// body, keeps versions and delete markers, and holds what object lock holds, in compliance mode. Played are PutObject, GetObject,
// ListObjectsV2, ListObjectVersions, DeleteObject, PutObjectRetention and multipart uploads; anything else is refused, so that a caller
// who leans on something that is not played here hears of it. Objects live in memory.
//
// Begin at [New]. Source of names and statuses: Amazon S3 API reference (2006-03-01).
package s3test

import (
	"bytes"
	"cmp"
	"crypto/md5" //nolint:gosec // ETags are MD5
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/internal/sigv4"
)

// The example credentials of the AWS documentation, which no account has.
const (
	ExampleKeyID     = "AKIAIOSFODNN7EXAMPLE"
	ExampleSecretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

// Options configure a Server.
type Options struct {
	Bucket string           // the only one
	Region string           // "" means us-east-1
	Lock   bool             // the bucket was made with object lock
	Full   int64            // bytes that the bucket takes in all; 0: any number
	Page   int              // entries of a page of a listing; 0: 1,000
	Now    func() time.Time // nil: time.Now
}

// Server is the emulator. It is an http.Handler, safe for concurrent use.
type Server struct {
	o        Options
	verifier sigv4.Verifier

	mu      sync.Mutex // guards all below
	objects map[string][]version
	uploads map[string]*upload
	count   int
}

type version struct {
	id       string
	marker   bool
	body     []byte
	modified time.Time
	until    time.Time // held
}

type upload struct {
	key   string
	until time.Time
	parts map[int][]byte
}

// New makes a server with an empty bucket.
func New(o Options) *Server {
	o.Region, o.Page = cmp.Or(o.Region, "us-east-1"), cmp.Or(o.Page, 1000)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Server{o: o, objects: map[string][]version{}, uploads: map[string]*upload{}, verifier: sigv4.Verifier{
		Service: "s3", Region: o.Region, MaxBody: 256 << 20,
		Secret: func(id string) (string, string, bool) { return ExampleSecretKey, "", id == ExampleKeyID },
	}}
}

// Keys lists the names of the objects that can be seen, in order.
func (s *Server) Keys() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.objects {
		if s.latest(key) != nil {
			all = append(all, key)
		}
	}
	slices.Sort(all)
	return all
}

// Versions counts all versions of an object, markers included.
func (s *Server) Versions(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.objects[key])
}

// Until is how long an object is held; zero: not at all.
func (s *Server) Until(key string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.latest(key); v != nil {
		return v.until
	}
	return time.Time{}
}

// Uploads counts multipart uploads that were neither completed nor aborted.
func (s *Server) Uploads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.uploads)
}

func (s *Server) latest(key string) *version {
	all := s.objects[key]
	if len(all) == 0 || all[len(all)-1].marker {
		return nil
	}
	return &all[len(all)-1]
}

// fault is a refusal as S3 words it.
type fault struct {
	status        int
	code, message string
}

func (f *fault) Error() string { return f.code }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := s.answer(r)
	if err != nil {
		f, ok := err.(*fault)
		if !ok {
			f = &fault{http.StatusForbidden, "SignatureDoesNotMatch", err.Error()}
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(f.status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", f.code, f.message)
		return
	}
	if raw, ok := answer.([]byte); ok {
		w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
		_, _ = w.Write(raw)
		return
	}
	if answer == nil {
		w.WriteHeader(http.StatusOK)
		return
	}
	if tag, ok := answer.(etag); ok {
		w.Header().Set("ETag", string(tag))
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(answer)
}

type etag string

func (s *Server) answer(r *http.Request) (any, error) {
	if _, err := s.verifier.Verify(r, s.o.Now()); err != nil {
		return nil, err
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if bucket != s.o.Bucket {
		return nil, &fault{http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist"}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if want := r.Header.Get("X-Amz-Checksum-Sha256"); want != "" {
		if sum := sha256.Sum256(body); base64.StdEncoding.EncodeToString(sum[:]) != want {
			return nil, &fault{http.StatusBadRequest, "BadDigest", "The SHA256 you specified did not match"}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	switch {
	case r.Method == http.MethodGet && key == "" && q.Get("list-type") == "2":
		return s.list(q), nil
	case r.Method == http.MethodGet && key == "" && q.Has("versions"):
		return s.versions(q.Get("prefix")), nil
	case r.Method == http.MethodGet && key != "":
		v := s.latest(key)
		if v == nil {
			return nil, &fault{http.StatusNotFound, "NoSuchKey", "The specified key does not exist."}
		}
		return v.body, nil
	case r.Method == http.MethodPut && q.Has("retention"):
		return nil, s.retain(key, body, r.Header)
	case r.Method == http.MethodPut && q.Has("uploadId"):
		return s.part(q, body, r.Header)
	case r.Method == http.MethodPut && len(q) <= 1: // x-id alone
		until, err := s.holding(r.Header, true)
		if err != nil {
			return nil, err
		}
		return s.put(key, body, until)
	case r.Method == http.MethodPost && q.Has("uploads"):
		return s.begin(key, r.Header)
	case r.Method == http.MethodPost && q.Has("uploadId"):
		return s.complete(key, q.Get("uploadId"), body)
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		delete(s.uploads, q.Get("uploadId"))
		return nil, nil
	case r.Method == http.MethodDelete:
		return nil, s.remove(key, q.Get("versionId"))
	}
	return nil, &fault{http.StatusNotImplemented, "NotImplemented", "A header you provided implies functionality that is not implemented: " + r.Method + " " + r.URL.RawQuery}
}

// holding reads the headers of object lock; they need a checksum, as S3 says.
func (s *Server) holding(h http.Header, checksummed bool) (until time.Time, err error) {
	mode, text := h.Get("X-Amz-Object-Lock-Mode"), h.Get("X-Amz-Object-Lock-Retain-Until-Date")
	if mode == "" && text == "" {
		return until, nil
	}
	until, err = time.Parse(time.RFC3339, text)
	switch {
	case !s.o.Lock:
		return until, &fault{http.StatusBadRequest, "InvalidRequest", "Bucket is missing Object Lock Configuration"}
	case mode != "COMPLIANCE" || err != nil || !until.After(s.o.Now()):
		return until, &fault{http.StatusBadRequest, "InvalidArgument", "The retain until date must be in the future!"}
	case checksummed && h.Get("X-Amz-Checksum-Sha256") == "":
		return until, &fault{http.StatusBadRequest, "InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"}
	}
	return until, nil
}

func (s *Server) put(key string, body []byte, until time.Time) (any, error) {
	if s.o.Full > 0 && s.size()+int64(len(body)) > s.o.Full {
		return nil, &fault{http.StatusForbidden, "QuotaExceeded", "The quota of the bucket is used up"}
	}
	s.count++
	s.objects[key] = append(s.objects[key], version{id: fmt.Sprintf("v%06d", s.count), body: body, modified: s.o.Now().UTC(), until: until})
	return tagOf(body), nil
}

func tagOf(body []byte) etag {
	sum := md5.Sum(body) //nolint:gosec // as S3 has it
	return etag(`"` + hex.EncodeToString(sum[:]) + `"`)
}

func (s *Server) size() (n int64) {
	for _, all := range s.objects {
		for _, v := range all {
			n += int64(len(v.body))
		}
	}
	return n
}

func (s *Server) remove(key, id string) error {
	all := s.objects[key]
	if id == "" {
		s.count++
		s.objects[key] = append(all, version{id: fmt.Sprintf("v%06d", s.count), marker: true, modified: s.o.Now().UTC()})
		return nil
	}
	for i, v := range all {
		if v.id != id {
			continue
		}
		if v.until.After(s.o.Now()) {
			return &fault{http.StatusForbidden, "AccessDenied", "Access Denied because object protected by object lock."}
		}
		s.objects[key] = slices.Delete(slices.Clone(all), i, i+1)
	}
	return nil
}

func (s *Server) retain(key string, body []byte, h http.Header) error {
	var in struct{ Mode, RetainUntilDate string }
	err := xml.Unmarshal(body, &in)
	until, parsed := time.Parse(time.RFC3339, in.RetainUntilDate)
	v := s.latest(key)
	switch {
	case v == nil:
		return &fault{http.StatusNotFound, "NoSuchKey", "The specified key does not exist."}
	case !s.o.Lock || err != nil || parsed != nil || in.Mode != "COMPLIANCE" || h.Get("X-Amz-Checksum-Sha256") == "":
		return &fault{http.StatusBadRequest, "InvalidRequest", "retention: " + string(body)}
	case until.Before(v.until):
		return &fault{http.StatusForbidden, "AccessDenied", "Access Denied because object protected by object lock."}
	}
	v.until = until
	return nil
}

type entry struct {
	Key          string
	LastModified time.Time
	Size         int
	VersionId    string `xml:",omitempty"` //nolint:revive,stylecheck // as S3 has it
}

func (s *Server) keys(prefix string) (all []string) {
	for key := range s.objects {
		if strings.HasPrefix(key, prefix) {
			all = append(all, key)
		}
	}
	slices.Sort(all)
	return all
}

func (s *Server) list(q url.Values) any {
	out := struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Contents              []entry
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
	}{}
	for _, key := range s.keys(q.Get("prefix")) {
		v := s.latest(key)
		if v == nil || key <= q.Get("continuation-token") {
			continue
		}
		if len(out.Contents) == s.o.Page {
			out.IsTruncated, out.NextContinuationToken = true, out.Contents[s.o.Page-1].Key
			break
		}
		out.Contents = append(out.Contents, entry{Key: key, LastModified: v.modified, Size: len(v.body)})
	}
	return out
}

func (s *Server) versions(prefix string) any {
	out := struct {
		XMLName      xml.Name `xml:"ListVersionsResult"`
		Version      []entry
		DeleteMarker []entry
	}{}
	for _, key := range s.keys(prefix) {
		for _, v := range s.objects[key] {
			e := entry{Key: key, LastModified: v.modified, Size: len(v.body), VersionId: v.id}
			if v.marker {
				out.DeleteMarker = append(out.DeleteMarker, e)
			} else {
				out.Version = append(out.Version, e)
			}
		}
	}
	return out
}

func (s *Server) begin(key string, h http.Header) (any, error) {
	until, err := s.holding(h, false)
	if err != nil {
		return nil, err
	}
	s.count++
	id := fmt.Sprintf("u%06d", s.count)
	s.uploads[id] = &upload{key: key, until: until, parts: map[int][]byte{}}
	return struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		UploadId string   //nolint:revive,stylecheck // as S3 has it
	}{UploadId: id}, nil
}

func (s *Server) part(q url.Values, body []byte, h http.Header) (any, error) {
	u := s.uploads[q.Get("uploadId")]
	number, err := strconv.Atoi(q.Get("partNumber"))
	if u == nil || err != nil || h.Get("X-Amz-Checksum-Sha256") == "" {
		return nil, &fault{http.StatusBadRequest, "InvalidRequest", "no such upload, or a part without checksum"}
	}
	u.parts[number] = body
	return tagOf(body), nil
}

func (s *Server) complete(key, id string, body []byte) (any, error) {
	u := s.uploads[id]
	var in struct{ Part []struct{ PartNumber int } }
	if err := xml.Unmarshal(body, &in); err != nil || u == nil || u.key != key || len(in.Part) != len(u.parts) {
		return nil, &fault{http.StatusBadRequest, "InvalidPart", "One or more of the specified parts could not be found."}
	}
	var whole bytes.Buffer
	for _, p := range in.Part {
		whole.Write(u.parts[p.PartNumber])
	}
	delete(s.uploads, id)
	if _, err := s.put(key, whole.Bytes(), u.until); err != nil {
		return nil, err
	}
	return struct {
		XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
		Key     string
	}{Key: key}, nil
}
