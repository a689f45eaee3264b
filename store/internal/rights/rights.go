// Package rights says who may do what: roles, the verbs of the product, the one table that joins them, and the
// Principal, which is what an authenticated caller holds.
//
// It lies under store/internal so that only packages of the store can make a Principal: store/directory after a
// sign-in, and nobody in web or cmd. It keeps nothing and checks no password.
//
// Begin with Allowed.
package rights

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Role is what a user is within a tenant, or Operator, which is outside of all tenants.
type Role uint8

// The roles. The zero Role may do nothing.
const (
	Admin    Role = iota + 1 // users, policy, keys of the tenant, and all that Modeler and Approver may, but see Conflicts
	Modeler                  // imports portfolios, submits and changes runs
	Analyst                  // submits runs of portfolios that exist
	Approver                 // decides on requests of others
	Viewer                   // reads
	Operator                 // runs the appliance: tenants, keys, checks; reads no tenant's data
	Worker                   // the appliance itself in a tenant: carries out its runs and delivers its webhooks; nobody signs in as it
)

var roleNames = [...]string{Admin: "admin", Modeler: "modeler", Analyst: "analyst", Approver: "approver", Viewer: "viewer", Operator: "operator", Worker: "worker"}

// AllRoles lists the roles in the order of the table.
func AllRoles() []Role { return []Role{Admin, Modeler, Analyst, Approver, Viewer, Operator, Worker} }

func (r Role) String() string {
	if r == 0 || int(r) >= len(roleNames) {
		return fmt.Sprintf("role(%d)", uint8(r))
	}
	return roleNames[r]
}

// ParseRole reads a role of a tenant by its name. Operator and Worker are none of them: they are not given to users.
func ParseRole(name string) (Role, error) {
	for _, r := range AllRoles() {
		if r != Operator && r != Worker && r.String() == name {
			return r, nil
		}
	}
	return 0, fmt.Errorf("role %q is none of admin, modeler, analyst, approver, viewer", name)
}

// MarshalText makes a role its name in JSON; no role is "".
func (r Role) MarshalText() ([]byte, error) {
	if r == 0 {
		return nil, nil
	}
	return []byte(r.String()), nil
}

// UnmarshalText reads any role, Operator and none too.
func (r *Role) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = 0
		return nil
	}
	at := slices.Index(roleNames[:], string(text))
	if at <= 0 {
		return fmt.Errorf("role %q is not known", text)
	}
	*r = Role(at)
	return nil
}

// Verb is one thing that can be asked of the product; its name is what the audit log says.
type Verb struct {
	name  string
	roles []Role
}

func (v Verb) String() string { return v.name }

// Allowed reports whether the role may do the verb.
func Allowed(r Role, v Verb) bool { return slices.Contains(v.roles, r) }

// verb makes one row of the table.
func verb(name string, roles ...Role) Verb { return Verb{name, roles} }

// byName are the verbs; an audited reading looks up its own.
var byName = sync.OnceValue(func() map[string]Verb {
	all := map[string]Verb{}
	for _, v := range Verbs() {
		all[v.name] = v
	}
	return all
})

// FindVerb returns the verb of that name.
func FindVerb(name string) (Verb, bool) {
	v, found := byName()[name]
	return v, found
}

// Matrix prints the whole table, one line a verb; its golden is what a reviewer reads.
func Matrix() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%-24s", "verb")
	for _, r := range AllRoles() {
		fmt.Fprintf(&out, " %-8s", r)
	}
	out.WriteString("\n")
	for _, v := range Verbs() {
		fmt.Fprintf(&out, "%-24s", v.name)
		for _, r := range AllRoles() {
			mark := "."
			if Allowed(r, v) {
				mark = "yes"
			}
			fmt.Fprintf(&out, " %-8s", mark)
		}
		out.WriteString("\n")
	}
	return out.String()
}
