// Package sigv4 checks AWS Signature Version 4 on the side of the server: the emulators of AWS services that
// the tests and the throw-away appliance talk to accept a request only as AWS would.
//
// It holds [Verifier], which checks the Authorization header of one request, and [Fault], what AWS answers
// otherwise. It signs nothing (clients use the signer of the AWS SDK), takes no presigned URL, no chunked
// upload and no asymmetric signature.
//
// Begin reading at [Verifier.Verify]; the canonical request is in canonical.go. Source: AWS General Reference,
// "Create a signed AWS API request",
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
package sigv4

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	algorithm   = "AWS4-HMAC-SHA256"
	termination = "aws4_request"
	dateForm    = "20060102T150405Z"

	// unsignedPayload stands for the digest of a body that the signature does not cover (Amazon S3 only).
	unsignedPayload = "UNSIGNED-PAYLOAD"

	defaultSkew    = 5 * time.Minute
	defaultMaxBody = 1 << 20
)

// Verifier says which signatures are good. The fields must not change while requests are verified.
type Verifier struct {
	// Service is the service name of the credential scope, "braket", "kms", "s3". Required.
	Service string

	// Region is the region of the credential scope, "us-east-1". Required.
	Region string

	// Secret finds the secret access key of an access key id, and the session token that temporary
	// credentials must bring ("" for lasting ones). ok is false for an unknown id. Required.
	Secret func(accessKeyID string) (secretKey, sessionToken string, ok bool)

	// Skew is by how much a request's time may differ from the server's; 0 means the five minutes of AWS.
	Skew time.Duration

	// MaxBody is the largest body in bytes; 0 means 1 MiB.
	MaxBody int64
}

// Fault is a refusal in the words of AWS.
type Fault struct {
	// Code is the exception's name as AWS puts it into X-Amzn-ErrorType, e.g. "InvalidSignatureException".
	Code string

	// Status is the HTTP status, 400, 403 or 413.
	Status int

	// Reason says what is wrong with which part of the request; it never holds a key or a good signature.
	Reason string
}

// Error is "Code: Reason".
func (f *Fault) Error() string { return f.Code + ": " + f.Reason }

func malformed(format string, values ...any) *Fault {
	return &Fault{"IncompleteSignatureException", http.StatusBadRequest, fmt.Sprintf(format, values...)}
}

func refused(code, format string, values ...any) *Fault {
	return &Fault{code, http.StatusForbidden, fmt.Sprintf(format, values...)}
}

// Verify checks the signature of a request as received by an HTTP server at the time now, and returns the
// access key id that signed it. It reads the body and puts it back, so that the handler can read it again.
//
// Checked are, in this order: algorithm and form of Authorization; credential scope (date, region, service);
// X-Amz-Date within Skew; that host, content-type and every x-amz- header are signed; the session token; the
// payload's digest; the signature itself, in constant time. Every refusal is a *[Fault]; any other error is one of
// reading the body.
func (v *Verifier) Verify(r *http.Request, now time.Time) (accessKeyID string, err error) {
	if v.Service == "" || v.Region == "" || v.Secret == nil {
		panic("sigv4: a Verifier needs Service, Region and Secret")
	}
	a, err := parseAuthorization(r)
	if err != nil {
		return "", err
	}
	if err := v.checkScope(a, r, now); err != nil {
		return "", err
	}
	if err := checkSignedHeaders(a.signedHeaders, r); err != nil {
		return "", err
	}
	secret, token, ok := v.Secret(a.keyID)
	if !ok || subtle.ConstantTimeCompare([]byte(token), []byte(r.Header.Get("X-Amz-Security-Token"))) != 1 {
		return "", refused("UnrecognizedClientException", "the security token included in the request is invalid")
	}
	digest, err := v.payloadDigest(r)
	if err != nil {
		return "", err
	}
	request, err := canonicalRequest(r, a.signedHeaders, digest, v.Service != "s3")
	if err != nil {
		return "", err
	}
	want := v.signature(secret, a, request)
	if subtle.ConstantTimeCompare(want[:], a.signature) != 1 {
		return "", refused(v.mismatchCode(), "the request signature we calculated does not match the signature you provided; "+
			"check your secret access key and signing method")
	}
	return a.keyID, nil
}

// mismatchCode differs: Amazon S3 has its own names.
func (v *Verifier) mismatchCode() string {
	if v.Service == "s3" {
		return "SignatureDoesNotMatch"
	}
	return "InvalidSignatureException"
}

// authorization is a parsed Authorization header.
type authorization struct {
	keyID, day, region, service string
	signedHeaders               []string
	signature                   []byte
	date                        time.Time // of X-Amz-Date
}

