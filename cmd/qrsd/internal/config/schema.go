package config

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/notify"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/webhook"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store/directory"
)

// schema is the table of all keys: what each is called, what it may be, and where in c it goes. qrsd.hcl.example explains them to
// users; a test holds the two together.
func schema(c *Config) body {
	return body{
		keys: []key{
			{name: "listen", set: text(&c.Listen, listenAddress)},
			{name: "hosts", set: list(&c.Hosts, hostName)},
			{name: "url", set: text(&c.URL, siteURL)},
			{name: "mode", set: mode(&c.Mode)},
			{name: "trusted_proxies", set: list(&c.TrustedProxies, prefix)},
			{name: "security_contact", set: text(&c.SecurityContact, contact)},
		},
		blocks: []block{
			{name: "store", open: only(storeKeys(c))},
			{name: "tls", open: only(tlsKeys(&c.TLS))},
			{name: "outbound", open: only(outboundKeys(c))},
			{name: "smtp", open: func(string) (body, error) { c.Mail = &Mail{}; return mailKeys(c.Mail), nil }},
			{name: "quantum", open: func(string) (body, error) {
				c.Quantum = &Quantum{Region: "us-east-1", Prefix: "tasks"}
				return quantumKeys(c.Quantum), nil
			}},
			{name: "backup", open: func(string) (body, error) {
				c.Backup = &Backup{At: 2*time.Hour + 30*time.Minute}
				return backupKeys(c.Backup), nil
			}},
			{name: "passwords", open: only(body{keys: []key{
				{name: "breached", set: paths(&c.KnownPasswords)},
				{name: "memory", set: size(&c.Directory.Hash.Memory, 8<<20, 256<<20)},
				{name: "passes", set: whole(&c.Directory.Hash.Passes, 1, 10)},
				{name: "threads", set: whole(&c.Directory.Hash.Threads, 1, 8)},
			}, check: func() error { return hashCost(c.Directory.Hash) }})},
			{name: "sessions", open: only(body{keys: []key{
				{name: "idle", set: span(&c.Directory.Sessions.Idle, time.Minute, 24*time.Hour)},
				{name: "life", set: span(&c.Directory.Sessions.Life, time.Minute, 30*24*time.Hour)},
			}})},
			{name: "runs", open: only(body{keys: []key{
				{name: "cores", set: whole(&c.Runs.Cores, 1, 4096)},
				{name: "at_once", set: whole(&c.Runs.AtOnce, 1, 64)},
			}})},
			{name: "limits", open: only(limitKeys(c))},
			{name: "trust", open: only(body{keys: []key{{name: "public", set: flag(&c.PublicTrust)}}})},
			{name: "model", open: only(modelKeys(&c.Release))},
			{name: "log", open: only(body{keys: []key{
				{name: "level", set: oneOf(&c.Log.Level, "trace", "debug", "info", "warn", "error")},
				{name: "format", set: oneOf(&c.Log.Format, "json", "text")},
				{name: "file", set: path(&c.Log.File)},
				{name: "size", set: size(&c.Log.Size, 64<<10, 1<<30)},
				{name: "keep", set: whole(&c.Log.Keep, 0, 100)},
			}})},
			{name: "metrics", open: only(body{keys: []key{{name: "token", required: true, set: secret(&c.Metrics.Token)}}})},
			{name: "traces", open: func(string) (body, error) { c.Traces = &Traces{}; return tracesKeys(c.Traces), nil }},
			{name: "errors", open: func(string) (body, error) { c.Errors = &Errors{}; return errorsKeys(c.Errors), nil }},
			{name: "support", open: only(body{keys: []key{{name: "recipients", required: true, set: list(&c.Support.Recipients, recipient)}}})},
		},
		check: func() error {
			switch {
			case c.Store.Path == "":
				return errors.New(`there is no store block: write store { path = "..." }`)
			case len(c.Hosts) == 0:
				return errors.New("hosts is empty: name the host under which the appliance is reached, or leave the key out")
			case c.Store.Unlock.KMS != nil && (c.Mode == nil || *c.Mode != outbound.Connected):
				return errors.New(`store.kms: the key service is reached before the store, in which the mode chosen at set-up lies; write mode = "connected" here, or unlock another way`)
			}
			return nil
		},
	}
}

