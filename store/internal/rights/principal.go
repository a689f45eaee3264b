package rights

import "sync/atomic"

// Source is where a request came from. It is personal data: the audit log keeps it in the part that dies with the
// tenant's keys.
type Source struct {
	Address   string // IP address, or "host" for a command on the appliance itself
	UserAgent string // the browser's or client's own words; the command line's version
	Request   string // the request's id, given by whoever received it
	// Entered, where there is one, is set once an audit entry names the request: whoever has to answer for a request that broke
	// off knows whether it left one.
	Entered *atomic.Bool
}

// Principal is an authenticated caller: who it is, of which tenant, in which role, from where. It is made by the
// constructors here and cannot be changed; the zero Principal may do nothing.
type Principal struct {
	user   ID
	tenant ID
	home   ID // of an operator with an account at work in a tenant: the appliance; zero: tenant
	role   Role
	actor  string
	source Source
	scopes []Verb // of an API key; nil: all that the role may
}

// User is a signed-in user of a tenant. Scopes narrow what the role may; nil leaves it whole.
func User(user, tenant ID, role Role, source Source, scopes []Verb) Principal {
	if role == Operator || role == Worker || role == 0 {
		panic("rights: a user of a tenant in the role " + role.String())
	}
	return Principal{user: user, tenant: tenant, role: role, source: source, scopes: scopes}
}

// HostOperator is whoever works on the appliance's host with its key; actor is the account's name there. An account that is
// called like the appliance itself is entered as another.
func HostOperator(tenant ID, actor string, source Source) Principal {
	if actor == appliance {
		actor = "account " + appliance
	}
	return Principal{tenant: tenant, role: Operator, actor: actor, source: source}
}

// OperatorUser is a signed-in operator who has an account of the appliance, which is a reserved tenant. Scopes narrow what
// operators may; nil leaves it whole.
func OperatorUser(user, appliance ID, source Source, scopes []Verb) Principal {
	if user.IsZero() {
		panic("rights: an operator with an account and no id")
	}
	return Principal{user: user, tenant: appliance, role: Operator, source: source, scopes: scopes}
}

// Within is an operator at work in a tenant: what it does there stands in that tenant's log. It is no method, so that packages
// outside of the store cannot send an operator anywhere.
func Within(p Principal, tenant ID) Principal {
	if p.role != Operator {
		panic("rights: a " + p.role.String() + " at work in another tenant")
	}
	if !p.user.IsZero() && tenant != p.tenant {
		p.home = p.Home()
	}
	p.tenant = tenant
	return p
}

// System is the appliance itself at work: rotation, checkpoints, recovery.
func System(tenant ID) Principal {
	return Principal{tenant: tenant, role: Operator, actor: appliance, source: Source{Address: "host"}}
}

// AtWork is the appliance itself at work for a tenant: it takes the tenant's runs and delivers its webhooks. What it may do is the
// column of Worker, and what it did stands in the tenant's log.
func AtWork(tenant ID) Principal {
	return Principal{tenant: tenant, role: Worker, actor: appliance, source: Source{Address: "host"}}
}

// appliance is the actor that the appliance is when it works by itself.
const appliance = "qrsd"

// IsSystem reports whether it is the appliance at work by itself.
func (p Principal) IsSystem() bool {
	return (p.role == Operator || p.role == Worker) && p.actor == appliance
}

// User is the user's id; zero for an operator without account and for the appliance.
func (p Principal) User() ID { return p.user }

// Tenant is the tenant that the caller belongs to, or an operator is at work in; the appliance's own for other operators.
func (p Principal) Tenant() ID { return p.tenant }

// Home is where the caller is a user: its tenant, and of an operator with an account, wherever it is at work, the appliance.
func (p Principal) Home() ID {
	if p.home.IsZero() {
		return p.tenant
	}
	return p.home
}

// Role is the caller's role; 0 for the zero Principal.
func (p Principal) Role() Role { return p.role }

// Actor is the name of the host account, of operators without an account of the appliance only: a user is named by id, never by name.
func (p Principal) Actor() string { return p.actor }

// Source is where the request came from.
func (p Principal) Source() Source { return p.source }

// May reports whether the caller's role, and its scopes, allow the verb.
func (p Principal) May(v Verb) bool {
	if !Allowed(p.role, v) {
		return false
	}
	if p.scopes == nil {
		return true
	}
	for _, s := range p.scopes {
		if s.name == v.name {
			return true
		}
	}
	return false
}

// From is the same caller with another source, for a session that moves on to the next request.
func (p Principal) From(s Source) Principal { p.source = s; return p }
