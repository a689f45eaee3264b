// Package s3 keeps backups in a bucket of Amazon S3, or of a service that speaks like it. It holds [Target], a backup.Target over
// PutObject, multipart uploads, GetObject, ListObjectsV2, ListObjectVersions, DeleteObject and PutObjectRetention. It opens no connection by
// itself: every request goes through the *http.Client it is given (internal/outbound's), and it finds no credentials.
//
// With Options.Lock, objects are written in the compliance mode of S3 Object Lock: until their time nobody can remove them, the account's
// root user included. The bucket must have been made with object lock; without it S3 refuses the header. What a principal needs:
// s3:PutObject, s3:GetObject, s3:ListBucket, s3:ListBucketVersions, s3:DeleteObject, s3:DeleteObjectVersion, s3:AbortMultipartUpload and, with
// Lock, s3:PutObjectRetention, on the one bucket.
//
// Package s3test is the service for tests. Begin at [New].
//
// Source: Amazon S3 API reference (2006-03-01); user guide, "Locking objects with Object Lock".
package s3

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	service "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store/backup"
)

const (
	attempts = 5
	maxPause = 20 * time.Second
	// partSize is that of a part of a multipart upload; S3 takes 10,000 of them.
	partSize = 64 << 20
)

// Options say which bucket, and the way to it.
type Options struct {
	HTTP        *http.Client            // from internal/outbound, for the purpose backups. Required.
	Credentials aws.CredentialsProvider // Required.
	Bucket      string                  // Required.
	Region      string                  // "us-east-1". Required.
	Prefix      string                  // of all names, without a slash at its ends; "" is none
	Endpoint    string                  // URL without a path, of a private endpoint or another service; "" is that of AWS
	Lock        bool                    // objects are held by S3 Object Lock for as long as the backup asks
}

var bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// CheckBucket is the fault of what is no bucket's name.
func CheckBucket(name string) error {
	if !bucketForm.MatchString(name) {
		return fmt.Errorf("%.80q: a bucket's name has 3 to 63 lower-case letters, digits, dots and dashes", name)
	}
	return nil
}

// target is a bucket, or a prefix of one. It is safe for concurrent use.
type target struct {
	client *service.Client
	o      Options
	part   int64
}

// New makes the target, without a request.
func New(o Options) (backup.Target, error) {
	if o.HTTP == nil || o.Credentials == nil || o.Region == "" {
		return nil, errors.New("S3: an HTTP client, credentials and a region are needed")
	}
	if err := CheckBucket(o.Bucket); err != nil {
		return nil, fmt.Errorf("S3: bucket %w", err)
	}
	if strings.HasPrefix(o.Prefix, "/") || strings.HasSuffix(o.Prefix, "/") {
		return nil, fmt.Errorf("S3: prefix %q: leave out the slash at its ends", o.Prefix)
	}
	options := service.Options{
		HTTPClient: o.HTTP, Credentials: o.Credentials, Region: o.Region,
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = attempts, maxPause
			o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(notWhereRefused)}, o.Retryables...)
		}),
		// Digests are in the manifest; the checksum that S3 verifies is sent with the object, and no trailer is needed.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	if o.Endpoint != "" {
		u, err := url.Parse(o.Endpoint)
		if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
			return nil, fmt.Errorf("S3: endpoint %q: must be scheme://host:port alone", o.Endpoint)
		}
		options.BaseEndpoint, options.UsePathStyle = aws.String(o.Endpoint), true
	}
	return &target{service.New(options), o, partSize}, nil
}

