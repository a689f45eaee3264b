package config_test

import (
	"crypto/tls"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
)

var update = flag.Bool("update-faults", false, "write the golden files of faults")

const example = "../../../../qrsd.hcl.example"

// TestExampleLoads loads the example as it stands, and with every setting in force.
func TestExampleLoads(t *testing.T) {
	c, err := config.Load(example)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(filepath.Dir(example), "key/store.key"); c.Store.Unlock.KeyFile != want {
		t.Errorf("key file %q, want %q", c.Store.Unlock.KeyFile, want)
	}
	if _, err := config.ParseApart("all.hcl", config.Uncommented(exampleText(t))); err != nil {
		t.Errorf("with every setting in force:\n%v", err)
	}
}

// TestExampleNamesEveryKey compares the keys of the example with those of the schema, both ways.
func TestExampleNamesEveryKey(t *testing.T) {
	known, shown := config.Keys(), keysIn(t, config.Uncommented(exampleText(t)))
	for _, k := range known {
		if !slices.Contains(shown, k) {
			t.Errorf("the example does not show %s", k)
		}
	}
	for _, k := range shown {
		if !slices.Contains(known, k) {
			t.Errorf("the example shows %s, which is no key", k)
		}
	}
	if len(known) < 30 {
		t.Errorf("%d keys: is this the schema?", len(known))
	}
}

