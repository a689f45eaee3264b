package directory_test

import (
	"testing"

	"github.com/qrsrisk/qrsd/store/directory"
)

// TestSelfTest wants the hashing of passwords found in order.
func TestSelfTest(t *testing.T) {
	o := open(t, directory.Options{})
	o.must(o.SelfTest(t.Context()))
}
