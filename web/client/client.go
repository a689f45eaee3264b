package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Options of a client. BaseURL and HTTP are needed.
type Options struct {
	// BaseURL is the appliance, as in https://qrsd.example.com:8443, without a path.
	BaseURL string
	// HTTP sends the requests: the client of an outbound.Dialer, whose options hold the certificate authorities to trust (of an
	// appliance with a certificate of its own making, that certificate). It must not have a cookie jar.
	HTTP *http.Client
	// APIKey is the whole key, as in qrs_.... With it nobody signs in.
	APIKey string
	// UserAgent is what the audit log says of the client; "" is "qrsd-client".
	UserAgent string
	// Retries is how often a request is asked again where the answer allows it (see the package); 0 is 3, negative never.
	Retries int
	// Patience is the longest time to wait before asking again; an answer that asks for more is returned as the error it is. 0 is one minute.
	Patience time.Duration
}

// Client calls one appliance, as one user or with one key. It is safe for many goroutines.
type Client struct {
	base      *url.URL
	http      *http.Client
	apiKey    secret
	userAgent string
	retries   int
	patience  time.Duration
	silence   time.Duration // of a stream of events, at most

	mu      sync.Mutex
	session secret // guarded by mu: value of the cookie
}

// New makes a client; it sends nothing. It fails where the options lack something or contradict themselves.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("base URL: %w", err)
	}
	switch {
	case base.Scheme != "https" || base.Host == "" || strings.Trim(base.Path, "/") != "" || base.RawQuery != "" || base.User != nil:
		return nil, fmt.Errorf("base URL %q: give it as https://host or https://host:port, without a path", base.Redacted())
	case o.HTTP == nil:
		return nil, errors.New("HTTP: a client is needed that sends the requests")
	case o.HTTP.Jar != nil:
		return nil, errors.New("HTTP: its client has a cookie jar; the session's cookie is kept here")
	case o.APIKey != "" && !strings.HasPrefix(o.APIKey, "qrs_"):
		return nil, errors.New("API key: it does not begin with qrs_; give the whole key as it was shown")
	}
	c := &Client{
		base: &url.URL{Scheme: base.Scheme, Host: base.Host}, http: o.HTTP, apiKey: newSecret(o.APIKey),
		userAgent: o.UserAgent, retries: o.Retries, patience: o.Patience, silence: silentAtMost,
	}
	if c.userAgent == "" {
		c.userAgent = "qrsd-client"
	}
	if c.retries == 0 {
		c.retries = 3
	}
	if c.patience == 0 {
		c.patience = time.Minute
	}
	return c, nil
}

// As is another client of the same appliance, with nobody signed in and no key.
func (c *Client) As() *Client {
	return &Client{base: c.base, http: c.http, userAgent: c.userAgent, retries: c.retries, patience: c.patience, silence: c.silence}
}

// SignedIn reports whether the client has a session or an API key. Whether it still counts, the appliance says.
func (c *Client) SignedIn() bool { return !c.apiKey.none() || !c.token().none() }

func (c *Client) token() secret {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

func (c *Client) setToken(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = newSecret(text)
}

// secret is a key or a token: what prints or encodes the client does not show it.
type secret struct{ reveal func() string }

func newSecret(text string) secret {
	if text == "" {
		return secret{}
	}
	return secret{func() string { return text }}
}

func (s secret) none() bool { return s.reveal == nil }
