package daemon

import (
	"math"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/examples/florida"
	"github.com/qrsrisk/qrsd/internal/figures"
	"github.com/qrsrisk/qrsd/internal/intake"
	"github.com/qrsrisk/qrsd/internal/settings"
	"github.com/qrsrisk/qrsd/internal/storms"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// curvesAtOnce is of how many runs curves are computed at the same time, beside the runs that are carried out.
const curvesAtOnce = 2

// exposureKept is after how long exposure that was read to compute the sites of a storm is looked at again, and forgotten if nobody asked for it.
const exposureKept = 5 * time.Minute

// example is the synthetic sample portfolio, for people who have no file at hand.
func example() (e *web.ExampleExposure, err error) {
	e = &web.ExampleExposure{Name: florida.Name, Location: web.ExampleFile{Name: florida.Location}, Account: web.ExampleFile{Name: florida.Account}}
	if e.Location.Content, err = florida.Read(florida.Location); err != nil {
		return nil, err
	}
	e.Account.Content, err = florida.Read(florida.Account)
	return e, err
}

// addRuns gives the server what it needs of the engine and of the queue.
func (a *appliance) addRuns(o *web.Options) {
	o.Intake = intake.New(intake.Options{Ground: ground})
	o.Example = example
	o.Uploads = a.config.Store.Path // the disk that has the room; the system's temporary files may be in memory
	o.Settings = settings.New(func() (*modelpack.Model, error) { return modelpack.Florida(vulnerability.Options{}) })
	o.Figures = figures.New(figures.Options{AtOnce: curvesAtOnce, Ground: ground})
	o.Storms = storms.New(storms.Options{
		Model: func(without []string) (*modelpack.Model, error) {
			return modelpack.Florida(vulnerability.Options{Without: without})
		},
		Figures: o.Figures,
		Later:   func(look func()) { time.AfterFunc(exposureKept, look) },
	})
	o.Queue, o.Progress, o.Forecast = a.queue, a.progress, a.forecast
}

// ground is the model's Florida, by which exposure is placed.
func ground() (*geography.Florida, error) {
	m, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		return nil, err
	}
	return m.Ground, nil
}

// progress says how far a run is; nil: nothing was heard of it since the appliance started.
func (a *appliance) progress(tenant, run store.ID) *wire.RunProgress {
	e, found := a.feed.Latest(tenant, run)
	if !found {
		return nil
	}
	return &wire.RunProgress{Stage: e.Stage, Done: e.Done, Of: e.Of, YearsASecond: e.Rate, SecondsLeft: math.Ceil(e.Left.Seconds()), WaitingReason: e.Reason}
}

func (a *appliance) forecast(w web.Workload) web.Forecast {
	f := a.queue.Forecast(runner.Size{Locations: w.Locations, Years: w.Years, Samples: w.Samples})
	return web.Forecast{Elapsed: f.Elapsed, Memory: f.Memory, Disk: f.Disk}
}
