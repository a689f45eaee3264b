package kms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	service "github.com/aws/aws-sdk-go-v2/service/kms"
)

// Method is the word for this kind of key in the key file and on the command line.
const Method = "aws-kms"

// MaxSecret is the most that Encrypt takes, in bytes.
const MaxSecret = 4096

const (
	attempts    = 4               // of one call, the first included
	maxPause    = 2 * time.Second // between two of them
	callTimeout = 30 * time.Second
)

// Options say which key, and the way to it.
type Options struct {
	// HTTP comes from internal/outbound, for the purpose keys. Required.
	HTTP *http.Client

	// Credentials sign the requests. Required.
	Credentials aws.CredentialsProvider

	// ARN is the key's, "arn:aws:kms:us-east-1:111122223333:key/...". It holds the region. An alias is refused, because it can be
	// pointed at another key while the key file still needs this one. Required.
	ARN string

	// Endpoint is the service's URL without a path, for a VPC or FIPS endpoint; "" means that of AWS in the key's region.
	Endpoint string
}

var arnForm = regexp.MustCompile(`^arn:aws(-[a-z]+)*:kms:([a-z]{2}(?:-[a-z]+)+-[0-9]):[0-9]{12}:key/[A-Za-z0-9-]{1,128}$`)

// Key is a symmetric KMS key. It is safe for concurrent use and prints as its ARN.
type Key struct {
	client *service.Client
	arn    string
	host   string
}

// New makes the adapter, without a request. The errors say which option cannot be, and why.
func New(o Options) (*Key, error) {
	if o.HTTP == nil || o.Credentials == nil {
		return nil, errors.New("AWS KMS: an HTTP client and credentials are needed")
	}
	match := arnForm.FindStringSubmatch(o.ARN)
	if match == nil {
		return nil, fmt.Errorf("AWS KMS: key %q: give the key's ARN, such as arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab (not an alias)", o.ARN)
	}
	k := &Key{arn: o.ARN, host: "kms." + match[2] + ".amazonaws.com:443"}
	options := service.Options{
		HTTPClient: o.HTTP, Credentials: o.Credentials, Region: match[2],
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = attempts, maxPause }),
	}
	if o.Endpoint != "" {
		u, err := url.Parse(o.Endpoint)
		if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
			return nil, fmt.Errorf("AWS KMS: endpoint %q: must be scheme://host:port alone", o.Endpoint)
		}
		options.BaseEndpoint = aws.String(o.Endpoint)
		k.host = hostPort(u)
	}
	k.client = service.New(options)
	return k, nil
}

func hostPort(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Host
	case u.Scheme == "http":
		return u.Host + ":80"
	}
	return u.Host + ":443"
}

// Reference is the key's ARN: what the key file says of the slot.
func (k *Key) Reference() string { return k.arn }

// Destination is the "host:port" that the adapter reaches, for the list of allowed destinations. (Credentials may need more.)
func (k *Key) Destination() string { return k.host }

// Wrap encrypts a secret of at most [MaxSecret] bytes under the KMS key, bound to the context. The errors say what to do about them.
func (k *Key) Wrap(ctx context.Context, secret []byte, context map[string]string) ([]byte, error) {
	if len(secret) == 0 || len(secret) > MaxSecret {
		return nil, fmt.Errorf("AWS KMS: a secret of %d bytes: 1 to %d are allowed", len(secret), MaxSecret)
	}
	ctx, cancel := within(ctx)
	defer cancel()
	out, err := k.client.Encrypt(ctx, &service.EncryptInput{KeyId: &k.arn, Plaintext: secret, EncryptionContext: context})
	if err != nil {
		return nil, k.explain("kms:Encrypt", err)
	}
	if err := k.sameKey(out.KeyId); err != nil {
		return nil, err
	}
	return out.CiphertextBlob, nil
}

// Unwrap is the inverse of Wrap. A changed byte, another context or another key is [ErrRefused].
func (k *Key) Unwrap(ctx context.Context, wrapped []byte, context map[string]string) ([]byte, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	out, err := k.client.Decrypt(ctx, &service.DecryptInput{KeyId: &k.arn, CiphertextBlob: wrapped, EncryptionContext: context})
	if err != nil {
		return nil, k.explain("kms:Decrypt", err)
	}
	if err := k.sameKey(out.KeyId); err != nil {
		clear(out.Plaintext)
		return nil, err
	}
	return out.Plaintext, nil
}

func within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, callTimeout)
}

func (k *Key) sameKey(answered *string) error {
	if aws.ToString(answered) != k.arn {
		return fmt.Errorf("AWS KMS answered for the key %q, asked was %s", aws.ToString(answered), k.arn)
	}
	return nil
}
