package wire

import (
	"encoding/json"
	"time"
)

// QuantumQuestions are what of a finished run a quantum device can be asked: GET /api/v1/runs/{id}/quantum-questions.
type QuantumQuestions struct {
	Run     string            `json:"run"`
	Leaves  string            `json:"leaves"` // what leaves of a job, in words
	Devices []QuantumDevice   `json:"devices"`
	Items   []QuantumQuestion `json:"items"`
}

// QuantumDevice is a device that can be asked.
type QuantumDevice struct {
	ARN      string `json:"arn"`
	Name     string `json:"name"`
	Hardware bool   `json:"hardware"` // false: a simulator of the provider's
}

// QuantumQuestion is one amplitude of a run that can be asked of a device.
type QuantumQuestion struct {
	Name  string  `json:"name"`
	Text  string  `json:"text"`
	Unit  string  `json:"unit,omitempty"` // of the answer, a currency; absent: it is a probability
	Exact float64 `json:"exact"`          // the answer, by adding up the bins
}

// NewQuantumJob is asked for by POST /api/v1/quantum-jobs. What is absent is as it usually is.
type NewQuantumJob struct {
	Run      string `json:"run"`
	Question string `json:"question"`         // a name of QuantumQuestions
	Device   string `json:"device,omitempty"` // name or ARN; absent: forte-1
	Qubits   *int   `json:"qubits,omitempty"` // for the loss: it is sent in 2^n bins; absent: 3
	Powers   []int  `json:"powers,omitempty"` // of the Grover operator; absent: 0, 1, 2
	Shots    *int   `json:"shots,omitempty"`  // of every circuit; absent: 500
	Twins    *int   `json:"twins,omitempty"`  // calibration twins for every power; absent: 1
}

// QuantumJob is a job for a quantum device.
type QuantumJob struct {
	ID         string               `json:"id"`
	Run        string               `json:"run"`
	Question   string               `json:"question"`
	Text       string               `json:"text"`
	Device     string               `json:"device"` // ARN
	Stage      string               `json:"stage"`  // prepared, exported, submitted, answered, withdrawn
	Prepared   time.Time            `json:"prepared"`
	By         string               `json:"by"`
	Qubits     int                  `json:"qubits"`
	Twins      int                  `json:"twins"`
	Shots      int                  `json:"shots"`              // of all circuits
	Expected   QuantumExpectation   `json:"expected"`           // what a device without noise would give
	Estimate   string               `json:"estimate,omitempty"` // its record in ledger and register; absent: nothing of it has left
	Quote      *QuantumQuote        `json:"quote,omitempty"`    // the last one
	Confirmed  *QuantumConfirmation `json:"confirmed,omitempty"`
	Cancelling bool                 `json:"cancelling"`  // its tasks shall be cancelled
	QuotedUSD  string               `json:"quoted_usd"`  // of all tasks that were created
	PendingUSD string               `json:"pending_usd"` // agreed to for tasks that are not created yet
	Circuits   []QuantumTask        `json:"circuits"`
	Relay      string               `json:"relay,omitempty"`  // that answered, by the name under which it is trusted
	Report     json.RawMessage      `json:"report,omitempty"` // object; the estimate, when it is answered
}

// QuantumExpectation is the estimate of a device without noise, on the simulator here.
type QuantumExpectation struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// QuantumTask is one circuit of a job and what became of it.
type QuantumTask struct {
	SHA256 string `json:"sha256"` // of its source, hexadecimal
	Power  int    `json:"power"`  // of the Grover operator
	Shots  int    `json:"shots"`
	ARN    string `json:"arn,omitempty"` // of the task; absent: it was not created
	Status string `json:"status,omitempty"`
	Queue  string `json:"queue,omitempty"`  // place in the device's queue
	Reason string `json:"reason,omitempty"` // why it failed, as the service says it
	Result bool   `json:"result"`           // its counts are here
}

// QuantumPreview is what of a job leaves, byte for byte: GET /api/v1/quantum-jobs/{id}/preview.
type QuantumPreview struct {
	Job      string           `json:"job"`
	Leaves   string           `json:"leaves"` // what that is, in words
	Circuits []QuantumCircuit `json:"circuits"`
}

