package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/quantumjob"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/quantum/relay"
)

// quantumCommand is `qrsd quantum`.
type quantumCommand struct {
	Preview quantumPreview `cmd:"" help:"Prepare a job and show what would leave, byte for byte, what it costs by, and what it reveals. Nothing leaves."`
	Export  quantumExport  `cmd:"" help:"Sign a job for a relay: the file that is carried across an air gap."`
	Import  quantumImport  `cmd:"" help:"Check a relay's result and write the estimate beside the run."`
	Submit  quantumSubmit  `cmd:"" help:"Send a job to Amazon Braket from here, after a quote and a confirmation."`
	Status  quantumStatus  `cmd:"" help:"List the jobs of a run, and bring those that were submitted up to date."`
	Cancel  quantumCancel  `cmd:"" help:"Cancel the tasks of a run that have not ended."`
	Record  quantumRecord  `cmd:"" help:"Verify the record of what left, and show it."`
	Budget  quantumBudget  `cmd:"" help:"Show or set what may be spent from here in all."`
	Limit   quantumLimit   `cmd:"" help:"Show, set or remove the limit that AWS itself holds for a device: a second fence behind the budget."`
	Key     quantumKey     `cmd:"" help:"Show this host's public key, for a relay to trust."`
	Card    quantumCard    `cmd:"" help:"Print what the quantum estimate is and what it is not."`
}

// Help is shown by `qrsd quantum --help`.
func (quantumCommand) Help() string {
	return `What leaves is ` + egress.Meaning + `.

RUN is the folder that qrsd run -o wrote. Runs that are kept by a server are asked of devices over its API (docs/airgap.md), with keys and
record in its store.

The estimate of a device is a check on a method; it never enters the reported risk. Keys, secrets, jobs and the record of what
left are kept here in the folder of --home, where file modes alone protect them.`
}

// homeFlags say where keys and jobs are.
type homeFlags struct {
	Home string `placeholder:"DIR" env:"QRSD_HOME" help:"Folder of keys, jobs and the record of what left; default qrsd in the user's configuration folder."`
}

func (f homeFlags) open() (*quantumjob.Home, error) {
	path, err := f.folder()
	if err != nil {
		return nil, err
	}
	return quantumjob.OpenHome(path)
}

// folder is where they are.
func (f homeFlags) folder() (string, error) {
	if f.Home != "" {
		return f.Home, nil
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("finding the folder for keys and jobs: %w; name it with --home", err)
	}
	return filepath.Join(config, "qrsd"), nil
}

// planFlags say how a question is asked.
type planFlags struct {
	Question string `placeholder:"NAME" help:"What to ask; qrsd quantum preview RUN lists the names."`
	Job      string `placeholder:"ID" help:"A job that was prepared before, by the beginning of its id: exactly what preview showed."`
	Device   string `default:"forte-1" placeholder:"forte-1" help:"forte-1, forte-enterprise-1, sv1, dm1, or an ARN."`
	Qubits   int    `default:"3" help:"Loss qubits n: the distribution is sent in 2^n bins. Noise grows with 2^n."`
	Powers   []int  `default:"0,1,2" help:"Powers of the Grover operator."`
	Shots    int    `default:"500" help:"Shots of every circuit."`
	Twins    int    `default:"1" help:"Calibration twins for every power: circuits of the same gates with a known answer. With 1 the contrast is fitted at each power, with 2 or more the offset too, with 0 one decay rate for all."`
}

func (f planFlags) plan(folder string) (quantumjob.Plan, error) {
	p := quantumjob.Plan{
		Device: deviceARN(f.Device), Folder: folder,
		Schedule: egress.Schedule{Qubits: f.Qubits, Powers: f.Powers, Shots: f.Shots, Twins: f.Twins},
	}
	if err := braket.CheckDevice(p.Device); err != nil {
		return p, &runner.ErrUsage{Reason: err.Error()}
	}
	if err := p.Schedule.Check(); err != nil {
		return p, &runner.ErrUsage{Reason: err.Error()}
	}
	return p, nil
}

