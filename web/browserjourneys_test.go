package web_test

import "testing"

// TestSetUpInBrowser goes from the code in the log to the operator's account, without a script.
func TestSetUpInBrowser(t *testing.T) {
	a := start(t, withPasskeys)
	b := a.browse()
	b.script(false)
	b.open("/sign-in")
	b.title("Set up the appliance")
	b.look("setup")
}
