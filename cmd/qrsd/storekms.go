package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/kms"
)

// forKeys is the purpose of connections to a key service, in the list of destinations and in the record of what left.
const forKeys outbound.Purpose = "keys"

// kmsFlags say which AWS KMS key wraps the root key, and how AWS is reached.
type kmsFlags struct {
	KMS          string `name:"kms" group:"AWS KMS" env:"QRSD_KMS" placeholder:"ARN" help:"AWS KMS key that wraps the root key. Needs mode connected; the record of what left has the connection."`
	KMSEndpoint  string `name:"kms-endpoint" group:"AWS KMS" env:"QRSD_KMS_ENDPOINT" placeholder:"URL" help:"Private endpoint of AWS KMS, or an emulator; http:// only for this."`
	Mode         string `group:"AWS KMS" default:"air-gapped" env:"QRSD_MODE" placeholder:"air-gapped" help:"How far this host may reach: air-gapped (nowhere), hybrid (quantum hardware alone) or connected."`
	Profile      string `group:"AWS KMS" env:"AWS_PROFILE" placeholder:"NAME" help:"Profile of the AWS configuration files."`
	InstanceRole bool   `group:"AWS KMS" help:"Also ask the metadata service of an EC2 instance for credentials."`
	Proxy        string `group:"AWS KMS" env:"QRSD_PROXY" placeholder:"URL" help:"HTTP proxy, http://host:port, through which TLS connections are tunnelled."`
	Home         string `group:"AWS KMS" env:"QRSD_HOME" placeholder:"DIR" help:"Folder of the record of what left; default qrsd in the user's configuration folder."`
}

// kmsUnlocker is the AWS KMS key that wraps the root key.
func (f kmsFlags) kmsUnlocker(ctx context.Context) (store.Unlocker, error) {
	o, err := f.kmsOptions(ctx, "--kms", f.KMS)
	if err != nil {
		return store.Unlocker{}, err
	}
	key, err := kms.New(o)
	if err != nil {
		return store.Unlocker{}, &runner.ErrUsage{Reason: err.Error()}
	}
	return store.External(kms.Method, key.Reference(), key), nil
}

// kmsOptions reach a key, which a flag names, through outbound. That mode or list of destinations refuse is said before credentials
// are looked for.
func (f kmsFlags) kmsOptions(ctx context.Context, flag, arn string) (o kms.Options, err error) {
	part := strings.Split(arn, ":")
	if len(part) < 6 {
		return o, &runner.ErrUsage{Reason: fmt.Sprintf("%s %q: give the key's ARN, such as arn:aws:kms:us-east-1:111122223333:key/...", flag, arn)}
	}
	region := part[3]
	service := outbound.Destination{Host: "kms." + region + ".amazonaws.com", Port: 443, Purpose: forKeys}
	if f.KMSEndpoint != "" {
		if service, err = endpoint(f.KMSEndpoint); err != nil {
			return o, err
		}
	}
	dialer, err := f.dialer(service, region)
	if err != nil {
		return o, err
	}
	if err := dialer.Check(forKeys, service.Host, service.Port); err != nil {
		return o, fmt.Errorf("reaching AWS KMS: %w (--mode connected or QRSD_MODE)", err)
	}
	client := dialer.Client(forKeys)
	credentials, err := braket.Credentials(ctx, braket.CredentialOptions{HTTP: client, Region: region, Profile: f.Profile, InstanceRole: f.InstanceRole})
	if err != nil {
		return o, err
	}
	return kms.Options{HTTP: client, Credentials: credentials, ARN: arn, Endpoint: strings.TrimSuffix(f.KMSEndpoint, "/")}, nil
}

// dialer allows the service and where the AWS SDK renews temporary credentials, and records what it opens.
func (f kmsFlags) dialer(service outbound.Destination, region string) (*outbound.Dialer, error) {
	mode, err := outbound.ParseMode(f.Mode)
	if err != nil {
		return nil, &runner.ErrUsage{Reason: err.Error() + " (--mode or QRSD_MODE)"}
	}
	home, err := homeFlags{f.Home}.open()
	if err != nil {
		return nil, err
	}
	options := outbound.Options{Mode: mode, Log: home.Journal(time.Now), Allowed: []outbound.Destination{service}}
	for _, name := range []string{"sts", "portal.sso", "oidc"} {
		options.Allowed = append(options.Allowed, outbound.Destination{Host: name + "." + region + ".amazonaws.com", Port: 443, Purpose: forKeys})
	}
	if f.InstanceRole {
		options.Allowed = append(options.Allowed, outbound.Destination{Host: "169.254.169.254", Port: 80, Purpose: forKeys, Plaintext: true, Local: true})
	}
	if f.Proxy != "" {
		if options.Proxy, err = url.Parse(f.Proxy); err != nil {
			return nil, &runner.ErrUsage{Reason: fmt.Sprintf("--proxy: %v; write http://host:port", err)}
		}
		to, err := destination(options.Proxy.Host)
		if err != nil {
			return nil, err
		}
		to.Purpose = forKeys
		options.Allowed = append(options.Allowed, to)
	}
	return outbound.New(options)
}

// endpoint is the destination of a URL without a path.
func endpoint(text string) (outbound.Destination, error) {
	u, err := url.Parse(strings.TrimSuffix(text, "/"))
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return outbound.Destination{}, &runner.ErrUsage{Reason: fmt.Sprintf("--kms-endpoint %q: write https://host or https://host:port", text)}
	}
	hostPort := u.Host
	if u.Port() == "" {
		hostPort += map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	}
	to, err := destination(hostPort)
	to.Purpose, to.Plaintext = forKeys, u.Scheme == "http"
	return to, err
}
