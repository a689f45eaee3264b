package directory_test

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// setPolicy changes the policy, whatever it is.
func (o *office) setPolicy(ctx context.Context, by store.Principal, p directory.Policy) {
	o.Helper()
	_, err := o.SetPolicy(ctx, by, p)
	o.must(err)
}