// TestExampleSaysDefaults: a setting of the example that is marked as the default changes nothing when it is in force.
func TestExampleSaysDefaults(t *testing.T) {
	text := exampleText(t)
	plain, err := config.Parse("a.hcl", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, line := range strings.Split(text, "\n") {
		bare := strings.TrimSpace(line)
		if !strings.HasSuffix(bare, "# default") || !strings.HasPrefix(bare, "#") || blockOnly(bare) {
			continue
		}
		count++
		with, err := config.Parse("a.hcl", []byte(strings.Replace(text, line, bare[1:], 1)))
		if err != nil {
			t.Errorf("%s\n%v", bare, err)
		} else if !sameConfig(plain, with) {
			t.Errorf("%s changes the configuration: it is not the default", bare)
		}
	}
	if count < 8 {
		t.Errorf("%d defaults: is this the example?", count)
	}
}

// blockOnly are settings of blocks that are commented out as a whole: components fill these in.
func blockOnly(line string) bool {
	return slices.ContainsFunc([]string{"#burst", "#every", "#plaintext", "#local", "#instance_role"}, func(p string) bool { return strings.HasPrefix(line, p) })
}

// sameConfig compares values where a zero of a component stands for the default that the example names.
func sameConfig(a, b *config.Config) bool {
	x, y := *a, *b
	for _, c := range []*config.Config{&x, &y} {
		if c.Store.Options.MaxSize == 64<<30 {
			c.Store.Options.MaxSize = 0
		}
		if c.Directory.Sessions.Idle == 30*time.Minute {
			c.Directory.Sessions.Idle = 0
		}
		if c.Directory.Sessions.Life == 12*time.Hour {
			c.Directory.Sessions.Life = 0
		}
		c.Directory.Hash = withoutDefaults(c.Directory.Hash)
		if c.Outbound.Timeout == 30*time.Second {
			c.Outbound.Timeout = 0
		}
		if l := (web.Limits{
			Body: 64 << 10, Header: 16 << 10, Connections: 4096, PerAddress: 256, Read: 15 * time.Second, Write: 30 * time.Second, Idle: time.Minute, Work: time.Minute, Stop: 20 * time.Second,
			Upload: 1 << 30, Uploads: 8, UploadTime: 15 * time.Minute,
		}); c.Limits == keepSet(c.Limits, l) {
			c.Limits = web.Limits{}
		}
		if c.Runs.AtOnce == 2 {
			c.Runs.AtOnce = 0
		}
		if len(c.TrustedProxies) == 0 {
			c.TrustedProxies = nil
		}
	}
	return reflect.DeepEqual(x, y)
}

// withoutDefaults is a cost with zeros for what the directory takes for them.
func withoutDefaults(c directory.HashCost) directory.HashCost {
	if c.Memory == 19<<20 {
		c.Memory = 0
	}
	if c.Passes == 2 {
		c.Passes = 0
	}
	if c.Threads == 1 {
		c.Threads = 0
	}
	return c
}

// keepSet is l with the fields of defaults that are set in it.
func keepSet(l, defaults web.Limits) web.Limits {
	from, to := reflect.ValueOf(defaults), reflect.ValueOf(&l).Elem()
	for i := range to.NumField() {
		if !to.Field(i).IsZero() {
			to.Field(i).Set(from.Field(i))
		}
	}
	return l
}

func exampleText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func keysIn(t *testing.T, text string) (names []string) {
	t.Helper()
	file, problems := hclsyntax.ParseConfig([]byte(text), "example", hcl.InitialPos)
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	var walk func(within string, b *hclsyntax.Body)
	walk = func(within string, b *hclsyntax.Body) {
		for name := range b.Attributes {
			names = append(names, within+name)
		}
		for _, inner := range b.Blocks {
			walk(within+inner.Type+".", inner.Body)
		}
	}
	walk("", file.Body.(*hclsyntax.Body))
	return names
}

// TestParse translates one of everything.
func TestParse(t *testing.T) {
	c, err := config.Parse("/etc/qrsd/qrsd.hcl", []byte(`
		listen = ":443"
		hosts = ["QRSD.example.com.", "10.0.0.7"]
		mode = "connected"
		trusted_proxies = ["10.1.2.3/16", "192.0.2.1", "2001:db8::/32"]
		security_contact = "mailto:security@example.com"
		url = "https://qrsd.example.com:8443"
		store {
			path = "/srv/store"
			anchor = "../anchor"
			max_size = "2TiB"
			pkcs11 {
				module = "token.so"
				token = "a"
				key = "b"
				pin = env("PIN")
			}
		}
		tls {
			certificate = "a.pem"
			key = "/keys/a.key"
			min_version = "1.2"
			client_ca = "ca.pem"
			require = true
		}
		outbound {
			proxy = "http://proxy.example.com:3128"
			timeout = "10s"
			destination "e-mail" {
				host = "smtp.example.com"
				port = 587
			}
			destination "circuits" {
				host = "localhost"
				port = 4566
				plaintext = true
				local = true
			}
		}
		smtp {
			host = "mail.example.com"
			port = 465
			from = "qrsd <qrsd@example.com>"
			user = "qrsd"
			password = file("smtp.password")
			timeout = "5s"
		}
		passwords {
			breached = ["a.filter", "/b.filter"]
		}
		limits {
			body = "8MiB"
			requests "user" {
				burst = 3
				every = "1s"
			}
			unlock {
				burst = 1
				every = "1h"
			}
			idle = "2m"
			sign_in "address" {
				burst = 5
				every = "1.5s"
			}
		}
		runs {
			cores   = 3
			at_once = 4
		}
		log {
			level = "debug"
			format = "text"
			file   = "log/qrsd.log"
			size   = "1MiB"
			keep   = 2
		}
		backup {
			recipients = ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"]
			at         = "04:15"
			retention  = "1000h"
			folder {
				path = "/mnt/a"
			}
			folder {
				path = "b"
			}
			s3 {
				bucket      = "example-backups"
				region      = "eu-west-1"
				object_lock = true
			}
		}
		support {
			recipients = ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"]
		}
	`))
	if err != nil {
		t.Fatal(err)
	}
	connected := outbound.Connected
	want := &config.Config{
		File: "/etc/qrsd/qrsd.hcl", Listen: ":443", Hosts: []string{"qrsd.example.com", "10.0.0.7"}, Mode: &connected,
		TrustedProxies:  []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/32")},
		SecurityContact: "mailto:security@example.com", URL: "https://qrsd.example.com:8443", Record: "/srv/outbound.jsonl",
		Limits:         web.Limits{Body: 8 << 20, Idle: 2 * time.Minute, User: directory.Rate{Burst: 3, Every: time.Second}, Unlock: directory.Rate{Burst: 1, Every: time.Hour}},
		KnownPasswords: []string{"/etc/qrsd/a.filter", "/b.filter"},
		TLS: config.TLS{
			Certificate: "/etc/qrsd/a.pem", Key: "/keys/a.key", Folder: "/srv/tls", MinVersion: tls.VersionTLS12, ClientCA: "/etc/qrsd/ca.pem", Require: true,
		},
		Runs: config.Runs{Cores: 3, AtOnce: 4},
		Log:  config.Log{Level: "debug", Format: "text", File: "/etc/qrsd/log/qrsd.log", Size: 1 << 20, Keep: 2},
		Backup: &config.Backup{
			Recipients: []string{"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"}, At: 4*time.Hour + 15*time.Minute, Retention: 1000 * time.Hour,
			Folders: []string{"/mnt/a", "/etc/qrsd/b"}, Buckets: []*config.Bucket{{Name: "example-backups", Region: "eu-west-1", ObjectLock: true}}, Scratch: "/srv",
		},
		Support:   config.Support{Recipients: []string{"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"}},
		Directory: directory.Options{Limits: directory.Limits{Address: directory.Rate{Burst: 5, Every: 1500 * time.Millisecond}}},
	}
	want.Store.Path, want.Store.Options.Anchor, want.Store.Options.MaxSize = "/srv/store", "/etc/anchor", 2<<40
	token := c.Store.Unlock.PKCS11
	if token == nil || token.Module != "/etc/qrsd/token.so" || token.Token != "a" || token.Key != "b" || token.PIN.String() != `env("PIN")` {
		t.Errorf("token %+v", token)
	}
	c.Store.Unlock.PKCS11 = nil
	mail := c.Mail
	c.Mail = nil
	if s := mail.WithPassword(); s.Host != "mail.example.com" || s.Port != 465 || s.User != "qrsd" || s.From == "" || s.Timeout != 5*time.Second || s.Password == nil || mail.Secret.String() != `file("/etc/qrsd/smtp.password")` {
		t.Errorf("mail %+v", mail)
	}
	allowed := []outbound.Destination{
		{Host: "smtp.example.com", Port: 587, Purpose: "e-mail"},
		{Host: "localhost", Port: 4566, Purpose: outbound.Circuits, Plaintext: true, Local: true},
		{Host: "example-backups.s3.eu-west-1.amazonaws.com", Port: 443, Purpose: "backups"},
		{Host: "sts.eu-west-1.amazonaws.com", Port: 443, Purpose: "backups"},
		{Host: "portal.sso.eu-west-1.amazonaws.com", Port: 443, Purpose: "backups"},
		{Host: "oidc.eu-west-1.amazonaws.com", Port: 443, Purpose: "backups"},
		{Host: "mail.example.com", Port: 465, Purpose: "e-mail"},
	}
	if o := c.Outbound; o.Proxy == nil || o.Proxy.Host != "proxy.example.com:3128" || o.Timeout != 10*time.Second || !slices.Equal(o.Allowed, allowed) {
		t.Errorf("outbound %+v", o)
	}
	c.Outbound = outbound.Options{}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

// TestFaults holds the messages of each testdata/*.hcl to the golden file beside it: every fault, in the order of the file.
func TestFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			_, err := config.Load(file)
			var faults *config.FaultsError
			if !errors.As(err, &faults) {
				t.Fatalf("%v is no FaultsError", err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("a secret is in a message")
			}
			golden := strings.TrimSuffix(file, ".hcl") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, failed := os.ReadFile(golden)
			if failed != nil {
				t.Fatal(failed)
			}
			if err.Error()+"\n" != string(want) {
				t.Errorf("got:\n%v\nwant:\n%s", err, want)
			}
		})
	}
}

