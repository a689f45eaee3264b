package directory_test

import (
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store/directory"
)

func TestRelyingParty(t *testing.T) {
	for name, c := range map[string]struct {
		party directory.RelyingParty
		want  string // in the error; "": none
	}{
		"off":            {directory.RelyingParty{}, ""},
		"host":           {directory.RelyingParty{ID: "qrsd.example.com", Origins: []string{"https://qrsd.example.com"}}, ""},
		"port":           {directory.RelyingParty{ID: "qrsd.example.com", Origins: []string{"https://qrsd.example.com:8443"}}, ""},
		"parent":         {directory.RelyingParty{ID: "example.com", Origins: []string{"https://qrsd.example.com", "https://example.com"}}, ""},
		"this host":      {directory.RelyingParty{ID: "localhost", Origins: []string{"https://localhost:8443"}}, ""},
		"no origin":      {directory.RelyingParty{ID: "qrsd.example.com"}, "name where its pages are"},
		"no id":          {directory.RelyingParty{Origins: []string{"https://qrsd.example.com"}}, "1 to 253 characters"},
		"name alone":     {directory.RelyingParty{Name: "Example"}, "1 to 253 characters"},
		"address":        {directory.RelyingParty{ID: "192.0.2.1", Origins: []string{"https://192.0.2.1"}}, "an IP address is no domain"},
		"address of v6":  {directory.RelyingParty{ID: "2001:db8::1", Origins: []string{"https://[2001:db8::1]"}}, "an IP address is no domain"},
		"URL as id":      {directory.RelyingParty{ID: "https://qrsd.example.com", Origins: []string{"https://qrsd.example.com"}}, "small letters"},
		"port in id":     {directory.RelyingParty{ID: "qrsd.example.com:8443", Origins: []string{"https://qrsd.example.com:8443"}}, "small letters"},
		"capitals":       {directory.RelyingParty{ID: "QRSD.example.com", Origins: []string{"https://QRSD.example.com"}}, "small letters"},
		"empty label":    {directory.RelyingParty{ID: "qrsd..com", Origins: []string{"https://qrsd..com"}}, "no part of a domain"},
		"hyphen":         {directory.RelyingParty{ID: "-qrsd.example.com", Origins: []string{"https://-qrsd.example.com"}}, "no part of a domain"},
		"plain":          {directory.RelyingParty{ID: "qrsd.example.com", Origins: []string{"http://qrsd.example.com"}}, "not of the form https://host"},
		"path":           {directory.RelyingParty{ID: "qrsd.example.com", Origins: []string{"https://qrsd.example.com/"}}, "not of the form https://host"},
		"user":           {directory.RelyingParty{ID: "qrsd.example.com", Origins: []string{"https://u@qrsd.example.com"}}, "not of the form https://host"},
		"other host":     {directory.RelyingParty{ID: "qrsd.example.com", Origins: []string{"https://qrsd.example.org"}}, "neither the relying party's domain nor below"},
		"likeness":       {directory.RelyingParty{ID: "example.com", Origins: []string{"https://notexample.com"}}, "neither the relying party's domain nor below"},
		"endless name":   {directory.RelyingParty{ID: "qrsd.example.com", Name: strings.Repeat("x", 201), Origins: []string{"https://qrsd.example.com"}}, "longer than 200"},
		"second is bad":  {directory.RelyingParty{ID: "qrsd.example.com", Origins: []string{"https://qrsd.example.com", "qrsd.example.com"}}, "not of the form https://host"},
		"endless domain": {directory.RelyingParty{ID: strings.Repeat("x.", 130) + "com", Origins: []string{"https://x.com"}}, "1 to 253 characters"},
		"long label":     {directory.RelyingParty{ID: strings.Repeat("x", 64) + ".com", Origins: []string{"https://x.com"}}, "no part of a domain"},
	} {
		err := c.party.Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		if err != nil && directory.Open(nil, directory.Options{RelyingParty: c.party}).PasskeysOffered() {
			t.Errorf("%s: passkeys are offered all the same", name)
		}
	}
}
