package web

import (
	"slices"

	"github.com/qrsrisk/qrsd/web/wire"
)

// enterTexts say what is missing where a field was left empty.
func enterTexts() map[string]string {
	return map[string]string{
		"code":       "enter the code",
		"email":      "enter your e-mail address",
		"name":       "enter a name",
		"password":   "enter the password",
		"passphrase": "enter the passphrase or a recovery code",
		"role":       "choose a role",
		"scopes":     "choose at least one",
		"token":      "enter the code from the e-mail",
	}
}

// missing refuses a form whose fields were left empty, in the order of enterTexts' names; nil where none was.
func missing(empty map[string]bool) error {
	var names []string
	for name, is := range empty {
		if is {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	r := &refusal{kind: kindInvalid}
	for _, name := range names {
		r.faults = append(r.faults, wire.Fault{Pointer: "/" + name, Detail: enterTexts()[name]})
	}
	return r
}

// doneTexts say what a form did, on the page that its redirect leads to. The address names one, and can say nothing else.
func doneTexts() map[string]string {
	return map[string]string{
		"again":      "That took longer than five minutes. Sign in again.",
		"signed-out": "You are signed out.",
		"changed":    "Your changes are saved.",
		"password":   "Your password is changed. Sign in with it.",
		"accepted":   "Your account is ready.",
		"ended":      "The session is ended.",
		"removed":    "It is removed.",
		"revoked":    "The key is revoked. It stays in the list.",
		"withdrawn":  "The invitation is withdrawn.",
		"unlocked":   "The store is unlocked.",
		"confirmed":  "Thank you. For ten minutes you need not confirm again.",
	}
}
