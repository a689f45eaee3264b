package web_test

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/web"
)

var updateRoutes = flag.Bool("update-routes", false, "write testdata/routes.txt anew: only where it is meant to change who may ask for what")

// routeTable prints who may ask for what: the part of every route on which TestRights builds.
func routeTable() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%-7s %-58s %-11s %-27s %-27s %-8s %s\n", "method", "path", "access", "verb", "operator's verb", "step-up", "secret")
	or := func(text string) string {
		if text == "" {
			return "."
		}
		return text
	}
	yes := map[bool]string{true: "yes", false: "."}
	for _, r := range web.Routes() {
		line := fmt.Sprintf("%-7s %-58s %-11s %-27s %-27s %-8s %s", r.Method, r.Path, r.Access, or(r.Verb), or(r.OperatorVerb), yes[r.StepUp], yes[r.Secret])
		out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return out.String()
}

// TestRoutes holds every route's access, verb, step-up and secret to the table that was reviewed. TestRights asks whether the
// server does what its routes say; this, whether they say what was meant.
func TestRoutes(t *testing.T) {
	const golden = "testdata/routes.txt"
	got := routeTable()
	if *updateRoutes {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	is, was := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for _, line := range is {
		if !slices.Contains(was, line) {
			t.Errorf("not as reviewed: %s", line)
		}
	}
	for _, line := range was {
		if !slices.Contains(is, line) {
			t.Errorf("reviewed and gone: %s", line)
		}
	}
	if t.Failed() {
		t.Log("where this is meant: go test ./web -run TestRoutes -update-routes, and have the difference reviewed")
	}
}

// withoutStepUp are operations of somebody known whose reply has a secret, or that change what proves who somebody is, and that
// are done without a fresh proof all the same. Each has its reason.
var withoutStepUp = map[string]string{
	"stepUp":               "is the proof",
	"passkeyStepUpOptions": "begins the proof",
	"setPassword":          "takes the old password, and a one-time password could not prove more",
	"revokeAPIKey":         "only takes a right away, and must go at once",
	"sendAPIKeyRevocation": "only takes a right away, and must go at once",
	"endUserSessions":      "only takes rights away, and must go at once",
}

// changesProof finds operations that change passwords, factors, keys or sessions by their paths.
var changesProof = regexp.MustCompile(`/(password|second-factor|recovery-codes|passkeys|api-keys|sessions|outbox|unlock)(/|$)`)

// TestStepUpRule wants a fresh proof for every route of somebody known whose reply has a secret in it, and for every one that changes
// what proves who somebody is. What the reply has is read off its type, not off the route; all pages are marked as secret, and do here
// what their operation of the API does.
func TestStepUpRule(t *testing.T) {
	for _, r := range web.Routes() {
		if r.Verb == "" || r.Access == web.LockedToo {
			continue
		}
		secret := r.Secret && !r.Page || hasSecret(web.ReplyOf(r.Operation), 0)
		changes := r.Method != "GET" && changesProof.MatchString(r.Path)
		if reason, known := withoutStepUp[r.Operation]; (secret || changes) && !r.StepUp && !known {
			t.Errorf("%s %s (%s) has no step-up: secret %v, changes what proves somebody %v", r.Method, r.Path, r.Operation, secret, changes)
		} else if known && (r.StepUp || reason == "") {
			t.Errorf("%s is listed as one without step-up", r.Operation)
		}
		if !r.Page && hasSecret(web.ReplyOf(r.Operation), 0) && !r.Secret {
			t.Errorf("%s %s has a secret in its reply and does not say so", r.Method, r.Path)
		}
	}
}

// secretMember are members of replies that hold a secret.
var secretMember = regexp.MustCompile(`^(secret|token|link|one_time_password|recovery_codes?|uri|qr)$`)

// hasSecret looks through the type of a reply.
func hasSecret(of reflect.Type, depth int) bool {
	if of == nil || depth > 6 {
		return false
	}
	switch of.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return hasSecret(of.Elem(), depth+1)
	case reflect.Struct:
		for i := range of.NumField() {
			f := of.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Type.Kind() == reflect.String && secretMember.MatchString(name) || hasSecret(f.Type, depth+1) {
				return true
			}
		}
	}
	return false
}
