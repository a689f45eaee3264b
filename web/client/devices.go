package client

import (
	"context"
	"io"
	"iter"
	"net/http"

	"github.com/qrsrisk/qrsd/web/wire"
)

func atJob(id string, step ...string) string {
	return at(append([]string{"quantum-jobs", id}, step...)...)
}

// QuantumQuestions are what of a finished run a quantum device can be asked.
func (c *Client) QuantumQuestions(ctx context.Context, run string) (wire.QuantumQuestions, error) {
	return call[wire.QuantumQuestions](ctx, c, request{method: http.MethodGet, path: at("runs", run, "quantum-questions")})
}

// QuantumJobs lists jobs for quantum devices, newest first; of a run, or "" of all.
func (c *Client) QuantumJobs(ctx context.Context, run string) iter.Seq2[wire.QuantumJob, error] {
	return list[wire.QuantumJob](ctx, c, at("quantum-jobs"), given(map[string]string{"run": run}))
}

// PrepareQuantumJob makes the circuits of a question. Nothing leaves.
func (c *Client) PrepareQuantumJob(ctx context.Context, n wire.NewQuantumJob) (wire.QuantumJob, error) {
	return call[wire.QuantumJob](ctx, c, request{method: http.MethodPost, path: at("quantum-jobs"), body: n, creates: true})
}

// QuantumJob is a job as it was last heard of.
func (c *Client) QuantumJob(ctx context.Context, id string) (wire.QuantumJob, error) {
	return call[wire.QuantumJob](ctx, c, request{method: http.MethodGet, path: atJob(id)})
}

// QuantumPreview is what of a job leaves, byte for byte.
func (c *Client) QuantumPreview(ctx context.Context, id string) (wire.QuantumPreview, error) {
	return call[wire.QuantumPreview](ctx, c, request{method: http.MethodGet, path: atJob(id, "preview")})
}

// QuoteQuantumJob asks the device for its price.
func (c *Client) QuoteQuantumJob(ctx context.Context, id string) (wire.QuantumOffer, error) {
	return call[wire.QuantumOffer](ctx, c, request{method: http.MethodPost, path: atJob(id, "quote")})
}

// ConfirmQuantumJob agrees to the last quote of a job, by its digest, and has it submitted. It wants a session with a fresh proof.
func (c *Client) ConfirmQuantumJob(ctx context.Context, id string, a wire.QuantumAgreement) (wire.QuantumJob, error) {
	return call[wire.QuantumJob](ctx, c, request{method: http.MethodPost, path: atJob(id, "confirm"), body: a})
}

// RefreshQuantumJob brings a submitted job up to date.
func (c *Client) RefreshQuantumJob(ctx context.Context, id string) (wire.QuantumJob, error) {
	return call[wire.QuantumJob](ctx, c, request{method: http.MethodPost, path: atJob(id, "refresh")})
}

// CancelQuantumJob gives a job up.
func (c *Client) CancelQuantumJob(ctx context.Context, id string) (wire.QuantumJob, error) {
	return call[wire.QuantumJob](ctx, c, request{method: http.MethodPost, path: atJob(id, "cancel")})
}

// ExportQuantumJob writes a job's signed file for a relay, job.qcirc.json. It wants a session with a fresh proof. After an error what was written
// is not whole.
func (c *Client) ExportQuantumJob(ctx context.Context, id string, x wire.QuantumExport, to io.Writer) error {
	return c.copyTo(ctx, request{method: http.MethodPost, path: atJob(id, "export"), body: x}, to)
}

// ImportQuantumResult takes a relay's result in.
func (c *Client) ImportQuantumResult(ctx context.Context, r wire.QuantumResult) (wire.QuantumJob, error) {
	return call[wire.QuantumJob](ctx, c, request{method: http.MethodPost, path: at("quantum-results"), body: r})
}

// QuantumSettings are the tenant's settings for quantum devices, with their ETag.
func (c *Client) QuantumSettings(ctx context.Context) (s wire.QuantumSettings, etag string, err error) {
	return callVersioned[wire.QuantumSettings](ctx, c, request{method: http.MethodGet, path: at("quantum-settings")})
}

// SetQuantumSettings sets what may be spent, and which relays are trusted. It wants a session with a fresh proof.
func (c *Client) SetQuantumSettings(ctx context.Context, s wire.QuantumSettingsChange, etag string) (changed wire.QuantumSettings, now string, err error) {
	return callVersioned[wire.QuantumSettings](ctx, c, request{method: http.MethodPut, path: at("quantum-settings"), body: s, ifMatch: etag})
}
