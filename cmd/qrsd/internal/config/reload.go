package config

import "reflect"

// NeedRestart names the keys in which two configurations differ, but for those that a reload takes up: the certificate, the
// authorities of client certificates, and the level of the log.
func NeedRestart(before, after *Config) (keys []string) {
	for _, part := range []struct {
		keys string
		of   func(*Config) any
	}{
		{"listen", func(c *Config) any { return c.Listen }},
		{"hosts", func(c *Config) any { return c.Hosts }},
		{"url", func(c *Config) any { return c.URL }},
		{"mode", func(c *Config) any { return c.Mode }},
		{"trusted_proxies", func(c *Config) any { return c.TrustedProxies }},
		{"security_contact", func(c *Config) any { return c.SecurityContact }},
		{"store", func(c *Config) any { return c.Store }},
		{"tls", func(c *Config) any {
			t := c.TLS
			t.Certificate, t.Key, t.ClientCA = "", "", ""
			return [2]any{t, c.TLS.ClientCA != ""}
		}},
		{"runs", func(c *Config) any { return c.Runs }},
		{"limits", func(c *Config) any { return [2]any{c.Limits, c.Directory} }},
		{"outbound", func(c *Config) any { return [2]any{c.Outbound, c.Record} }},
		{"smtp", func(c *Config) any { return c.Mail }},
		{"quantum", func(c *Config) any { return c.Quantum }},
		{"backup", func(c *Config) any { return c.Backup }},
		{"passwords", func(c *Config) any { return c.KnownPasswords }},
		{"trust", func(c *Config) any { return c.PublicTrust }},
		{"model", func(c *Config) any { return c.Release }},
		{"log", func(c *Config) any {
			l := c.Log
			l.Level = ""
			return l
		}},
		{"metrics", func(c *Config) any { return c.Metrics }},
		{"traces", func(c *Config) any { return c.Traces }},
		{"errors", func(c *Config) any { return c.Errors }},
		{"support", func(c *Config) any { return c.Support }},
	} {
		if !reflect.DeepEqual(part.of(before), part.of(after)) {
			keys = append(keys, part.keys)
		}
	}
	return keys
}
