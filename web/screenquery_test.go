package web_test

import (
	"testing"

	"github.com/qrsrisk/qrsd/store"
)

// TestScreensTakeAnyQuery: the address of a screen holds its state, which is the screen's own affair; other routes refuse parameters
// that they do not know.
func TestScreensTakeAnyQuery(t *testing.T) {
	a := start(t)
	viewer := a.join(a.tenant("Gulf Mutual"), "viewer@example.com", store.Viewer)
	viewer.want(200, viewer.call("GET", "/ledger?find=abc&entry=4", nil))
	viewer.want(400, viewer.call("GET", "/api/v1/roles?find=abc", nil))
}