// deviceARN is the ARN of a short name; anything else is taken for an ARN.
func deviceARN(name string) string {
	for _, arn := range braket.Devices() {
		if strings.EqualFold(arn[strings.LastIndexByte(arn, '/')+1:], name) {
			return arn
		}
	}
	return name
}

// job is the prepared job of --job, or a new one of --question.
func (f planFlags) job(ctx context.Context, jobs *quantumjob.Jobs, run string) (*quantumjob.Kept, error) {
	folder := quantumjob.ResultsFolder(run)
	if f.Job != "" {
		k, err := jobs.Find(ctx, f.Job)
		if err != nil {
			return nil, err
		}
		return k, k.LiesIn(run)
	}
	if f.Question == "" {
		return nil, &runner.ErrUsage{Reason: "--question or --job: say what to send; qrsd quantum preview " + run + " lists the questions"}
	}
	plan, err := f.plan(run)
	if err != nil {
		return nil, err
	}
	if plan.Folder, err = filepath.Abs(run); err != nil {
		return nil, err
	}
	q, err := quantumjob.Pick(ctx, folder, f.Question)
	if err != nil {
		return nil, err
	}
	return jobs.Prepare(ctx, q, plan)
}

// remoteFlags say how Amazon Braket is reached.
type remoteFlags struct {
	Mode           string   `default:"air-gapped" env:"QRSD_MODE" placeholder:"air-gapped" help:"How far this host may reach: air-gapped (nowhere), hybrid (quantum hardware alone) or connected."`
	Region         string   `default:"us-east-1" env:"QRSD_BRAKET_REGION" help:"AWS region of the device."`
	Bucket         string   `env:"QRSD_BRAKET_BUCKET" placeholder:"NAME" help:"S3 bucket that results are written to. Its name leaves with every task: choose one that names nobody."`
	Prefix         string   `default:"tasks" env:"QRSD_BRAKET_PREFIX" help:"Beginning of the results' keys. It leaves with every task."`
	Profile        string   `env:"AWS_PROFILE" placeholder:"NAME" help:"Profile of the AWS configuration files."`
	InstanceRole   bool     `help:"Also ask the metadata service of an EC2 instance for credentials."`
	ContainerRole  bool     `help:"Let the credential services of containers (ECS, EKS) be asked for credentials."`
	Allow          []string `placeholder:"HOST:PORT" help:"Another destination that renewing credentials needs, over TLS, such as portal.sso.eu-west-1.amazonaws.com:443 where single sign-on is in another region."`
	CABundle       string   `name:"ca-bundle" env:"AWS_CA_BUNDLE" placeholder:"FILE" help:"Certificate authorities to trust instead of the system's, in PEM."`
	Endpoint       string   `env:"QRSD_BRAKET_ENDPOINT" placeholder:"URL" help:"Private endpoint of Amazon Braket, or an emulator; http:// only for this."`
	ObjectEndpoint string   `env:"QRSD_S3_ENDPOINT" placeholder:"URL" help:"Private endpoint of Amazon S3, or an emulator, addressed by path."`
	Proxy          string   `env:"QRSD_PROXY" placeholder:"URL" help:"HTTP proxy, http://host:port, through which TLS connections are tunnelled."`
}

// client is a client for Amazon Braket whose every connection goes through outbound. Where the mode or the list of destinations
// refuses, that is said before credentials are looked for.
func (f remoteFlags) client(ctx context.Context, home *quantumjob.Home) (*braket.Client, error) {
	journal := home.Journal(time.Now)
	client := &braket.Client{
		Region: f.Region, Bucket: f.Bucket, Prefix: f.Prefix, Journal: journal, Endpoint: strings.TrimSuffix(f.Endpoint, "/"),
		ObjectEndpoint: strings.TrimSuffix(f.ObjectEndpoint, "/"),
	}
	dialer, err := f.dialer(client, journal)
	if err != nil {
		return nil, err
	}
	for _, d := range client.Destinations() {
		to, err := destination(d)
		if err == nil {
			err = dialer.Check(outbound.Circuits, to.Host, to.Port) // a refusal is on record
		}
		if err != nil {
			return nil, err
		}
	}
	client.HTTP = dialer.Client(outbound.Circuits)
	// The dialer trusts the bundle already; the AWS SDK would put it into a client of its own kind, and refuses ours.
	if err := os.Unsetenv("AWS_CA_BUNDLE"); err != nil {
		return nil, err
	}
	if client.Credentials, err = braket.Credentials(ctx, braket.CredentialOptions{
		HTTP: client.HTTP, Region: f.Region, Profile: f.Profile, InstanceRole: f.InstanceRole,
	}); err != nil {
		return nil, err
	}
	if f.Bucket == "" {
		return nil, &runner.ErrUsage{Reason: "--bucket: name the S3 bucket that results are written to"}
	}
	return client, client.Check()
}

