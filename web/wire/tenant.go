package wire

import "time"

// Tenant is a customer's own space, as the appliance's operator sees it: GET /api/v1/tenants.
type Tenant struct {
	ID      string     `json:"id"`             // 32 hexadecimal digits
	Name    string     `json:"name,omitempty"` // gone when erased
	Created time.Time  `json:"created"`
	Erased  *time.Time `json:"erased,omitempty"` // when its keys were destroyed
}

// NewTenant asks for a tenant: POST /api/v1/tenants.
type NewTenant struct {
	Name string `json:"name"` // 1 to 200 characters
}

// MadeTenant is a new tenant.
type MadeTenant struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Certificate of a tenant's erasure: DELETE /api/v1/tenants/{id} and GET /api/v1/tenants/{id}/certificate.
type Certificate struct {
	Version     int       `json:"version"` // of this shape: 1
	Install     string    `json:"install"` // id of the installation
	Tenant      string    `json:"tenant"`
	Erased      time.Time `json:"erased"`              // when the keys were destroyed
	Keys        []string  `json:"keys_destroyed"`      // ids
	Generation  uint64    `json:"key_file_generation"` // of the key file without them
	Rewritten   time.Time `json:"database_rewritten"`  // without what was left; no earlier than that
	AuditSize   int64     `json:"audit_entries"`       // of its audit log, which stays
	Unreadable  string    `json:"unreadable"`          // what can no longer be read, in words
	Remains     string    `json:"remains"`             // what remains, in words
	NotAttested string    `json:"not_attested"`        // what this does not say, in words
	Signed      string    `json:"signed,omitempty"`    // the same as a C2SP signed note, under the appliance's checkpoint key
}

// Policy is what a tenant asks of its users: GET and PUT /api/v1/policy, with ETag and If-Match.
type Policy struct {
	RequireSecondFactor bool `json:"require_second_factor"` // of every user; administrators and approvers need one in any case
}
