package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
)

// TestWeak: settings that would make passwords, the metrics or connections weaker than they are said to be are refused.
func TestWeak(t *testing.T) {
	const bucket, recipient = `bucket = "amazon-braket-results"`, "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
	s3 := func(endpoint string) string {
		return "backup {\n recipients = [\"" + recipient + "\"]\n s3 {\n bucket = \"example-backups\"\n region = \"us-east-1\"\n endpoint = \"" + endpoint + "\"\n }\n}"
	}
	for text, want := range map[string]string{
		"passwords {\n memory = \"8MiB\"\n passes = 1\n}":                            "too little",
		"passwords {\n passes = 1\n}":                                                "19MiB with 1 passes is too little",
		"passwords {\n memory = \"12MiB\"\n}":                                        "too little",
		"passwords {\n memory = \"12MiB\"\n passes = 3\n}":                           "",
		"passwords {\n memory = \"46MiB\"\n passes = 1\n}":                           "",
		"quantum {\n " + bucket + "\n endpoint = \"http://braket.example.com\"\n}":   "without TLS",
		"quantum {\n " + bucket + "\n object_endpoint = \"http://10.0.0.1:9000\"\n}": "without TLS",
		"quantum {\n " + bucket + "\n endpoint = \"http://127.0.0.1:4566\"\n}":       "",
		s3("http://s3.example.com"):                                                  "without TLS", s3("http://localhost:9000"): "", s3("https://s3.example.com"): "",
	} {
		_, err := config.Parse("a.hcl", []byte("store {\n path = \"store\"\n}\n"+text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s\n%v, want %q", text, err, want)
		}
	}
}

// TestShortMetricsToken refuses a token that can be guessed, and does not repeat it.
func TestShortMetricsToken(t *testing.T) {
	dir := t.TempDir()
	for token, refused := range map[string]bool{"hunter2": true, "0123456789abcdef": false} {
		if err := os.WriteFile(filepath.Join(dir, "token"), []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Parse(filepath.Join(dir, "a.hcl"), []byte("store {\n path = \"store\"\n key_file = \"k\"\n}\nmetrics {\n token = file(\"token\")\n}"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range c.Check(time.Now()) {
			found = found || f.Key == "metrics.token" && !f.Warning
			if strings.Contains(f.Reason, token) {
				t.Error("the token is in a message")
			}
		}
		if found != refused {
			t.Errorf("%s refused: %v", token, found)
		}
	}
}

// TestLongSessions warns of sessions that outlive what NIST SP 800-63B-4 asks at AAL2.
func TestLongSessions(t *testing.T) {
	for text, warned := range map[string]bool{"": false, "idle = \"1h\"\n life = \"24h\"": false, "idle = \"61m\"": true, "life = \"25h\"": true} {
		c, err := config.Parse("a.hcl", []byte("store {\n path = \"store\"\n key_file = \"k\"\n}\nsessions {\n "+text+"\n}"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range c.Check(time.Now()) {
			found = found || f.Key == "sessions" && f.Warning
		}
		if found != warned {
			t.Errorf("%q: warned %v", text, found)
		}
	}
}