// notWhereRefused keeps what mode or list of destinations forbids from being tried again.
func notWhereRefused(err error) aws.Ternary {
	var refused *outbound.NotAllowed
	if errors.As(err, &refused) || errors.Is(err, outbound.ErrAirGapped) {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// Host is the host that a bucket is reached at.
func (o Options) Host() string { return o.Bucket + ".s3." + o.Region + ".amazonaws.com" }

func (t *target) Name() string { return "s3://" + strings.TrimSuffix(t.o.Bucket+"/"+t.o.Prefix, "/") }

func (t *target) key(name string) *string {
	if t.o.Prefix == "" {
		return &name
	}
	return aws.String(t.o.Prefix + "/" + name)
}

func (t *target) name(key *string) string {
	if t.o.Prefix == "" {
		return aws.ToString(key)
	}
	return strings.TrimPrefix(aws.ToString(key), t.o.Prefix+"/")
}

// explain names the target and what to do.
func (t *target) explain(doing, name string, err error) error {
	if err == nil {
		return nil
	}
	var e interface{ ErrorCode() string }
	mend := "check the endpoint, the credentials and the allowed destinations"
	if errors.As(err, &e) {
		switch code := e.ErrorCode(); code {
		case "NoSuchKey", "NotFound":
			err, mend = fmt.Errorf("%w: %w", fs.ErrNotExist, err), "it was removed by somebody, or never there"
		case "NoSuchBucket":
			mend = "make the bucket, or mend its name in the configuration"
		case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken":
			mend = "allow it to the principal in its IAM policy, or mend its credentials"
		case "InvalidRequest":
			mend = "if it says that the bucket has no object lock: make one with it, or set object_lock = false"
		default:
			mend = "see what S3 says"
		}
	}
	return fmt.Errorf("%s: %s %s: %s: %w", t.Name(), doing, name, mend, err)
}

func (t *target) lock(until time.Time) (types.ObjectLockMode, *time.Time) {
	if !t.o.Lock || until.IsZero() {
		return "", nil
	}
	return types.ObjectLockModeCompliance, &until
}

func (t *target) Put(ctx context.Context, name string, from *io.SectionReader, until time.Time) error {
	if from.Size() > t.part {
		return t.explain("writing", name, t.putParts(ctx, name, from, until))
	}
	mode, hold := t.lock(until)
	sum, err := checksum(from)
	if err != nil {
		return err
	}
	_, err = t.client.PutObject(ctx, &service.PutObjectInput{
		Bucket: &t.o.Bucket, Key: t.key(name), Body: from, ContentLength: aws.Int64(from.Size()), ContentType: aws.String("application/octet-stream"),
		ChecksumSHA256: sum, ObjectLockMode: mode, ObjectLockRetainUntilDate: hold,
	})
	return t.explain("writing", name, err)
}

// checksum is the SHA-256 that S3 holds a body to, and leaves the body at its beginning. It is sent in a header: what the SDK would do
// by itself, a trailer in chunks, not every service understands.
func checksum(from *io.SectionReader) (*string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, from); err != nil {
		return nil, err
	}
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return aws.String(base64.StdEncoding.EncodeToString(h.Sum(nil))), nil
}

// putParts writes a large object; it is there when the last request has been answered, and not before.
func (t *target) putParts(ctx context.Context, name string, from *io.SectionReader, until time.Time) (err error) {
	mode, hold := t.lock(until)
	begun, err := t.client.CreateMultipartUpload(ctx, &service.CreateMultipartUploadInput{
		Bucket: &t.o.Bucket, Key: t.key(name), ContentType: aws.String("application/octet-stream"),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ObjectLockMode: mode, ObjectLockRetainUntilDate: hold,
	})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil { // parts that nobody completes are paid for
			_, aborted := t.client.AbortMultipartUpload(context.WithoutCancel(ctx), &service.AbortMultipartUploadInput{Bucket: &t.o.Bucket, Key: t.key(name), UploadId: begun.UploadId})
			err = errors.Join(err, aborted)
		}
	}()
	var parts []types.CompletedPart
	for at := int64(0); at < from.Size(); at += t.part {
		number := aws.Int32(int32(len(parts) + 1))
		size := min(t.part, from.Size()-at)
		part := io.NewSectionReader(from, at, size)
		sum, err := checksum(part)
		if err != nil {
			return err
		}
		sent, err := t.client.UploadPart(ctx, &service.UploadPartInput{
			Bucket: &t.o.Bucket, Key: t.key(name), UploadId: begun.UploadId, PartNumber: number, Body: part, ContentLength: &size, ChecksumSHA256: sum,
		})
		if err != nil {
			return err
		}
		parts = append(parts, types.CompletedPart{PartNumber: number, ETag: sent.ETag, ChecksumSHA256: sum})
	}
	_, err = t.client.CompleteMultipartUpload(ctx, &service.CompleteMultipartUploadInput{
		Bucket: &t.o.Bucket, Key: t.key(name), UploadId: begun.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	return err
}

func (t *target) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	out, err := t.client.GetObject(ctx, &service.GetObjectInput{Bucket: &t.o.Bucket, Key: t.key(name)})
	if err != nil {
		return nil, t.explain("reading", name, err)
	}
	return &body{out.Body, t.Name() + " " + name}, nil
}

// body gives errors of the connection the kind of those of a file: what is cut off on the way is no damage.
type body struct {
	io.ReadCloser
	name string
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &fs.PathError{Op: "read", Path: b.name, Err: err}
	}
	return n, err
}

func (t *target) List(ctx context.Context, prefix string) (all []backup.Stored, err error) {
	pages := service.NewListObjectsV2Paginator(t.client, &service.ListObjectsV2Input{Bucket: &t.o.Bucket, Prefix: t.key(prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, t.explain("listing", prefix, err)
		}
		for _, o := range page.Contents {
			all = append(all, backup.Stored{Name: t.name(o.Key), Bytes: aws.ToInt64(o.Size), Written: aws.ToTime(o.LastModified)})
		}
	}
	slices.SortFunc(all, func(a, b backup.Stored) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Remove removes every version of an object: what a marker merely hides could still be read.
func (t *target) Remove(ctx context.Context, name string) error {
	pages := service.NewListObjectVersionsPaginator(t.client, &service.ListObjectVersionsInput{Bucket: &t.o.Bucket, Prefix: t.key(name)})
	var versions []*string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return t.explain("removing", name, err)
		}
		for _, v := range page.Versions {
			if t.name(v.Key) == name {
				versions = append(versions, v.VersionId)
			}
		}
		for _, v := range page.DeleteMarkers {
			if t.name(v.Key) == name {
				versions = append(versions, v.VersionId)
			}
		}
	}
	for _, v := range versions {
		_, err := t.client.DeleteObject(ctx, &service.DeleteObjectInput{Bucket: &t.o.Bucket, Key: t.key(name), VersionId: v})
		var e interface{ ErrorCode() string }
		if t.o.Lock && errors.As(err, &e) && e.ErrorCode() == "AccessDenied" {
			return fmt.Errorf("%s: removing %s: %w: %w", t.Name(), name, backup.ErrHeld, err)
		}
		if err != nil {
			return t.explain("removing", name, err)
		}
	}
	return nil
}

func (t *target) Hold(ctx context.Context, name string, until time.Time) error {
	mode, hold := t.lock(until)
	if hold == nil {
		return nil
	}
	_, err := t.client.PutObjectRetention(ctx, &service.PutObjectRetentionInput{
		Bucket: &t.o.Bucket, Key: t.key(name), ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
		Retention: &types.ObjectLockRetention{Mode: types.ObjectLockRetentionMode(mode), RetainUntilDate: hold},
	})
	return t.explain("holding", name, err)
}
