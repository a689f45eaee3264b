// Package quantumdesk leads jobs on quantum devices for the tenants of the appliance: from a stored run's question to circuits, by a
// submission or a relay to counts, and from these to an estimate in register and ledger.
//
// It holds what joins quantumjob, which knows the steps, with the store, which keeps jobs, keys, budget and the record of what leaves. What a
// user decides is decided before, by verbs of the workspace; here it is carried out in the appliance's own name. It implements package web's
// interface Devices.
//
// Begin with Desk, then Quote and Submit.
package quantumdesk

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/quantumjob"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/quantum/relay"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web"
)

// Options of a Desk. DB is needed.
type Options struct {
	DB *store.DB
	// Mode is the appliance's present one; nil: air-gapped.
	Mode func() outbound.Mode
	// Client makes a client of the service whose requests are entered in a journal; nil: no service is configured, and jobs are carried by relays alone.
	Client func(ctx context.Context, j egress.Journal) (*braket.Client, error)
	// Random is fit for keys; nil: the system's.
	Random io.Reader
	// Now is the clock; nil: the system's.
	Now func() time.Time
}

// Desk implements web.Devices. It is safe for many goroutines; of one job it takes one step at a time.
type Desk struct {
	o Options

	mu   sync.Mutex
	busy map[store.ID]chan struct{} // jobs with which a step is being taken; closed when it has ended
}

var _ web.Devices = (*Desk)(nil)

// New makes a desk.
func New(o Options) *Desk {
	if o.Mode == nil {
		o.Mode = func() outbound.Mode { return outbound.AirGapped }
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Desk{o: o, busy: map[store.ID]chan struct{}{}}
}

// Reachable implements web.Devices.
func (d *Desk) Reachable() error {
	switch {
	case d.o.Mode() == outbound.AirGapped:
		return unavailable("the appliance is air-gapped: nothing leaves it over a network; export the job for a relay, or have an operator set the mode hybrid")
	case d.o.Client == nil:
		return unavailable("no quantum service is configured: write a block quantum into qrsd.hcl, or export the job for a relay")
	}
	return nil
}

func unavailable(format string, args ...any) error {
	return &web.Unavailable{Reason: fmt.Sprintf(format, args...)}
}

// inWords makes an error of a step one for the user, whose text names what to mend. Those of the store stay as they are.
func inWords(err error) error {
	var known *web.Unavailable
	var invalid *workspace.Invalid
	for _, of := range []error{store.ErrLocked, store.ErrClosed, store.ErrErased, store.ErrNotFound} {
		if errors.Is(err, of) {
			return err
		}
	}
	if err == nil || errors.As(err, &known) || errors.As(err, &invalid) || errors.Is(err, context.Canceled) {
		return err
	}
	return unavailable("%s", err)
}

// work is one step with one job.
type work struct {
	*workspace.DeviceDesk
	id   store.ID
	row  store.Record[workspace.DeviceJob]
	kept *quantumjob.Kept
	jobs *quantumjob.Jobs
	done func()
}

// take opens a job for a step, alone. The step must be ended by done.
func (d *Desk) take(ctx context.Context, tenant, id store.ID) (*work, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.busy[id] != nil {
		return nil, errors.Join(unavailable("job %s: %s", id, errBusy), errBusy)
	}
	desk, err := workspace.OpenDeviceDesk(ctx, d.o.DB, tenant)
	if err != nil {
		return nil, err
	}
	w := &work{DeviceDesk: desk, id: id}
	if w.row, err = desk.Job(ctx, id); err != nil {
		return nil, err
	}
	if w.kept, err = kept(&w.row.Value); err != nil {
		return nil, err
	}
	keys, err := desk.Keys(ctx, d.newKeys)
	if err != nil {
		return nil, err
	}
	w.jobs = &quantumjob.Jobs{Keeper: &keeper{desk, id}, Budget: &budget{desk, id}, Random: d.o.Random, Now: d.o.Now, HostKey: relay.KeyOf(keys.Host)}
	if w.jobs.Tokens, err = braket.NewTokenKey(keys.Token); err != nil {
		return nil, err
	}
	if w.jobs.Relays, err = trusted(ctx, desk); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	d.busy[id] = ended
	w.done = func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.busy, id)
		close(ended)
	}
	return w, nil
}

