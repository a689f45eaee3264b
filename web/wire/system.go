package wire

import "time"

// System is the state of the appliance: GET /api/v1/system.
type System struct {
	Status  string `json:"status"`            // ready, or locked; locked says nothing else to those who are not signed in
	Version string `json:"version,omitempty"` // of the program
	Mode    string `json:"mode,omitempty"`    // air-gapped, hybrid or connected
	Store   *Store `json:"store,omitempty"`   // for operators
}

// Store is the state of the store, for operators.
type Store struct {
	Install       string    `json:"install"` // id of the installation
	Created       time.Time `json:"created"`
	DatabaseBytes int64     `json:"database_bytes"`
	DatabaseFree  int64     `json:"database_free_bytes"` // within the file, to be used again
	DiskFree      int64     `json:"disk_free_bytes"`
	ReadOnly      bool      `json:"read_only"` // the disk is nearly full: signing in and exporting still work, changes do not
	Anchored      time.Time `json:"anchored"`  // time of the checkpoint in the anchor
	Tenants       int       `json:"tenants"`
	Erased        int       `json:"erased_tenants"`
	RotationDue   int       `json:"rotation_due"`  // owners of keys older than 90 days
	AuditEntries  int64     `json:"audit_entries"` // of the appliance's own log
}

// Mode is how far the appliance reaches: PUT /api/v1/system/mode with If-Match (the ETag of GET /api/v1/system).
type Mode struct {
	Mode string `json:"mode"` // air-gapped, hybrid or connected
}

// Connection is a connection to another host that was opened or refused: GET /api/v1/system/connections.
type Connection struct {
	ID       string     `json:"id"`
	Purpose  string     `json:"purpose"` // such as circuits, e-mail
	Host     string     `json:"host"`
	Port     int        `json:"port"`
	Target   string     `json:"target,omitempty"`  // host:port behind a proxy
	Address  string     `json:"address,omitempty"` // what the host resolved to
	Began    time.Time  `json:"began"`
	Ended    *time.Time `json:"ended,omitempty"` // absent while it stands
	Sent     int64      `json:"sent"`            // bytes
	Received int64      `json:"received"`        // bytes
	Outcome  string     `json:"outcome"`         // opened, failed, refused; "" while it is being opened
	Reason   string     `json:"reason,omitempty"`
}

// Key is an owner of keys, a tenant in one hierarchy: GET /api/v1/keys. There are ids, versions and ages, never keys.
type Key struct {
	Tenant    string    `json:"tenant"`
	Hierarchy string    `json:"hierarchy"` // data; or audit, which outlives an erasure
	KEK       string    `json:"kek"`       // id of the key-encryption key
	Version   uint32    `json:"version"`   // of it
	Created   time.Time `json:"created"`
	Due       time.Time `json:"due"` // when it is rotated without being asked
	DataKeys  []DataKey `json:"data_keys"`
	Destroyed []string  `json:"destroyed"` // ids of data keys
}

// DataKey encrypts records of one kind.
type DataKey struct {
	ID      string    `json:"id"`
	Purpose int       `json:"purpose"` // number of the collection
	Epoch   uint32    `json:"epoch"`
	Created time.Time `json:"created"`
	Current bool      `json:"current"` // encrypts; the others only decrypt
	Used    uint64    `json:"used"`    // encryptions so far, at most
}

// Notice is a message to a user that was not sent yet: GET /api/v1/outbox.
type Notice struct {
	ID            string     `json:"id"`
	Tenant        string     `json:"tenant"`
	Kind          string     `json:"kind"` // what it is about: invitation, password-reset, role-changed ...
	User          string     `json:"user"`
	Email         string     `json:"email"`
	Name          string     `json:"name"`
	Token         string     `json:"token,omitempty"`          // of an invitation or a password reset, to be handed over
	RecoveryCodes *int       `json:"recovery_codes,omitempty"` // left, where one was used
	Item          string     `json:"item,omitempty"`           // name of the passkey that it is about
	Address       string     `json:"address,omitempty"`        // IP address from which it was done; absent where another did it
	UserAgent     string     `json:"user_agent,omitempty"`
	Created       time.Time  `json:"created"`
	Expires       time.Time  `json:"expires"`        // not sent after it
	Attempts      int        `json:"attempts"`       // to send it
	Next          *time.Time `json:"next,omitempty"` // the next attempt; absent: at once
	Failure       string     `json:"failure,omitempty"`
}

// KeyRotation is whose keys were rotated: POST /api/v1/keys/rotate.
type KeyRotation struct {
	Rotated []string `json:"rotated"` // ids of tenants
}

// SetUp sets the appliance up: POST /api/v1/setup, once, with the code of the log.
type SetUp struct {
	Code          string `json:"code"`     // of the daemon's log
	Operator      Person `json:"operator"` // who runs the appliance
	Password      string `json:"password"` // of the operator, 12 to 256 characters
	Tenant        string `json:"tenant"`   // name of the first tenant, 1 to 200 characters
	Administrator Person `json:"administrator"`
	Mode          string `json:"mode,omitempty"` // air-gapped, hybrid or connected; absent where the configuration fixes it
}

// Person is somebody at set-up, whose role follows from the place.
type Person struct {
	Email string `json:"email"`
	Name  string `json:"name"` // 1 to 200 characters
}

// DoneSetUp is what set-up gives, to be shown once. The operator is signed in and goes on to enrol a second factor.
type DoneSetUp struct {
	Operator     User           `json:"operator"`
	Tenant       MadeTenant     `json:"tenant"`
	Invitation   MadeInvitation `json:"invitation"`              // of the tenant's first administrator
	RecoveryCode string         `json:"recovery_code,omitempty"` // of the store; the one of before is void; absent where none could be made now
}
