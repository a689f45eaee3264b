package directory_test

import (
	"fmt"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// TestAnotherResetLeavesTheFormerGood: a stranger who asks for one more does not make void the link that the owner is reading; when one is
// used, both end.
func TestAnotherResetLeavesTheFormerGood(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	o.hire("bob@example.com", store.Viewer)
	owners := o.reset("bob@example.com")
	strangers := o.reset("bob@example.com")
	o.must(o.AcceptPasswordReset(ctx, owners, directory.NewSecret(freshPassword), desk))
	for _, token := range []directory.Secret{owners, strangers} {
		o.wants(o.AcceptPasswordReset(ctx, token, directory.NewSecret("other "+freshPassword), desk), directory.ErrNoPasswordReset)
	}
}

// TestAPIKeysOfOneOwner are bounded; one that was revoked makes room.
func TestAPIKeysOfOneOwner(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	p, _ := o.hire("bob@example.com", store.Modeler)
	var last directory.APIKeyInfo
	add := func(i int) (err error) {
		last, _, err = o.AddAPIKey(ctx, p, directory.NewAPIKey{Name: fmt.Sprintf("key %d", i), Scopes: []string{"run.read"}})
		return err
	}
	for i := range directory.MaxAPIKeys {
		o.must(add(i))
	}
	of := last.ID
	o.wants(add(directory.MaxAPIKeys), directory.ErrTooManyAPIKeys)
	o.must(o.RevokeAPIKey(ctx, p, of))
	o.must(add(directory.MaxAPIKeys))
}
