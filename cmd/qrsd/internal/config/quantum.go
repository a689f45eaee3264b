package config

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/quantum/braket"
)

// Quantum is how Amazon Braket is reached, in the modes hybrid and connected.
type Quantum struct {
	Region, Bucket, Prefix   string
	Profile                  string // of the AWS configuration files
	InstanceRole             bool   // also asks the metadata service of an EC2 instance for credentials
	Endpoint, ObjectEndpoint string // URLs; "": those of AWS
}

// Client is a client without what the daemon gives: HTTP, credentials and journal.
func (q *Quantum) Client() *braket.Client {
	return &braket.Client{
		Region: q.Region, Bucket: q.Bucket, Prefix: q.Prefix, Endpoint: strings.TrimSuffix(q.Endpoint, "/"), ObjectEndpoint: strings.TrimSuffix(q.ObjectEndpoint, "/"),
	}
}

// destinations are the service, the bucket of results and where AWS renews temporary credentials: naming the bucket allows these and no others.
func (q *Quantum) destinations() []outbound.Destination {
	var all []outbound.Destination
	for i, to := range q.Client().Destinations() {
		host, text, err := net.SplitHostPort(to)
		port, broken := strconv.Atoi(text)
		if err != nil || broken != nil {
			continue // of an endpoint that is refused elsewhere
		}
		u, err := url.Parse([]string{q.Endpoint, q.ObjectEndpoint}[i])
		d := outbound.Destination{Host: host, Port: port, Purpose: outbound.Circuits, Plaintext: err == nil && u.Scheme == "http"}
		if !slices.Contains(all, d) { // an emulator is both
			all = append(all, d)
		}
	}
	if q.Endpoint == "" {
		for _, name := range []string{"sts", "portal.sso", "oidc"} {
			all = append(all, outbound.Destination{Host: name + "." + q.Region + ".amazonaws.com", Port: 443, Purpose: outbound.Circuits})
		}
	}
	if q.InstanceRole {
		all = append(all, outbound.Destination{Host: "169.254.169.254", Port: 80, Purpose: outbound.Circuits, Plaintext: true, Local: true})
	}
	return all
}

func quantumKeys(q *Quantum) body {
	return body{
		keys: []key{
			{name: "bucket", required: true, set: text(&q.Bucket, named)},
			{name: "region", set: text(&q.Region, named)},
			{name: "prefix", set: text(&q.Prefix, named)},
			{name: "profile", set: text(&q.Profile, named)},
			{name: "instance_role", set: flag(&q.InstanceRole)},
			{name: "endpoint", set: text(&q.Endpoint, serviceURL)},
			{name: "object_endpoint", set: text(&q.ObjectEndpoint, serviceURL)},
		},
		check: func() error { return q.Client().CheckPlaces() },
	}
}
