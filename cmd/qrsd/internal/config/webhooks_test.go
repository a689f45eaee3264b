package config_test

import (
	"slices"
	"testing"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/internal/outbound"
)

// TestWebhooksReach: nothing that is not listed, unless the owner says so.
func TestWebhooksReach(t *testing.T) {
	for text, want := range map[string][]outbound.Purpose{
		"":                                 nil,
		`outbound { webhooks = "listed" }`: nil,
		`outbound { webhooks = "public" }`: {"webhooks"},
	} {
		c, err := config.Parse("a.hcl", []byte("store { path = \"s\" }\n"+text))
		if err != nil || !slices.Equal(c.Outbound.Public, want) {
			t.Errorf("%s: %v, %v", text, c.Outbound.Public, err)
		}
	}
	if _, err := config.Parse("a.hcl", []byte("store { path = \"s\" }\noutbound { webhooks = \"all\" }")); err == nil {
		t.Error("another word was taken")
	}
}