func (f remoteFlags) dialer(client *braket.Client, log outbound.Log) (*outbound.Dialer, error) {
	mode, err := outbound.ParseMode(f.Mode)
	if err != nil {
		return nil, &runner.ErrUsage{Reason: err.Error() + " (--mode or QRSD_MODE)"}
	}
	options := outbound.Options{Mode: mode, Log: log}
	if options.Roots, err = roots(f.CABundle); err != nil {
		return nil, err
	}
	plaintext, err := f.plaintext()
	if err != nil {
		return nil, err
	}
	for _, d := range client.Destinations() {
		to, err := destination(d)
		if err != nil {
			return nil, err
		}
		to.Plaintext = slices.Contains(plaintext, d)
		options.Allowed = append(options.Allowed, to)
	}
	// Where the AWS SDK renews temporary credentials.
	for _, name := range []string{"sts", "portal.sso", "oidc"} {
		options.Allowed = append(options.Allowed, outbound.Destination{Host: name + "." + f.Region + ".amazonaws.com", Port: 443, Purpose: outbound.Circuits})
	}
	for _, allowed := range f.Allow {
		to, err := destination(allowed)
		if err != nil {
			return nil, err
		}
		options.Allowed = append(options.Allowed, to)
	}
	for _, host := range f.metadata() {
		options.Allowed = append(options.Allowed, outbound.Destination{Host: host, Port: 80, Purpose: outbound.Circuits, Plaintext: true, Local: true})
	}
	if f.Proxy == "" {
		return outbound.New(options)
	}
	if options.Proxy, err = url.Parse(f.Proxy); err != nil {
		return nil, &runner.ErrUsage{Reason: fmt.Sprintf("--proxy: %v; write http://host:port", err)}
	}
	to, err := destination(options.Proxy.Host)
	if err != nil {
		return nil, err
	}
	options.Allowed = append(options.Allowed, to)
	return outbound.New(options)
}

// metadata are the link-local addresses at which this machine's own role is asked for: of an EC2 instance, of an ECS task, of an EKS pod
// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html, read 2026-11-22).
func (f remoteFlags) metadata() (hosts []string) {
	if f.InstanceRole {
		hosts = append(hosts, "169.254.169.254")
	}
	if f.ContainerRole {
		hosts = append(hosts, "169.254.170.2", "169.254.170.23")
	}
	return hosts
}

// plaintext are the host:port of endpoints that are given with http://, which only this host and private networks may be.
func (f remoteFlags) plaintext() (all []string, err error) {
	for _, e := range []struct{ flag, value string }{{"--endpoint", f.Endpoint}, {"--object-endpoint", f.ObjectEndpoint}} {
		u, err := url.Parse(e.value)
		if err != nil {
			return nil, &runner.ErrUsage{Reason: fmt.Sprintf("%s: %v; write scheme://host:port", e.flag, err)}
		}
		if u.Scheme != "http" {
			continue
		}
		a, err := netip.ParseAddr(u.Hostname())
		if !strings.EqualFold(u.Hostname(), "localhost") && (err != nil || !a.IsLoopback() && !a.IsPrivate()) {
			return nil, &runner.ErrUsage{Reason: fmt.Sprintf("%s %s: http:// is for localhost and for loopback and private addresses alone; use https://", e.flag, e.value)}
		}
		all = append(all, net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80")))
	}
	return all, nil
}

// roots are the certificate authorities of a bundle; nil without one.
func roots(bundle string) (*x509.CertPool, error) {
	if bundle == "" {
		return nil, nil
	}
	text, err := os.ReadFile(bundle)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate authorities (--ca-bundle, AWS_CA_BUNDLE): %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--ca-bundle %s: it holds no certificate in PEM", bundle)
	}
	return pool, nil
}

