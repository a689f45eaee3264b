package wire

import "time"

// NewWebhook is an address that is to hear of events: POST /api/v1/webhooks, and PUT /api/v1/webhooks/{id}, which puts it in the place of what was.
type NewWebhook struct {
	Name   string   `json:"name"`
	URL    string   `json:"url"` // https, without user, password and fragment
	Events []string `json:"events"`
	Off    bool     `json:"off,omitempty"`
}

// Webhook is an address that hears of the tenant's events.
type Webhook struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	URL     string     `json:"url"`
	Events  []string   `json:"events"`
	Off     bool       `json:"off"` // nothing is sent to it
	Created time.Time  `json:"created"`
	By      string     `json:"by"`
	Rotated time.Time  `json:"rotated"`           // when its secret was made
	Overlap *time.Time `json:"overlap,omitempty"` // until then it is signed with the secret of before as well
}

// MadeWebhook is a webhook with its new secret, which is shown this once: POST /api/v1/webhooks and /api/v1/webhooks/{id}/rotate.
type MadeWebhook struct {
	Webhook Webhook `json:"webhook"`
	Secret  string  `json:"secret"`
}

// WebhookRotation asks for a new secret: POST /api/v1/webhooks/{id}/rotate.
type WebhookRotation struct {
	OverlapSeconds int `json:"overlap_seconds"` // in which deliveries are signed with both, up to a week
}

// QueuedDelivery is an event that is on its way: POST /api/v1/webhooks/{id}/trial.
type QueuedDelivery struct {
	ID string `json:"id"`
}

// WebhookEvent is what a webhook is told: that something happened to an object, and nothing of what is in it.
type WebhookEvent struct {
	ID      string    `json:"id"`
	Type    string    `json:"type"`
	Time    time.Time `json:"time"`
	Tenant  string    `json:"tenant"`
	Object  string    `json:"object"`
	State   string    `json:"state,omitempty"`
	Version int       `json:"version"`
}

// Delivery is one event on its way to one webhook: GET /api/v1/webhook-deliveries.
type Delivery struct {
	ID       string       `json:"id"`
	Webhook  string       `json:"webhook"`
	Event    WebhookEvent `json:"event"`
	State    string       `json:"state"` // pending, delivered, given-up
	Created  time.Time    `json:"created"`
	Attempts int          `json:"attempts"`
	Next     *time.Time   `json:"next,omitempty"`   // of a pending one: not tried before
	Last     *time.Time   `json:"last,omitempty"`   // when it was last tried
	Status   int          `json:"status,omitempty"` // HTTP status of the last attempt
	Failure  string       `json:"failure,omitempty"`
}