// TestLoadMissing: a file that is not there is told from a file at fault.
func TestLoadMissing(t *testing.T) {
	_, err := config.Load(filepath.Join(t.TempDir(), "none.hcl"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := config.Parse("a.hcl", make([]byte, 1<<20+1)); err == nil {
		t.Error("a file of more than 1 MiB is accepted")
	}
}

// FuzzParse: whatever the text, Parse returns a configuration or faults that name a place, and no panic.
func FuzzParse(f *testing.F) {
	text, err := os.ReadFile(example)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(config.Uncommented(string(text)))
	f.Add(`store { path = "${file("x")}" passphrase = env(env("A")) }`)
	f.Add(`hosts = [for h in ["a"] : h]`)
	f.Add("limits {\n connections = 1e999999999\n }")
	f.Add(`url = { (1e9) = "x${1e9}" }`)
	f.Add("limits { sign_in \"all\" { burst = 1e400\n every = \"-1s\" } }")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 8192 {
			return
		}
		c, err := config.Parse("fuzz.hcl", []byte(text))
		var faults *config.FaultsError
		switch {
		case err == nil && (c.Store.Path == "" || len(c.Hosts) == 0):
			t.Errorf("accepted without store or hosts: %+v", c)
		case err != nil && !errors.As(err, &faults):
			t.Errorf("%v is no FaultsError", err)
		case err != nil:
			for _, fault := range faults.Faults {
				if fault.Line < 1 || fault.Column < 1 || fault.Reason == "" {
					t.Errorf("a fault without place or reason: %+v", fault)
				}
			}
		}
	})
}