// QuantumCircuit is one circuit as it leaves.
type QuantumCircuit struct {
	Source           string `json:"source"`            // OpenQASM 3
	SHA256           string `json:"sha256"`            // of the source, hexadecimal
	Action           string `json:"action"`            // member of the request, with the source in it
	DeviceParameters string `json:"device_parameters"` // member of the request; "": it has none
	Power            int    `json:"power"`
	Shots            int    `json:"shots"`
	Qubits           int    `json:"qubits"`
	Gates            int    `json:"gates"`
}

// QuantumQuote is what a device would take for what is still to be submitted of a job.
type QuantumQuote struct {
	Digest   string    `json:"digest"` // of price and requests; a confirmation names it
	TotalUSD string    `json:"total_usd"`
	Tasks    int       `json:"tasks"`
	At       time.Time `json:"at"`
}

// QuantumOffer is the answer to POST /api/v1/quantum-jobs/{id}/quote: a quote and all that it rests on.
type QuantumOffer struct {
	Job          string       `json:"job"`
	Quote        QuantumQuote `json:"quote"`
	Shots        int          `json:"shots"`
	Unit         string       `json:"unit"` // shot or minute
	UnitUSD      string       `json:"unit_usd"`
	TaskUSD      string       `json:"task_usd"`
	DeviceName   string       `json:"device_name"`
	DeviceStatus string       `json:"device_status"`
	Queue        string       `json:"queue,omitempty"` // tasks that wait for the device
	Leaves       string       `json:"leaves"`
	Requests     []string     `json:"requests"` // that would be sent, byte for byte but for the headers of their signatures
}

// QuantumConfirmation is a person's agreement to a quote.
type QuantumConfirmation struct {
	Digest   string    `json:"digest"`
	TotalUSD string    `json:"total_usd"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
}

// QuantumAgreement is asked for by POST /api/v1/quantum-jobs/{id}/confirm.
type QuantumAgreement struct {
	Digest string `json:"digest"` // of the quote that is agreed to
}

// QuantumExport is asked for by POST /api/v1/quantum-jobs/{id}/export.
type QuantumExport struct {
	MaxPriceUSD string `json:"max_price_usd"` // the relay runs nothing if its quote is above it; decimal, as 120.90
}

// QuantumResult is asked for by POST /api/v1/quantum-results.
type QuantumResult struct {
	File string `json:"file"` // text of the file that the relay wrote, job.qres.json
}

// QuantumSettings are a tenant's for quantum devices: GET /api/v1/quantum-settings.
type QuantumSettings struct {
	LimitUSD    *string        `json:"limit_usd,omitempty"` // that may be spent in all; absent: nothing
	QuotedUSD   string         `json:"quoted_usd"`          // what all tasks were quoted at; the provider's bill decides
	PendingUSD  string         `json:"pending_usd"`         // agreed to for tasks that are not created yet
	PublicKey   string         `json:"public_key"`          // by which a relay knows your jobs
	Fingerprint string         `json:"fingerprint"`
	Relays      []QuantumRelay `json:"relays"`                // whose results are taken in
	Unreachable string         `json:"unreachable,omitempty"` // why no device can be reached from here; absent: one can
}

// QuantumRelay is a trusted relay.
type QuantumRelay struct {
	Name        string `json:"name"`
	PublicKey   string `json:"public_key"`
	Fingerprint string `json:"fingerprint"`
}

// QuantumSettingsChange is asked for by PUT /api/v1/quantum-settings.
type QuantumSettingsChange struct {
	LimitUSD *string           `json:"limit_usd,omitempty"` // absent: nothing may be spent
	Relays   []NewQuantumRelay `json:"relays,omitempty"`
}

// NewQuantumRelay is a relay to be trusted.
type NewQuantumRelay struct {
	Name      string `json:"name"`
	PublicKey string `json:"public_key"` // ed25519:... as qrsd relay key prints it
}