// destination reads host:port.
func destination(hostPort string) (outbound.Destination, error) {
	at := strings.LastIndexByte(hostPort, ':')
	if at < 0 {
		return outbound.Destination{}, &runner.ErrUsage{Reason: fmt.Sprintf("%q: write host:port", hostPort)}
	}
	port, err := strconv.Atoi(hostPort[at+1:])
	if err != nil {
		return outbound.Destination{}, &runner.ErrUsage{Reason: fmt.Sprintf("%q: the port is no number", hostPort)}
	}
	return outbound.Destination{Host: strings.Trim(hostPort[:at], "[]"), Port: port, Purpose: outbound.Circuits}, nil
}

// newJobs are the jobs of a home, without a client.
func newJobs(home *quantumjob.Home) (*quantumjob.Jobs, error) {
	jobs := &quantumjob.Jobs{Keeper: home, Budget: home, Journal: home.Journal(time.Now), Random: rand.Reader, Now: time.Now}
	var err error
	if jobs.HostKey, err = home.HostKey(); err != nil {
		return nil, err
	}
	if jobs.Relays, err = home.Trusted(quantumjob.Relays); err != nil {
		return nil, err
	}
	jobs.Tokens, err = home.Tokens()
	return jobs, err
}

// trustFlags pin the other side.
type trustFlags struct {
	Trust   []string `placeholder:"[NAME=]SHA256:..." help:"Trust the other side with this fingerprint from now on, under this name; or a file of lines NAME ed25519:BASE64."`
	Replace bool     `help:"Let the key of --trust take the place of the one that has its name."`
}

// trusted are the peers that the home knows and those of files.
func (f trustFlags) trusted(home *quantumjob.Home, side string) (relay.Trust, error) {
	trust, err := home.Trusted(side)
	if err != nil {
		return nil, err
	}
	for _, t := range f.Trust {
		if _, _, ok := fingerprint(t); ok {
			continue
		}
		text, err := os.ReadFile(t)
		if err != nil {
			return nil, fmt.Errorf("--trust: %w; give a fingerprint SHA256:... or a file", err)
		}
		more, err := relay.ParseTrust(string(text))
		if err != nil {
			return nil, fmt.Errorf("--trust %s: %w", t, err)
		}
		trust = append(trust, more...)
	}
	return trust, nil
}

// fingerprint splits [NAME=]SHA256:...
func fingerprint(text string) (name, print string, ok bool) {
	name, print, named := strings.Cut(text, "=SHA256:")
	if named {
		return name, "SHA256:" + print, true
	}
	return "", text, strings.HasPrefix(text, "SHA256:")
}

// pin keeps the unknown key of err if --trust has its fingerprint; otherwise err stands.
func (f trustFlags) pin(home *quantumjob.Home, side string, err error) (relay.Peer, error) {
	var unknown *relay.UnknownKeyError
	if !errors.As(err, &unknown) {
		return relay.Peer{}, err
	}
	for _, t := range f.Trust {
		name, print, ok := fingerprint(t)
		if !ok || print != unknown.Key.Fingerprint() {
			continue
		}
		if name == "" {
			name = unknown.Role + "-" + strings.Map(wordly, print[7:15])
		}
		p := relay.Peer{Name: strings.Map(wordly, name), Key: unknown.Key}
		return p, home.Pin(side, p, f.Replace)
	}
	return relay.Peer{}, err
}

// wordly keeps a name to one word of the trust file.
func wordly(r rune) rune {
	if r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
		return r
	}
	return '-'
}

// refused prints why a file or a record was not accepted: exit code 3.
func refused(c console, err error) error {
	fmt.Fprintln(c.err, "qrsd:", plain(err.Error()))
	return errDiffer
}
