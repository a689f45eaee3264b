package sigv4_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/internal/sigv4"
)

var (
	now  = time.Date(2026, 8, 3, 12, 0, 0, 0, time.UTC)
	keys = aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
)

func verifier(service string, c aws.Credentials) *sigv4.Verifier {
	return &sigv4.Verifier{Service: service, Region: "us-east-1", Secret: func(id string) (string, string, bool) {
		return c.SecretAccessKey, c.SessionToken, id == c.AccessKeyID
	}}
}

// signed is a request signed by the SDK's signer, for the service at the time.
func signed(t testing.TB, service, method, target, body string, c aws.Credentials, at time.Time, header http.Header) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	sum := sha256.Sum256([]byte(body))
	digest := hex.EncodeToString(sum[:])
	if service == "s3" {
		if r.Header.Get("X-Amz-Content-Sha256") != "" {
			digest = r.Header.Get("X-Amz-Content-Sha256")
		}
		r.Header.Set("X-Amz-Content-Sha256", digest)
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	if err := signer.SignHTTP(context.Background(), c, r, digest, service, "us-east-1", at); err != nil {
		t.Fatal(err)
	}
	return r
}

// received is the request as a server sees it, after the wire.
func received(t testing.TB, r *http.Request) *http.Request {
	t.Helper()
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// escaped is text as one element of a path or a query.
func escaped(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

const arn = "arn%3Aaws%3Abraket%3A%3A%3Adevice%2Fquantum-simulator%2Famazon%2Fsv1"

func TestVerifyAcceptsWhatTheSDKSigns(t *testing.T) {
	temporary := keys
	temporary.SessionToken = "FwoGZXIvYXdzE//token=="
	for name, c := range map[string]struct {
		service, method, target, body string
		credentials                   aws.Credentials
		header                        http.Header
	}{
		"post":           {"braket", "POST", "http://127.0.0.1:9/quantum-task", `{"shots":5}`, keys, http.Header{"Content-Type": {"application/json"}}},
		"arn in path":    {"braket", "GET", "http://127.0.0.1:9/device/" + arn, "", keys, nil},
		"query":          {"braket", "GET", "http://127.0.0.1:9/quantum-task/" + arn + "?b=2&additionalAttributeNames=QueueInfo&b=1%20x%2Fy&c=", "", keys, nil},
		"blanks":         {"kms", "POST", "http://127.0.0.1:9/", "{}", keys, http.Header{"X-Amz-Target": {"TrentService.Decrypt"}, "X-Note": {"  a   b ", "c"}}},
		"token":          {"kms", "POST", "http://127.0.0.1:9/", "{}", temporary, nil},
		"object":         {"s3", "GET", "http://127.0.0.1:9/bucket/a%20b/%2B/results.json?x-id=GetObject", "", keys, nil},
		"object, sent":   {"s3", "PUT", "http://127.0.0.1:9/bucket/key", "content", keys, nil},
		"unsigned":       {"s3", "PUT", "http://127.0.0.1:9/bucket/key", "content", keys, http.Header{"X-Amz-Content-Sha256": {"UNSIGNED-PAYLOAD"}}},
		"no path at all": {"kms", "POST", "http://127.0.0.1:9", "{}", keys, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := received(t, signed(t, c.service, c.method, c.target, c.body, c.credentials, now, c.header))
			id, err := verifier(c.service, c.credentials).Verify(r, now.Add(4*time.Minute))
			if err != nil || id != keys.AccessKeyID {
				t.Fatalf("got %q, %v", id, err)
			}
			if body, _ := io.ReadAll(r.Body); string(body) != c.body {
				t.Errorf("the handler would read %q", body)
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	good := func(t *testing.T) *http.Request {
		return received(t, signed(t, "braket", "POST", "http://127.0.0.1:9/quantum-task?a=1", `{"shots":5}`, keys, now, http.Header{"Content-Type": {"application/json"}}))
	}
	authorization := func(old, changed string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, changed, 1))
		}
	}
	for name, c := range map[string]struct {
		change func(*http.Request)
		code   string
	}{
		"nothing":          {func(r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthenticationTokenException"},
		"two of them":      {func(r *http.Request) { r.Header.Add("Authorization", "x") }, "IncompleteSignatureException"},
		"algorithm":        {authorization("SHA256", "SHA1"), "IncompleteSignatureException"},
		"region":           {authorization("us-east-1", "us-west-2"), "InvalidSignatureException"},
		"service":          {authorization("/braket/", "/s3/"), "InvalidSignatureException"},
		"day":              {authorization("20260803", "20260802"), "InvalidSignatureException"},
		"termination":      {authorization("aws4_request", "aws5_request"), "IncompleteSignatureException"},
		"order of headers": {authorization("content-type;host", "host;content-type"), "IncompleteSignatureException"},
		"host not signed":  {authorization("host;", ""), "IncompleteSignatureException"},
		"date not signed":  {authorization(";x-amz-date", ""), "InvalidSignatureException"},
		"type not signed":  {authorization("content-type;", ""), "InvalidSignatureException"},
		"absent header":    {authorization("host;", "host;range;"), "IncompleteSignatureException"},
		"short signature":  {authorization("Signature=", "Signature=00"), "IncompleteSignatureException"},
		"unknown key":      {authorization("AKIDEXAMPLE", "AKIDANOTHER"), "UnrecognizedClientException"},
		"token":            {authorizedToken, "UnrecognizedClientException"},
		"date":             {func(r *http.Request) { r.Header.Set("X-Amz-Date", "yesterday") }, "IncompleteSignatureException"},
		"method":           {func(r *http.Request) { r.Method = "PUT" }, "InvalidSignatureException"},
		"path":             {func(r *http.Request) { r.URL.Path = "/quantum-tasks" }, "InvalidSignatureException"},
		"query":            {func(r *http.Request) { r.URL.RawQuery = "a=2" }, "InvalidSignatureException"},
		"broken query":     {func(r *http.Request) { r.URL.RawQuery = "a=%zz" }, "IncompleteSignatureException"},
		"host":             {func(r *http.Request) { r.Host = "127.0.0.1:10" }, "InvalidSignatureException"},
		"content type":     {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, "InvalidSignatureException"},
		"body":             {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{"shots":6}`)) }, "InvalidSignatureException"},
		"added header":     {func(r *http.Request) { r.Header.Set("X-Amz-Target", "x") }, "InvalidSignatureException"},
		"large body":       {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(strings.Repeat(" ", 1<<20+1))) }, "RequestEntityTooLargeException"},
		"claimed digest": {func(r *http.Request) {
			r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
			authorization(";x-amz-date", ";x-amz-content-sha256;x-amz-date")(r)
		}, "XAmzContentSHA256Mismatch"},
	} {
		t.Run(name, func(t *testing.T) {
			r := good(t)
			c.change(r)
			wantFault(t, r, verifier("braket", keys), now, c.code)
		})
	}
	t.Run("day of the scope", func(t *testing.T) {
		r := good(t)
		authorization("20260803", "20260802")(r)
		if _, err := verifier("braket", keys).Verify(r, now); err == nil || !strings.Contains(err.Error(), "credential's day") {
			t.Error(err)
		}
	})
	t.Run("old", func(t *testing.T) {
		wantFault(t, good(t), verifier("braket", keys), now.Add(6*time.Minute), "InvalidSignatureException")
	})
	t.Run("early", func(t *testing.T) {
		wantFault(t, good(t), verifier("braket", keys), now.Add(-6*time.Minute), "InvalidSignatureException")
	})
	t.Run("other secret", func(t *testing.T) {
		other := keys
		other.SecretAccessKey += "x"
		wantFault(t, good(t), verifier("braket", other), now, "InvalidSignatureException")
	})
	t.Run("S3 without digest", func(t *testing.T) {
		r := received(t, signed(t, "s3", "GET", "http://127.0.0.1:9/b/k", "", keys, now, nil))
		r.Header.Del("X-Amz-Content-Sha256")
		wantFault(t, r, verifier("s3", keys), now, "XAmzContentSHA256Mismatch")
	})
}

func authorizedToken(r *http.Request) {
	r.Header.Set("X-Amz-Security-Token", "stolen")
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), ";x-amz-date", ";x-amz-date;x-amz-security-token", 1))
}

func wantFault(t *testing.T, r *http.Request, v *sigv4.Verifier, at time.Time, code string) {
	t.Helper()
	_, err := v.Verify(r, at)
	var fault *sigv4.Fault
	if !errors.As(err, &fault) || fault.Code != code {
		t.Fatalf("got %v, want %s", err, code)
	}
	if strings.Contains(err.Error(), keys.SecretAccessKey) {
		t.Errorf("the message holds the secret: %v", err)
	}
}

// TestVerifyAgreesWithTheSDK signs requests with awkward paths, queries and header values.
func TestVerifyAgreesWithTheSDK(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringMatching(`[ -~]{0,12}`)
		service := rapid.SampledFrom([]string{"braket", "kms", "s3"}).Draw(rt, "service")
		r := signed(t, service, "POST", "http://127.0.0.1:9/"+escaped(text.Draw(rt, "path"))+"?"+escaped(text.Draw(rt, "name"))+"="+escaped(text.Draw(rt, "value"))+"&"+escaped(text.Draw(rt, "second"))+"-=1",
			text.Draw(rt, "body"), keys, now, http.Header{"X-Amz-Meta-Note": {rapid.StringMatching(`[!-~]([ -~]{0,9}[!-~])?`).Draw(rt, "header")}})
		got := r.Clone(t.Context())
		got.Host = r.URL.Host
		if _, err := verifier(service, keys).Verify(got, now); err != nil {
			rt.Fatalf("%s %s: %v", service, r.URL, err)
		}
	})
}