// hashCost refuses a hash that is cheaper to guess at than the settings of equal strength in the OWASP Password Storage Cheat Sheet. Zeros are the defaults.
func hashCost(h directory.HashCost) error {
	memory, passes := cmp.Or(h.Memory, 19<<20), cmp.Or(h.Passes, 2)
	for _, least := range []directory.HashCost{{Memory: 46 << 20, Passes: 1}, {Memory: 19 << 20, Passes: 2}, {Memory: 12 << 20, Passes: 3}, {Memory: 9 << 20, Passes: 4}, {Memory: 7 << 20, Passes: 5}} {
		if memory >= least.Memory && passes >= least.Passes {
			return nil
		}
	}
	return fmt.Errorf("%s with %d passes is too little for a hash of a password: at least 46MiB with 1 pass, 19MiB with 2, 12MiB with 3, 9MiB with 4 or 8MiB with 5",
		sizeInWords(int64(memory)), passes)
}

// only opens a block that has no label, or needs none to tell what is in it.
func only(b body) func(string) (body, error) {
	return func(string) (body, error) { return b, nil }
}

// sample is a label that the block accepts.
func (b block) sample() string {
	if b.label == "" {
		return ""
	}
	return strings.Fields(b.label)[0]
}

func tlsKeys(t *TLS) body {
	return body{
		keys: []key{
			{name: "certificate", set: path(&t.Certificate)},
			{name: "key", set: path(&t.Key)},
			{name: "folder", set: path(&t.Folder)},
			{name: "min_version", set: tlsVersion(&t.MinVersion)},
			{name: "client_ca", set: path(&t.ClientCA)},
			{name: "require", set: flag(&t.Require)},
		},
		check: func() error {
			switch {
			case t.Certificate == "" && t.Key != "":
				return errors.New("key is named and certificate is not; name both, or neither for a self-signed certificate")
			case t.Certificate != "" && t.Key == "":
				return errors.New("certificate is named and key is not; name both, or neither for a self-signed certificate")
			case t.Require && t.ClientCA == "":
				return errors.New("require = true needs client_ca, the authorities that sign the certificates of clients")
			}
			return nil
		},
	}
}

func tlsVersion(to *uint16) func(*decoder, cty.Value) error {
	var name string
	one := oneOf(&name, "1.2", "1.3")
	return func(d *decoder, v cty.Value) error {
		if err := one(d, v); err != nil {
			return err
		}
		*to = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[name]
		return nil
	}
}

func storeKeys(c *Config) body {
	s := &c.Store
	return body{
		keys: []key{
			{name: "path", required: true, set: path(&s.Path)},
			{name: "anchor", set: path(&s.Options.Anchor)},
			{name: "max_size", set: size(&s.Options.MaxSize, 1<<30, 1<<44)},
			{name: "key_file", set: path(&s.Unlock.KeyFile)},
			{name: "passphrase", set: secret(&s.Unlock.Passphrase)},
		},
		blocks: []block{
			{name: "kms", open: func(string) (body, error) { s.Unlock.KMS = &KMS{}; return kmsKeys(s.Unlock.KMS), nil }},
			{name: "pkcs11", open: func(string) (body, error) { s.Unlock.PKCS11 = &PKCS11{}; return pkcs11Keys(s.Unlock.PKCS11), nil }},
		},
		check: func() error {
			if ways := s.Unlock.ways(); len(ways) > 1 {
				return fmt.Errorf("%s are named; the appliance unlocks in one way: keep one here, the store may have the others all the same (qrsd key slot add)",
					strings.Join(ways, " and "))
			}
			return nil
		},
	}
}

// ways are the names of the ways that are set.
func (u Unlock) ways() (names []string) {
	for _, w := range []struct {
		name string
		set  bool
	}{{"key_file", u.KeyFile != ""}, {"passphrase", !u.Passphrase.IsZero()}, {"kms", u.KMS != nil}, {"pkcs11", u.PKCS11 != nil}} {
		if w.set {
			names = append(names, w.name)
		}
	}
	return names
}

func kmsKeys(k *KMS) body {
	return body{keys: []key{
		{name: "key", required: true, set: text(&k.Key, keyARN)},
		{name: "endpoint", set: text(&k.Endpoint, endpointURL)},
		{name: "profile", set: text(&k.Profile, named)},
		{name: "instance_role", set: flag(&k.InstanceRole)},
	}}
}

func pkcs11Keys(p *PKCS11) body {
	return body{keys: []key{
		{name: "module", required: true, set: path(&p.Module)},
		{name: "token", required: true, set: text(&p.Token, named)},
		{name: "key", required: true, set: text(&p.Key, named)},
		{name: "pin", required: true, set: secret(&p.PIN)},
	}}
}

