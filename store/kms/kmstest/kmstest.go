// Package kmstest is AWS Key Management Service, small enough to read: what the tests and a throw-away appliance wrap their
// root key with, and have seals signed by.
//
// It is real HTTP (protocol awsJson1.1) behind net/http: it checks the SigV4 signature of every request, the region, the key
// and the encryption context, and refuses any member that it does not know, so that a caller who leans on something
// that is not played here hears of it. Played are Encrypt and Decrypt with SYMMETRIC_DEFAULT, GetPublicKey and Sign (of a digest)
// with ECC_NIST_P256, the states of a key, and on demand a denial or throttling. Its ciphertexts are not those of AWS, and its keys live in memory.
//
// Begin at [New] and [Server.ServeHTTP]. Source of names and statuses: AWS KMS API reference (2014-11-01).
package kmstest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/internal/sigv4"
)

// The example credentials of the AWS documentation, which no account has.
const (
	ExampleKeyID     = "AKIAIOSFODNN7EXAMPLE"
	ExampleSecretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

// account is the example account number of the AWS documentation.
const account = "111122223333"

// The states of a key that are played (KeyState in the API reference).
const (
	Enabled         = "Enabled"
	Disabled        = "Disabled"
	PendingDeletion = "PendingDeletion"
)

// Options configure a Server.
type Options struct {
	// Rand makes keys and nonces. Required.
	Rand io.Reader

	// AccessKeyID, SecretKey and SessionToken are the credentials that requests must be signed with. Empty ids and keys
	// mean [ExampleKeyID] and [ExampleSecretKey].
	AccessKeyID, SecretKey, SessionToken string

	// Region is the region of the credential scope and of ARNs; "" means us-east-1.
	Region string

	// Now is the clock that signatures are held against; nil: time.Now.
	Now func() time.Time
}

// Server is the emulator. It is an http.Handler, safe for concurrent use.
type Server struct {
	options  Options
	verifier sigv4.Verifier

	mu       sync.Mutex // guards all below
	keys     map[string]*key
	refusals []*refusal // for the next requests
	requests []Request
}

type key struct {
	aead    cipher.AEAD       // of a symmetric key
	private *ecdsa.PrivateKey // of one that signs
	state   string
}

// Request is one that came with a good signature.
type Request struct {
	Operation string // "Encrypt"
	KeyID     string
	Context   map[string]string
}

// New makes a server without keys.
func New(o Options) *Server {
	if o.Rand == nil {
		panic("kmstest: Options.Rand is missing")
	}
	if o.AccessKeyID == "" {
		o.AccessKeyID, o.SecretKey = ExampleKeyID, ExampleSecretKey
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Server{options: o, keys: map[string]*key{}, verifier: sigv4.Verifier{Service: "kms", Region: o.Region,
		Secret: func(id string) (string, string, bool) { return o.SecretKey, o.SessionToken, id == o.AccessKeyID }}}
}

// CreateKey makes a symmetric key and returns its ARN. The error is that of the source of randomness.
func (s *Server) CreateKey() (arn string, err error) {
	var random [16 + 32]byte
	if _, err := io.ReadFull(s.options.Rand, random[:]); err != nil {
		return "", fmt.Errorf("drawing a key: %w", err)
	}
	block, err := aes.NewCipher(random[16:])
	if err != nil {
		return "", err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return "", err
	}
	return s.add([16]byte(random[:16]), &key{aead: aead, state: Enabled}), nil
}

func (s *Server) add(random [16]byte, k *key) (arn string) {
	id := hex.EncodeToString(random[:])
	arn = fmt.Sprintf("arn:aws:kms:%s:%s:key/%s-%s-%s-%s-%s", s.options.Region, account, id[:8], id[8:12], id[12:16], id[16:20], id[20:])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[arn] = k
	return arn
}

// SetState puts a key into one of the states above. It panics for a key that was not made here.
func (s *Server) SetState(arn, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[arn].state = state
}

// Deny makes AWS refuse the next n requests for want of rights; Throttle for their number.
func (s *Server) Deny(n int) {
	s.refuse(n, &refusal{http.StatusBadRequest, "AccessDeniedException", "User: arn:aws:iam::" + account + ":user/example is not authorized to perform this action"})
}

// Throttle makes AWS refuse the next n requests for their number. The SDK tries again.
func (s *Server) Throttle(n int) {
	s.refuse(n, &refusal{http.StatusBadRequest, "ThrottlingException", "Rate exceeded"})
}

func (s *Server) refuse(n int, r *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.refusals = append(s.refusals, r)
	}
}

// Requests are those that came with a good signature, in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// refusal is an exception of the service.
type refusal struct {
	status  int
	name    string
	message string
}

func (r *refusal) Error() string { return r.name + ": " + r.message }

// ServeHTTP answers one request as AWS would.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := s.answer(r)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	var no *refusal
	var fault *sigv4.Fault
	switch {
	case err == nil:
		_ = json.NewEncoder(w).Encode(answer) // a client that has gone away needs no answer
		return
	case errors.As(err, &fault):
		no = &refusal{fault.Status, fault.Code, fault.Reason}
	case !errors.As(err, &no):
		no = &refusal{http.StatusInternalServerError, "KMSInternalException", err.Error()}
	}
	w.WriteHeader(no.status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": no.name, "message": no.message})
}

func (s *Server) answer(r *http.Request) (any, error) {
	if r.Method != http.MethodPost || r.URL.Path != "/" || r.URL.RawQuery != "" {
		return nil, &refusal{http.StatusNotFound, "UnknownOperationException", r.Method + " " + r.URL.String()}
	}
	if _, err := s.verifier.Verify(r, s.options.Now()); err != nil {
		return nil, err
	}
	if t := r.Header.Get("Content-Type"); t != "application/x-amz-json-1.1" {
		return nil, &refusal{http.StatusBadRequest, "SerializationException", "Content-Type " + t}
	}
	body, err := io.ReadAll(r.Body) // bounded by the verifier
	if err != nil {
		return nil, err
	}
	switch target := r.Header.Get("X-Amz-Target"); target {
	case "TrentService.Encrypt":
		return s.encrypt(body)
	case "TrentService.Decrypt":
		return s.decrypt(body)
	case "TrentService.Sign":
		return s.sign(body)
	case "TrentService.GetPublicKey":
		return s.publicKey(body)
	default:
		return nil, &refusal{http.StatusBadRequest, "UnknownOperationException", target}
	}
}

// members takes the request apart; a member that is not played is refused.
func members(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return &refusal{http.StatusBadRequest, "SerializationException", err.Error()}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return &refusal{http.StatusBadRequest, "SerializationException", "something follows the request"}
	}
	return nil
}

// use notes the request and finds the key, refusing as ordered or as the key's state wants it.
func (s *Server) use(operation, arn string, context map[string]string) (*key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{operation, arn, context})
	if len(s.refusals) > 0 {
		next := s.refusals[0]
		s.refusals = s.refusals[1:]
		return nil, next
	}
	k := s.keys[arn]
	switch {
	case k == nil:
		return nil, &refusal{http.StatusBadRequest, "NotFoundException", "Key '" + arn + "' does not exist"}
	case k.state == Disabled:
		return nil, &refusal{http.StatusBadRequest, "DisabledException", arn + " is disabled."}
	case k.state == PendingDeletion:
		return nil, &refusal{http.StatusBadRequest, "KMSInvalidStateException", arn + " is pending deletion."}
	}
	return k, nil
}
