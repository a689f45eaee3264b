package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Devices leads jobs on quantum devices: it makes circuits, speaks to a device or signs for a relay, and reads the answers. What a user decides is
// kept by verbs of the workspace; it carries them out in the appliance's own name. Errors that a user can mend are *Unavailable,
// *workspace.Invalid or those of the workspace's verbs.
type Devices interface {
	// Reachable says why no device can be reached from here: the mode, or that none is configured. nil: one can.
	Reachable() error
	// Questions are those that the estimate of a run, as its file has it, can be asked.
	Questions(report []byte) (wire.QuantumQuestions, error)
	// Prepare makes the circuits of a question. Nothing leaves, and nothing is kept.
	Prepare(ctx context.Context, tenant, run store.ID, n wire.NewQuantumJob) (workspace.NewDeviceJob, error)
	// View and Preview say what a job is, and what of it leaves.
	View(r store.Record[workspace.DeviceJob]) (wire.QuantumJob, error)
	Preview(r store.Record[workspace.DeviceJob]) (wire.QuantumPreview, error)

	// Quote asks the device for its price and keeps it with the job, which must have its place in the ledger.
	Quote(ctx context.Context, tenant, job store.ID) (wire.QuantumOffer, error)
	// Submit sends what is due of a job that was confirmed, where the device's quote is still the confirmed one.
	Submit(ctx context.Context, tenant, job store.ID) error
	// Follow brings a submitted job up to date, and keeps its estimate when all counts are there.
	Follow(ctx context.Context, tenant, job store.ID) error
	// Cancel asks to cancel the tasks of a job that have not ended.
	Cancel(ctx context.Context, tenant, job store.ID) error

	// Export signs a job for a relay; the same file each time.
	Export(ctx context.Context, tenant, job store.ID, maxPriceUSD string) ([]byte, error)
	// Check finds the job that a relay's result answers, after every check of it. Nothing is changed.
	Check(ctx context.Context, tenant store.ID, file []byte) (job store.ID, err error)
	// Import takes a result in, once.
	Import(ctx context.Context, tenant store.ID, file []byte) error

	// Settings makes the tenant's keys where there are none, and checks a change of settings.
	Keys(ctx context.Context, tenant store.ID) error
	Settings(change wire.QuantumSettingsChange) (workspace.DeviceSettings, error)
	ViewSettings(s workspace.DeviceSettings, spent workspace.DeviceSpending) (wire.QuantumSettings, error)
}

// deviceRoutes are jobs for quantum devices.
func deviceRoutes() []route {
	const path, one = api + "/quantum-jobs", api + "/quantum-jobs/{id}"
	read := func(path, operation, verb string, e endpoint) route {
		return route{Route{Method: "GET", Path: path, Operation: operation, Access: Permitted, Verb: verb}, e}
	}
	do1 := func(path, operation string, stepUp bool, e endpoint) route {
		return route{Route{Method: "POST", Path: path, Operation: operation, Access: Permitted, Verb: "estimate.submit", StepUp: stepUp}, e}
	}
	return []route{
		read(api+"/runs/{id}/quantum-questions", "listQuantumQuestions", "run.read", do((*Server).listQuantumQuestions)),
		read(path, "listQuantumJobs", "estimate.read", do((*Server).listQuantumJobs)),
		{Route{Method: "POST", Path: path, Operation: "prepareQuantumJob", Access: Permitted, Verb: "estimate.submit", Keyed: true}, do((*Server).prepareQuantumJob)},
		read(one, "getQuantumJob", "estimate.read", do((*Server).getQuantumJob)),
		read(one+"/preview", "getQuantumPreview", "estimate.read", do((*Server).getQuantumPreview)),
		do1(one+"/quote", "quoteQuantumJob", false, do((*Server).quoteQuantumJob)),
		do1(one+"/confirm", "confirmQuantumJob", true, do((*Server).confirmQuantumJob)),
		do1(one+"/refresh", "refreshQuantumJob", false, do((*Server).refreshQuantumJob)),
		do1(one+"/cancel", "cancelQuantumJob", false, do((*Server).cancelQuantumJob)),
		do1(one+"/export", "exportQuantumJob", true, do((*Server).exportQuantumJob)),
		do1(api+"/quantum-results", "importQuantumResult", false, do((*Server).importQuantumResult)),
		read(api+"/quantum-settings", "getQuantumSettings", "estimate.read", do((*Server).getQuantumSettings)),
		{Route{Method: "PUT", Path: api + "/quantum-settings", Operation: "setQuantumSettings", Access: Permitted, Verb: "estimate.budget", StepUp: true}, do((*Server).setQuantumSettings)},
	}
}

// devicePatience is how long a request may speak to a device. What was begun is kept, and goes on with the next request.
const devicePatience = 60 * time.Second

// devices gives who leads jobs; a refusal where nobody does.
func (s *Server) devices() (Devices, error) {
	if s.options.Devices == nil {
		return nil, refuse(kindConflict, "this appliance asks no quantum devices")
	}
	return s.options.Devices, nil
}