// takeNext opens a job for a step as take does, when the step has ended that is being taken with it.
func (d *Desk) takeNext(ctx context.Context, tenant, id store.ID) (*work, error) {
	for {
		d.mu.Lock()
		ended := d.busy[id]
		d.mu.Unlock()
		if ended == nil {
			w, err := d.take(ctx, tenant, id)
			if !errors.Is(err, errBusy) {
				return w, err
			}
			continue // somebody else was faster
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// errBusy refuses a second step with a job at the same time.
var errBusy = errors.New("a step with this job is being taken already: ask again when it has ended")

// record opens the record of what leaves, for the job's place in the register.
func (w *work) record(ctx context.Context) (err error) {
	if w.row.Value.Estimate == nil {
		return fmt.Errorf("job %s has no place in the ledger, before which nothing of it leaves", w.id)
	}
	w.jobs.Journal, err = w.Journal(ctx, *w.row.Value.Estimate)
	return err
}

// connect makes the client of the service, behind the record.
func (d *Desk) connect(ctx context.Context, w *work) (err error) {
	if err := d.Reachable(); err != nil {
		return err
	}
	if err := w.record(ctx); err != nil {
		return err
	}
	w.jobs.Client, err = d.o.Client(ctx, w.jobs.Journal)
	return err
}

// newKeys draws a tenant's keys.
func (d *Desk) newKeys() (k workspace.DeviceKeys, err error) {
	host, err := relay.NewKey(d.o.Random)
	if err != nil {
		return k, err
	}
	k = workspace.DeviceKeys{Host: host.Private(), Token: make([]byte, 32), Public: host.Public().String()}
	_, err = io.ReadFull(d.o.Random, k.Token)
	return k, err
}

// Keys implements web.Devices.
func (d *Desk) Keys(ctx context.Context, tenant store.ID) error {
	desk, err := workspace.OpenDeviceDesk(ctx, d.o.DB, tenant)
	if err != nil {
		return err
	}
	_, err = desk.Keys(ctx, d.newKeys)
	return err
}

// trusted are the tenant's relays.
func trusted(ctx context.Context, desk *workspace.DeviceDesk) (all relay.Trust, err error) {
	relays, err := desk.Relays(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range relays {
		p := relay.Peer{Name: r.Name}
		if err := p.Key.UnmarshalText([]byte(r.Key)); err != nil {
			return nil, fmt.Errorf("relay %s: %w", r.Name, err)
		}
		all = append(all, p)
	}
	return all, nil
}

// kept reads a job as quantumjob keeps it.
func kept(j *workspace.DeviceJob) (*quantumjob.Kept, error) {
	k := &quantumjob.Kept{Secret: new(egress.Secret)}
	if err := json.Unmarshal(j.State, k); err != nil {
		return nil, fmt.Errorf("reading a kept job: %w", err)
	}
	if k.Format != 1 {
		return nil, fmt.Errorf("reading a kept job: it has format %d; this version reads format 1", k.Format)
	}
	return k, k.Secret.UnmarshalBinary(j.Secret)
}

// keeper keeps one job in the store.
type keeper struct {
	desk *workspace.DeviceDesk
	id   store.ID
}

// Keep implements quantumjob.Keeper.
func (p *keeper) Keep(ctx context.Context, k *quantumjob.Kept) error {
	next := *k
	next.Revision++
	text, err := json.Marshal(&next)
	if err != nil {
		return err
	}
	_, err = p.desk.Change(ctx, p.id, func(j *workspace.DeviceJob) error {
		var was struct{ Revision int }
		if err := json.Unmarshal(j.State, &was); err != nil {
			return err
		}
		if was.Revision != k.Revision || j.Stage == workspace.DeviceWithdrawn {
			return fmt.Errorf("keeping job %s: %w", p.id, quantumjob.ErrChanged)
		}
		j.State, j.Stage, j.Quoted, j.Pending = text, workspace.DeviceStage(k.Stage), int64(k.Quoted()), int64(k.PendingUSD)
		return nil
	})
	if err == nil {
		k.Revision = next.Revision
	}
	return err
}

// Kept implements quantumjob.Keeper: it knows the one job.
func (p *keeper) Kept(ctx context.Context) ([]*quantumjob.Kept, error) {
	r, err := p.desk.Job(ctx, p.id)
	if err != nil {
		return nil, err
	}
	if r.Value.Stage == workspace.DeviceWithdrawn {
		return nil, unavailable("job %s was withdrawn meanwhile", p.id)
	}
	k, err := kept(&r.Value)
	return []*quantumjob.Kept{k}, err
}

// budget is what the tenant may spend.
type budget struct {
	desk *workspace.DeviceDesk
	id   store.ID
}

// Room implements quantumjob.Budget. Without a limit nothing is spent.
func (b *budget) Room(ctx context.Context, _ string) (braket.USD, error) {
	room, limited, err := b.desk.Room(ctx, b.id)
	if err == nil && !limited {
		err = unavailable("no limit is set for what may be spent on quantum devices, so nothing is: an administrator sets one in the quantum settings")
	}
	return braket.USD(room), err
}
