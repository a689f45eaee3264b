package webhook_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/webhook"
	"github.com/qrsrisk/qrsd/store/directory"
)

// TestExamples runs the verification examples on what the sender signs, and on what is none of that.
func TestExamples(t *testing.T) {
	const examples = "../../../../examples/webhooks/"
	folder := t.TempDir()
	script, err := os.ReadFile(examples + "verify.ts")
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "verify.mjs"), script, 0o600) // it is JavaScript too: an older Node strips no types
	}
	if err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command("go", "build", "-o", filepath.Join(folder, "verify"), examples+"verify.go").CombinedOutput(); err != nil {
		t.Fatalf("building the example: %v\n%s", err, text)
	}
	secret := func(s string) []directory.Secret { return []directory.Secret{directory.NewSecret(s)} }
	now, body := time.Now(), []byte(`{"type":"run.done","name":"Größe"}`)
	both := append(secret("whsec_new"), secret("whsec_old")...)
	good := webhook.Sign(both, now, body)
	for language, command := range map[string][]string{
		"Go": {filepath.Join(folder, "verify")}, "Python": {"python3", examples + "verify.py"}, "TypeScript": {"node", filepath.Join(folder, "verify.mjs")},
	} {
		t.Run(language, func(t *testing.T) {
			if _, err := exec.LookPath(command[0]); err != nil {
				t.Skip(err)
			}
			for name, c := range map[string]struct {
				header, secret string
				body           []byte
				want           string
			}{
				"present secret": {good, "whsec_new", body, "good"},
				"former secret":  {good, "whsec_old", body, "good"},
				"other secret":   {good, "whsec_none", body, "refused"},
				"other body":     {good, "whsec_new", append(bytes.Clone(body), ' '), "refused"},
				"too old":        {webhook.Sign(both, now.Add(-10*time.Minute), body), "whsec_new", body, "refused"},
				"of the future":  {webhook.Sign(both, now.Add(10*time.Minute), body), "whsec_new", body, "refused"},
				"no signature":   {strings.SplitN(good, ",", 2)[0], "whsec_new", body, "refused"},
				"no time":        {strings.SplitN(good, ",", 2)[1], "whsec_new", body, "refused"},
				"nonsense":       {"t=x,v1=zz", "whsec_new", body, "refused"},
			} {
				run := exec.Command(command[0], append(command[1:len(command):len(command)], c.header)...)
				run.Stdin, run.Env = bytes.NewReader(c.body), append(os.Environ(), "WEBHOOK_SECRET="+c.secret)
				said, err := run.Output()
				if strings.TrimSpace(string(said)) != c.want || (err == nil) != (c.want == "good") {
					t.Errorf("%s: %q, %v", name, said, err)
				}
			}
		})
	}
}