// parseAuthorization reads "AWS4-HMAC-SHA256 Credential=id/day/region/service/aws4_request, SignedHeaders=a;b, Signature=hex".
func parseAuthorization(r *http.Request) (authorization, error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return authorization{}, refused("MissingAuthenticationTokenException", "the request has no Authorization header")
	}
	name, rest, _ := strings.Cut(values[0], " ")
	if len(values) > 1 || name != algorithm {
		return authorization{}, malformed("Authorization must be one header that begins with %s", algorithm)
	}
	var fields [3]string
	parts := strings.Split(rest, ",")
	if len(parts) != len(fields) {
		return authorization{}, malformed("Authorization has %d parts; it needs Credential, SignedHeaders, Signature", len(parts))
	}
	for i, name := range []string{"Credential=", "SignedHeaders=", "Signature="} {
		value, ok := strings.CutPrefix(strings.TrimSpace(parts[i]), name)
		if !ok || value == "" {
			return authorization{}, malformed("Authorization: part %d must be %s...", i+1, name)
		}
		fields[i] = value
	}
	scope := strings.Split(fields[0], "/")
	if len(scope) != 5 || scope[4] != termination {
		return authorization{}, malformed("Credential must be id/day/region/service/%s", termination)
	}
	a := authorization{keyID: scope[0], day: scope[1], region: scope[2], service: scope[3], signedHeaders: strings.Split(fields[1], ";")}
	var err error
	if a.signature, err = hex.DecodeString(fields[2]); err != nil || len(a.signature) != sha256.Size {
		return authorization{}, malformed("Signature must be %d hexadecimal digits", 2*sha256.Size)
	}
	if a.date, err = time.Parse(dateForm, r.Header.Get("X-Amz-Date")); err != nil {
		return authorization{}, malformed("X-Amz-Date %q must have the form %s", r.Header.Get("X-Amz-Date"), dateForm)
	}
	return a, nil
}

func (v *Verifier) checkScope(a authorization, r *http.Request, now time.Time) error {
	code := v.mismatchCode()
	switch {
	case a.region != v.Region:
		return refused(code, "credential should be scoped to region %s, not %q", v.Region, a.region)
	case a.service != v.Service:
		return refused(code, "credential should be scoped to service %s, not %q", v.Service, a.service)
	case a.day != a.date.Format("20060102"):
		return refused(code, "the credential's day %q is not that of X-Amz-Date %s", a.day, r.Header.Get("X-Amz-Date"))
	}
	skew := v.Skew
	if skew == 0 {
		skew = defaultSkew
	}
	switch {
	case now.Sub(a.date) > skew:
		return refused(code, "signature expired: %s is now earlier than %s less %s", a.date.Format(dateForm), now.UTC().Format(dateForm), skew)
	case a.date.Sub(now) > skew:
		return refused(code, "signature not yet current: %s is still later than %s plus %s", a.date.Format(dateForm), now.UTC().Format(dateForm), skew)
	}
	return nil
}

// checkSignedHeaders wants sorted lower-case names, no name twice, and no header left out that changes the request's meaning.
func checkSignedHeaders(signed []string, r *http.Request) error {
	for i, name := range signed {
		if name == "" || name != strings.ToLower(name) || i > 0 && name <= signed[i-1] {
			return malformed("SignedHeaders must be lower-case names in order, each once")
		}
	}
	if !slices.Contains(signed, "host") {
		return malformed("SignedHeaders must contain host")
	}
	for name := range r.Header {
		name = strings.ToLower(name)
		if (strings.HasPrefix(name, "x-amz-") || name == "content-type") && !slices.Contains(signed, name) {
			return refused("InvalidSignatureException", "the header %s is present and must be signed", name)
		}
	}
	return nil
}

// payloadDigest is the digest for the canonical request, after checking that the body has it.
func (v *Verifier) payloadDigest(r *http.Request) (string, error) {
	limit := v.MaxBody
	if limit == 0 {
		limit = defaultMaxBody
	}
	body := []byte(nil)
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(io.LimitReader(r.Body, limit+1)); err != nil {
			return "", fmt.Errorf("reading the request's body: %w", err)
		}
	}
	if int64(len(body)) > limit {
		return "", &Fault{"RequestEntityTooLargeException", http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", limit)}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	sum := sha256.Sum256(body)
	digest := hex.EncodeToString(sum[:])
	switch claimed := r.Header.Get("X-Amz-Content-Sha256"); {
	case claimed == "" && v.Service != "s3":
		return digest, nil // other services take the digest from the body
	case claimed == unsignedPayload && v.Service == "s3":
		return claimed, nil
	case claimed != digest:
		return "", &Fault{"XAmzContentSHA256Mismatch", http.StatusBadRequest, "x-amz-content-sha256 does not match the body"}
	}
	return digest, nil
}

// signature is steps 2 to 4 of the specification: string to sign, signing key, HMAC.
func (v *Verifier) signature(secret string, a authorization, request string) [sha256.Size]byte {
	digest := sha256.Sum256([]byte(request))
	scope := strings.Join([]string{a.day, a.region, a.service, termination}, "/")
	toSign := strings.Join([]string{algorithm, a.date.Format(dateForm), scope, hex.EncodeToString(digest[:])}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{a.day, a.region, a.service, termination} {
		key = keyed(key, part)
	}
	return [sha256.Size]byte(keyed(key, toSign))
}

func keyed(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
