package braket_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/quantum/braket"
)

// noAWS hides whatever the machine has, and writes a profile.
func noAWS(t *testing.T, profile string) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(profile), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", dir)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "none"))
}

func TestCredentialsOfAProfile(t *testing.T) {
	noAWS(t, "[profile example]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = secret\n")
	d, err := outbound.New(outbound.Options{Log: &connections{}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := braket.Credentials(t.Context(), braket.CredentialOptions{HTTP: d.Client(outbound.Circuits), Region: "us-east-1", Profile: "example"})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := p.Retrieve(t.Context()); err != nil || c.AccessKeyID != "AKIAIOSFODNN7EXAMPLE" {
		t.Errorf("%s, %v", c.AccessKeyID, err)
	}
}

// TestCredentialsComeThroughOutbound: the container's credentials are an HTTP request, which air-gapped mode refuses and the other
// modes record.
func TestCredentialsComeThroughOutbound(t *testing.T) {
	noAWS(t, "")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"AccessKeyId":"ASIAIOSFODNN7EXAMPLE","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}`))
	}))
	defer server.Close()
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.URL+"/credentials")
	host, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	number, _ := strconv.Atoi(port)
	for _, mode := range []outbound.Mode{outbound.AirGapped, outbound.Hybrid} {
		log := &connections{}
		d, err := outbound.New(outbound.Options{Mode: mode, Log: log,
			Allowed: []outbound.Destination{{Host: host, Port: number, Purpose: outbound.Circuits, Plaintext: true}}})
		if err != nil {
			t.Fatal(err)
		}
		client := d.Client(outbound.Circuits)
		p, err := braket.Credentials(t.Context(), braket.CredentialOptions{HTTP: client, Region: "us-east-1"})
		if err != nil {
			t.Fatal(err)
		}
		c, err := p.Retrieve(t.Context())
		client.CloseIdleConnections()
		switch mode {
		case outbound.AirGapped:
			wantError(t, err, nil, "air-gapped")
			if log.refused() == 0 {
				t.Error("the refusal is not on record")
			}
		default:
			if err != nil || c.AccessKeyID != "ASIAIOSFODNN7EXAMPLE" {
				t.Errorf("%s, %v", c.AccessKeyID, err)
			}
		}
	}
}

func TestCredentialsOfAProgramAreRefused(t *testing.T) {
	noAWS(t, "[profile program]\ncredential_process = /bin/false\n[profile role]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = program\n")
	d, err := outbound.New(outbound.Options{Log: &connections{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, profile := range []string{"program", "role"} {
		_, err := braket.Credentials(t.Context(), braket.CredentialOptions{HTTP: d.Client(outbound.Circuits), Region: "us-east-1", Profile: profile})
		wantError(t, err, nil, "credential_process", profile)
	}
}

// TestCredentialsWithAuthorities: a bundle that the SDK would take authorities from is named, with what to do.
func TestCredentialsWithAuthorities(t *testing.T) {
	noAWS(t, "")
	bundle := filepath.Join(t.TempDir(), "authorities.pem")
	if err := os.WriteFile(bundle, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	d, err := outbound.New(outbound.Options{Log: &connections{}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = braket.Credentials(t.Context(), braket.CredentialOptions{HTTP: d.Client(outbound.Circuits), Region: "us-east-1"})
	wantError(t, err, nil, "AWS_CA_BUNDLE in the environment", "take it away")
}
