package store

import (
	"fmt"

	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// The vocabulary of rights. The types live where only packages of the store can make a Principal.
type (
	// ID names a tenant, a user or a record.
	ID = rights.ID
	// Role is what a user is within a tenant, or Operator.
	Role = rights.Role
	// Verb is one thing that can be asked for; package store/internal/rights has the table.
	Verb = rights.Verb
	// Principal is an authenticated caller.
	Principal = rights.Principal
	// Source is where a request came from.
	Source = rights.Source
)

// Roles of users, Operator, and Worker: the appliance at work for a tenant.
const (
	Admin    = rights.Admin
	Modeler  = rights.Modeler
	Analyst  = rights.Analyst
	Approver = rights.Approver
	Viewer   = rights.Viewer
	Operator = rights.Operator
	Worker   = rights.Worker
)

// Appliance is the reserved tenant: the appliance itself.
var Appliance = ID{15: 1}

// ParseID reads an id of 32 hexadecimal digits.
func ParseID(text string) (ID, error) { return rights.ParseID(text) }

// ParseRole reads the name of a user's role.
func ParseRole(name string) (Role, error) { return rights.ParseRole(name) }

// ParseVerb finds a verb of the permission table by its name.
func ParseVerb(name string) (Verb, error) {
	if v, ok := rights.FindVerb(name); ok {
		return v, nil
	}
	return Verb{}, fmt.Errorf("verb %q is not in the permission table", name)
}

// Permissions prints who may do what, one line a verb.
func Permissions() string { return rights.Matrix() }
