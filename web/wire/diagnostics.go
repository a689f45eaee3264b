package wire

import "time"

// Doctor is what an examination of the appliance found: GET /api/v1/system/doctor.
type Doctor struct {
	At       time.Time `json:"at"`
	Version  string    `json:"version"` // of the program
	Worst    string    `json:"worst"`   // ok, warning or failure
	Findings []Finding `json:"findings"`
}

// Finding is one line of an examination.
type Finding struct {
	Check  string `json:"check"`            // what was looked at: "disk space"
	State  string `json:"state"`            // ok, warning, failure, or unknown: it could not be looked at
	Found  string `json:"found"`            // in words
	Advice string `json:"advice,omitempty"` // what to do; absent where nothing is
}

// Bundle is what was collected for support, to be looked at and packed: GET and POST /api/v1/system/bundles.
type Bundle struct {
	ID         string       `json:"id"`
	Collected  time.Time    `json:"collected"`
	Expires    time.Time    `json:"expires"`    // when it is forgotten
	Recipients []string     `json:"recipients"` // public keys that it is encrypted to; none: it cannot be packed
	Files      []BundleFile `json:"files"`
}

// BundleFile is a file of a bundle.
type BundleFile struct {
	Name     string `json:"name"`
	About    string `json:"about"` // what is in it
	Bytes    int    `json:"bytes"`
	SHA256   string `json:"sha256"`
	Withheld int    `json:"withheld"` // places where something was taken out
}