func outboundKeys(c *Config) body {
	o := &c.Outbound
	return body{
		keys: []key{
			{name: "record", set: path(&c.Record)},
			{name: "proxy", set: proxy(&o.Proxy)},
			{name: "timeout", set: span(&o.Timeout, time.Second, 5*time.Minute)},
			{name: "webhooks", set: webhooks(&o.Public)},
		},
		blocks: []block{{name: "destination", label: "purpose", many: true, open: func(purpose string) (body, error) {
			d := outbound.Destination{Purpose: outbound.Purpose(purpose)}
			return body{
				keys: []key{
					{name: "host", required: true, set: text(&d.Host, bareHost)},
					{name: "port", required: true, set: whole(&d.Port, 1, 65535)},
					{name: "plaintext", set: flag(&d.Plaintext)},
					{name: "local", set: flag(&d.Local)},
				},
				check: func() error { o.Allowed = append(o.Allowed, d); return nil },
			}, nil
		}}},
	}
}

// webhooks says where tenants' webhooks may lead: to listed destinations, or to any public host besides.
func webhooks(to *[]outbound.Purpose) func(*decoder, cty.Value) error {
	var where string
	one := oneOf(&where, "listed", "public")
	return func(d *decoder, v cty.Value) error {
		if err := one(d, v); err != nil {
			return err
		}
		if *to = nil; where == "public" {
			*to = []outbound.Purpose{webhook.Purpose}
		}
		return nil
	}
}

func mailKeys(m *Mail) body {
	s := &m.Server
	return body{
		keys: []key{
			{name: "host", required: true, set: text(&s.Host, bareHost)},
			{name: "port", set: whole(&s.Port, 1, 65535)},
			{name: "security", set: oneOf((*string)(&s.Security), string(notify.StartTLS), string(notify.TLS), string(notify.None))},
			{name: "from", required: true, set: text(&s.From, sender)},
			{name: "user", set: text(&s.User, named)},
			{name: "password", set: secret(&m.Secret)},
			{name: "timeout", set: span(&s.Timeout, time.Second, 10*time.Minute)},
		},
		check: func() error { return m.WithPassword().Check() },
	}
}

func modelKeys(r *Release) body {
	return body{
		keys: []key{{name: "meta_seal", set: path(&r.MetaSeal)}, {name: "keys", set: path(&r.Keys)}},
		check: func() error {
			if (r.MetaSeal == "") != (r.Keys == "") {
				return errors.New("meta_seal and keys go together: a seal says nothing without the keys that you trust, known from elsewhere")
			}
			return nil
		},
	}
}

// limitKeys are the limits of requests, and the rates of requests, sign-ins and guesses at the store's secret.
func limitKeys(c *Config) body {
	l := &c.Limits
	signIns := map[string]*directory.Rate{
		"account": &c.Directory.Limits.Account, "address": &c.Directory.Limits.Address, "all": &c.Directory.Limits.All,
	}
	requests := map[string]*directory.Rate{"address": &l.Address, "user": &l.User, "key": &l.Key}
	return body{
		keys: []key{
			{name: "body", set: size(&l.Body, 64<<10, 64<<20)},
			{name: "header", set: size(&l.Header, 4<<10, 1<<20)},
			{name: "upload", set: size(&l.Upload, 1<<20, 1<<40)},
			{name: "uploads", set: whole(&l.Uploads, 1, 256)},
			{name: "upload_time", set: span(&l.UploadTime, time.Minute, 24*time.Hour)},
			{name: "connections", set: whole(&l.Connections, 8, 1<<20)},
			{name: "per_address", set: whole(&l.PerAddress, 8, 1<<20)},
			{name: "read", set: span(&l.Read, time.Second, 10*time.Minute)},
			{name: "write", set: span(&l.Write, time.Second, 10*time.Minute)},
			{name: "idle", set: span(&l.Idle, time.Second, time.Hour)},
			{name: "work", set: span(&l.Work, time.Second, 10*time.Minute)},
			{name: "stop", set: span(&l.Stop, time.Second, 10*time.Minute)},
		},
		blocks: []block{
			{name: "requests", label: "address or user or key", open: rateOf(requests)},
			{name: "sign_in", label: "account or address or all", open: rateOf(signIns)},
			{name: "unlock", open: only(rateKeys(&l.Unlock))},
		},
	}
}

// rateOf opens the block of one of several rates, by its name.
func rateOf(rates map[string]*directory.Rate) func(string) (body, error) {
	return func(name string) (body, error) {
		r := rates[name]
		if r == nil {
			return body{}, fmt.Errorf("%q: the label must be one of %s", name, strings.Join(sortedNames(rates), ", "))
		}
		return rateKeys(r), nil
	}
}

func rateKeys(r *directory.Rate) body {
	return body{keys: []key{
		{name: "burst", required: true, set: whole(&r.Burst, 1, 1_000_000)},
		{name: "every", required: true, set: span(&r.Every, time.Millisecond, 24*time.Hour)},
	}}
}

func sortedNames[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
