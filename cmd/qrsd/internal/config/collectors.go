package config

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/collector"
	"github.com/qrsrisk/qrsd/internal/outbound"
)

// Traces is a collector of OpenTelemetry that is told of requests and of stages of runs.
type Traces struct {
	Endpoint      string // URL, to which /v1/traces is appended
	Authorization Secret // header of that name; none: none is sent
}

// Errors is a service that speaks Sentry's protocol and is told of faults of the program.
type Errors struct {
	Endpoint string // URL of the DSN, without key and project: what may be dialled is said here
	DSN      Secret // "https://KEY@HOST/PROJECT"
}

// endpoint is the destination of a URL.
func endpoint(text string, purpose outbound.Purpose) outbound.Destination {
	u, err := url.Parse(text)
	if err != nil {
		panic("config: an endpoint was not checked: " + err.Error())
	}
	d := outbound.Destination{Host: u.Hostname(), Port: 443, Purpose: purpose, Plaintext: u.Scheme == "http"}
	if d.Plaintext {
		d.Port = 80
	}
	if n, err := strconv.Atoi(u.Port()); err == nil {
		d.Port = n
	}
	return d
}

// collectorDestinations are where traces and errors go: naming them allows these and no others.
func (c *Config) collectorDestinations() (all []outbound.Destination) {
	if c.Traces != nil {
		all = append(all, endpoint(c.Traces.Endpoint, collector.ForTraces))
	}
	if c.Errors != nil {
		all = append(all, endpoint(c.Errors.Endpoint, collector.ForErrors))
	}
	return all
}

func tracesKeys(t *Traces) body {
	return body{keys: []key{
		{name: "endpoint", required: true, set: text(&t.Endpoint, collectorURL)},
		{name: "authorization", set: secret(&t.Authorization)},
	}}
}

func errorsKeys(e *Errors) body {
	return body{keys: []key{
		{name: "endpoint", required: true, set: text(&e.Endpoint, endpointURL)},
		{name: "dsn", required: true, set: secret(&e.DSN)},
	}}
}

// collectorURL is a URL that may have a path: some services have one for each customer.
func collectorURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || bareHost(u.Hostname()) != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("must be https://host, https://host:port or either with a path, without user, password and question mark")
	}
	if strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), "/v1/traces") {
		return errors.New("/v1/traces is appended by itself: leave it out")
	}
	return nil
}

// collectors checks the secrets of traces and errors, and that a DSN leads where the configuration says.
func (k *checker) collectors(c *Config) {
	if t := c.Traces; t != nil {
		if !t.Authorization.IsZero() {
			k.secret("traces.authorization", t.Authorization)
		}
		k.plain("traces.endpoint", t.Endpoint)
	}
	if c.Errors == nil {
		return
	}
	k.plain("errors.endpoint", c.Errors.Endpoint)
	words, err := c.Errors.DSN.Read()
	if err == nil {
		var to collector.DSN
		if to, err = collector.ParseDSN(words.Reveal()); err == nil && endpoint(to.Site, collector.ForErrors) != endpoint(strings.ToLower(c.Errors.Endpoint), collector.ForErrors) {
			err = fmt.Errorf("it leads to %s, and errors.endpoint is %s: name the same in both", to.Site, c.Errors.Endpoint)
		}
	}
	if err != nil {
		k.fault("errors.dsn", "%v", err)
	}
}

func (k *checker) plain(key, url string) {
	if strings.HasPrefix(url, "http://") {
		k.warn(key, "it is reached without TLS: whoever is on the way reads it, and the key with it")
	}
}
