package directory

import (
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// KeyScopes lists the verbs that an API key of somebody in the role can have as its scopes, in the order of the permission table.
func KeyScopes(r store.Role) (all []store.Verb) {
	for _, v := range rights.Verbs() {
		if rights.Allowed(r, v) && notForKey(r, v) == nil {
			all = append(all, v)
		}
	}
	return all
}