// reaching gives who leads jobs where a device can be reached; a refusal in words otherwise.
func (s *Server) reaching() (Devices, error) {
	d, err := s.devices()
	if err != nil {
		return nil, err
	}
	if err := d.Reachable(); err != nil {
		return nil, refuse(kindConflict, "%s", err)
	}
	return d, nil
}

// refusing makes a refusal of an error that came before the request's verb ran, so that it is entered.
func refusing(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(refusalOf(err), err)
}

func (s *Server) listQuantumQuestions(ctx context.Context, c *Call, in byID) (out wire.QuantumQuestions, err error) {
	d, err := s.devices()
	if err != nil {
		return out, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	all, err := w.Finished(ctx, func(f workspace.File) bool { return f.Role == estimateRole }, in.ID)
	if err != nil {
		return out, err
	}
	run := all[0]
	defer func() { err = errors.Join(err, run.Close()) }()
	for _, f := range run.Result.Files {
		if from := run.File(f.Name); from != nil {
			text, err := io.ReadAll(io.LimitReader(from, maxEstimate))
			if err != nil {
				return out, fmt.Errorf("%s of run %s: %w", f.Name, in.ID, err)
			}
			out, err = d.Questions(text)
			out.Run = in.ID.String()
			return out, err
		}
	}
	return out, fmt.Errorf("a quantum estimate of run %s: %w", in.ID, store.ErrNotFound) // the reading is entered already
}

// jobsPage is how many jobs a part of their list has: of each, the circuits are read.
const jobsPage = 50

func (s *Server) listQuantumJobs(ctx context.Context, c *Call, in struct {
	Run    *store.ID `query:"run"`
	Cursor string    `query:"cursor"`
	Limit  *int      `query:"limit"`
}) (page wire.Page[wire.QuantumJob], err error) {
	d, err := s.devices()
	if err != nil {
		return page, err
	}
	limit := jobsPage
	if in.Limit != nil {
		limit = *in.Limit
	}
	if limit < 1 || limit > jobsPage {
		return page, badParameter("limit", fmt.Sprintf("%d is not between 1 and %d", limit, jobsPage))
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return page, err
	}
	var run store.ID
	if in.Run != nil {
		run = *in.Run
	}
	all, err := w.DeviceJobs(ctx, run, store.Cursor(in.Cursor), limit)
	if err != nil {
		return page, err
	}
	items := make([]wire.QuantumJob, len(all.Records))
	for i, r := range all.Records {
		if items[i], err = d.View(r); err != nil {
			return page, err
		}
	}
	return pageOf(c, items, string(all.Next), func(j wire.QuantumJob) wire.QuantumJob { return j }), nil
}

// prepareQuantumJob makes circuits, which takes no verb of the user's, and keeps them by one.
func (s *Server) prepareQuantumJob(ctx context.Context, c *Call, in struct {
	Body wire.NewQuantumJob `body:"json"`
}) (out wire.QuantumJob, err error) {
	d, err := s.devices()
	if err != nil {
		return out, err
	}
	run, err := store.ParseID(in.Body.Run)
	if err != nil {
		return out, badField("/run", err.Error())
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	n, err := d.Prepare(ctx, c.Principal.Tenant(), run, in.Body)
	if err != nil {
		return out, refusing(err)
	}
	r, err := w.PrepareDeviceJob(ctx, n)
	if err != nil {
		return out, err
	}
	c.Created("/quantum-jobs/" + r.ID.String())
	return d.View(r)
}

func (s *Server) getQuantumJob(ctx context.Context, c *Call, in byID) (out wire.QuantumJob, err error) {
	d, r, err := s.quantumJob(ctx, c, in.ID)
	if err != nil {
		return out, err
	}
	return d.View(r)
}

func (s *Server) getQuantumPreview(ctx context.Context, c *Call, in byID) (out wire.QuantumPreview, err error) {
	d, r, err := s.quantumJob(ctx, c, in.ID)
	if err != nil {
		return out, err
	}
	return d.Preview(r)
}

// quantumJob reads a job.
func (s *Server) quantumJob(ctx context.Context, c *Call, id store.ID) (d Devices, r store.Record[workspace.DeviceJob], err error) {
	if d, err = s.devices(); err != nil {
		return nil, r, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return nil, r, err
	}
	r, err = w.DeviceJob(ctx, id)
	return d, r, err
}

// beginQuantumJob gives a job its place in the ledger, before anything of it leaves.
func (s *Server) beginQuantumJob(ctx context.Context, c *Call, id store.ID) error {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return err
	}
	_, err = w.BeginDeviceJob(ctx, id)
	return err
}

func (s *Server) quoteQuantumJob(ctx context.Context, c *Call, in byID) (out wire.QuantumOffer, err error) {
	d, err := s.reaching()
	if err != nil {
		return out, err
	}
	if err := s.beginQuantumJob(ctx, c, in.ID); err != nil {
		return out, err
	}
	ctx, cancel := context.WithTimeout(ctx, devicePatience)
	defer cancel()
	return d.Quote(ctx, c.Principal.Tenant(), in.ID)
}

// confirmQuantumJob is the agreement of a person who has just shown who it is, to the quote whose digest it names; then the job is
// submitted.
func (s *Server) confirmQuantumJob(ctx context.Context, c *Call, in struct {
	ID   store.ID              `path:"id"`
	Body wire.QuantumAgreement `body:"json"`
}) (out wire.QuantumJob, err error) {
	d, err := s.reaching()
	if err != nil {
		return out, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	if _, err := w.ConfirmDeviceJob(ctx, in.ID, in.Body.Digest); err != nil {
		return out, err
	}
	return s.ledQuantumJob(ctx, c, in.ID, d, d.Submit)
}

// ledQuantumJob has the appliance take a step with a job, and shows the job as it is then.
func (s *Server) ledQuantumJob(ctx context.Context, c *Call, id store.ID, d Devices, step func(context.Context, store.ID, store.ID) error) (out wire.QuantumJob, err error) {
	patient, cancel := context.WithTimeout(ctx, devicePatience)
	defer cancel()
	if err := step(patient, c.Principal.Tenant(), id); err != nil {
		return out, err
	}
	desk, err := workspace.OpenDeviceDesk(ctx, s.db, c.Principal.Tenant())
	if err != nil {
		return out, err
	}
	r, err := desk.Job(ctx, id)
	if err != nil {
		return out, err
	}
	return d.View(r)
}

func (s *Server) refreshQuantumJob(ctx context.Context, c *Call, in byID) (out wire.QuantumJob, err error) {
	d, err := s.reaching()
	if err != nil {
		return out, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	if _, err := w.FollowDeviceJob(ctx, in.ID); err != nil {
		return out, err
	}
	return s.ledQuantumJob(ctx, c, in.ID, d, d.Follow)
}

// cancelQuantumJob gives a job up. One that was not submitted needs no device for that.
func (s *Server) cancelQuantumJob(ctx context.Context, c *Call, in byID) (out wire.QuantumJob, err error) {
	d, err := s.devices()
	if err != nil {
		return out, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	r, err := w.CancelDeviceJob(ctx, in.ID)
	if err != nil || r.Value.Stage == workspace.DeviceWithdrawn {
		if err != nil {
			return out, err
		}
		return d.View(r)
	}
	if err := d.Reachable(); err != nil {
		return out, &Unavailable{err.Error()}
	}
	return s.ledQuantumJob(ctx, c, in.ID, d, d.Cancel)
}

// exportQuantumJob gives a job's signed file out, to be carried to a relay. It needs no connection.
func (s *Server) exportQuantumJob(ctx context.Context, c *Call, in struct {
	ID   store.ID           `path:"id"`
	Body wire.QuantumExport `body:"json"`
}) (*Document, error) {
	d, err := s.devices()
	if err != nil {
		return nil, err
	}
	if err := s.beginQuantumJob(ctx, c, in.ID); err != nil {
		return nil, err
	}
	file, err := d.Export(ctx, c.Principal.Tenant(), in.ID, in.Body.MaxPriceUSD)
	if err != nil {
		return nil, err
	}
	return &Document{Type: "application/json", Name: "job-" + in.ID.String() + ".qcirc.json", Body: file}, nil
}

// importQuantumResult takes a relay's result in. It is held to everything before anything is changed.
func (s *Server) importQuantumResult(ctx context.Context, c *Call, in struct {
	Body wire.QuantumResult `body:"json"`
}) (out wire.QuantumJob, err error) {
	d, err := s.devices()
	if err != nil {
		return out, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	file := []byte(in.Body.File)
	id, err := d.Check(ctx, c.Principal.Tenant(), file)
	if err != nil {
		return out, refusing(err)
	}
	if _, err := w.FollowDeviceJob(ctx, id); err != nil {
		return out, err
	}
	return s.ledQuantumJob(ctx, c, id, d, func(ctx context.Context, tenant, _ store.ID) error { return d.Import(ctx, tenant, file) })
}

func (s *Server) getQuantumSettings(ctx context.Context, c *Call, _ struct{}) (out wire.QuantumSettings, err error) {
	d, err := s.devices()
	if err != nil {
		return out, err
	}
	if err := d.Keys(ctx, c.Principal.Tenant()); err != nil {
		return out, refusing(err)
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	r, spent, err := w.DeviceSettings(ctx)
	if err != nil {
		return out, err
	}
	c.Version(r.Version)
	return d.ViewSettings(r.Value, spent)
}

func (s *Server) setQuantumSettings(ctx context.Context, c *Call, in struct {
	Body wire.QuantumSettingsChange `body:"json"`
}) (out wire.QuantumSettings, err error) {
	d, err := s.devices()
	if err != nil {
		return out, err
	}
	version, err := c.IfMatch()
	if err != nil {
		return out, err
	}
	change, err := d.Settings(in.Body)
	if err == nil {
		err = d.Keys(ctx, c.Principal.Tenant())
	}
	if err != nil {
		return out, refusing(err)
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	r, spent, err := w.SetDeviceSettings(ctx, change, version)
	if err != nil {
		return out, err
	}
	c.Version(r.Version)
	return d.ViewSettings(r.Value, spent)
}
