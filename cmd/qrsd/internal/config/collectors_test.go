package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/internal/outbound"
)

// TestCollectors: an endpoint allows itself for its purpose, and nothing without its block.
func TestCollectors(t *testing.T) {
	for text, want := range map[string][]outbound.Destination{
		"": nil,
		`traces { endpoint = "https://collector.example.com:4318/tenant/7" }`:          {{Host: "collector.example.com", Port: 4318, Purpose: "traces"}},
		`traces { endpoint = "http://localhost" }`:                                     {{Host: "localhost", Port: 80, Purpose: "traces", Plaintext: true}},
		"errors {\n endpoint = \"https://errors.example.com\"\n dsn = env(\"DSN\")\n}": {{Host: "errors.example.com", Port: 443, Purpose: "errors"}},
	} {
		c, err := config.Parse("a.hcl", []byte("store {\n path = \"a\"\n}\n"+text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if !slices.Equal(c.Outbound.Allowed, want) {
			t.Errorf("%s: %v", text, c.Outbound.Allowed)
		}
	}
	for text, want := range map[string]string{
		`traces { endpoint = "collector.example.com:4318" }`:                                             "must be https://host",
		`traces { endpoint = "https://key@collector.example.com" }`:                                      "without user",
		`traces { endpoint = "https://collector.example.com/v1/traces" }`:                                "leave it out",
		"errors {\n endpoint = \"https://e.example.com\"\n dsn = \"https://hunter2@e.example.com/1\"\n}": "a secret does not stand in this file",
		`errors { endpoint = "https://e.example.com" }`:                                                  "dsn",
	} {
		if _, err := config.Parse("a.hcl", []byte("store {\n path = \"a\"\n}\n"+text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestCheckCollectors: a DSN that leads elsewhere than the endpoint, or that is none, is found before anything is sent, and its key is not said.
func TestCheckCollectors(t *testing.T) {
	folder := t.TempDir()
	for dsn, want := range map[string]string{
		"https://hunter2@errors.example.com/7":      "",
		"https://hunter2@Errors.example.com:443/7":  "",
		"https://hunter2@errors.example.org/7":      "it leads to https://errors.example.org, and errors.endpoint is https://errors.example.com",
		"https://hunter2@errors.example.com:9000/7": "it leads to",
		"http://hunter2@errors.example.com/7":       "it leads to",
		"hunter2":                                   "it is no DSN",
	} {
		if err := os.WriteFile(filepath.Join(folder, "dsn"), []byte(dsn), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Parse(filepath.Join(folder, "a.hcl"), []byte(`
			store { path = "a" }
			traces {
				endpoint      = "http://collector.example.com:4318"
				authorization = file("none")
			}
			errors {
				endpoint = "https://errors.example.com"
				dsn      = file("dsn")
			}`))
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, f := range c.Check(time.Now()) {
			found[f.Key] += f.String()
		}
		if got := found["errors.dsn"]; (want == "") != (got == "") || !strings.Contains(got, want) || strings.Contains(got, "hunter2") {
			t.Errorf("%s: %q", dsn, got)
		}
		if !strings.Contains(found["traces.authorization"], "no such file") || !strings.Contains(found["traces.endpoint"], "warning") {
			t.Errorf("found %v", found)
		}
	}
}
