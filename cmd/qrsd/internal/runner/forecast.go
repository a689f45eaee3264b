package runner

import (
	"time"

	"github.com/qrsrisk/qrsd/store/workspace"
)

// Size is what the time and room of a run follow from.
type Size struct {
	Locations int
	Years     int // 1 for a scenario
	Samples   int // 0: the mean alone
}

// Forecast is what a run will take, roughly: within a factor of two for portfolios that are spread over Florida as the sample is.
type Forecast struct {
	Elapsed time.Duration // on the cores of the queue, with no other run beside it
	Memory  int64         // bytes, at the highest
	Disk    int64         // bytes, of the blocks that are kept meanwhile and of the results
}

// What a run takes, measured on portfolios of 500 to 20,000 locations of examples/florida, 200 to 10,000 years and 0 to 100 samples, on one core of
// a shared x86-64 server. Seconds are of one core.
const (
	baseSeconds      = 1.5      // model, curves, quantum estimate
	locationSeconds  = 20e-6    // reading
	yearSeconds      = 0.45e-3  // making the storms
	siteEventsYear   = 0.283    // pairs of a site and a damaging event in a year, by location
	siteEventSeconds = 1.2e-6   // wind and mean damage
	sampleSeconds    = 0.075e-6 // of a site-event: draws, terms and their share of the files

	baseMemory     = 100 << 20
	locationMemory = 14_000
	yearMemory     = 3_000
	sampleMemory   = 2_200 // of a year

	baseDisk     = 4 << 20
	locationDisk = 500
	yearDisk     = 19_000 // 16,000 of tables, 3,000 of kept blocks
	sampleDisk   = 5_400  // of a year: 3,200 and 2,200
)

// Forecast says what a run of that size will take. The time is corrected by what runs on this host took.
func (q *Queue) Forecast(s Size) Forecast {
	q.mu.Lock()
	defer q.mu.Unlock()
	return s.forecast(q.o.Cores, q.pace)
}

func (s Size) forecast(cores int, pace float64) Forecast {
	locations, years, samples := float64(s.Locations), float64(s.Years), float64(s.Samples)
	shared := years*yearSeconds + years*locations*siteEventsYear*(siteEventSeconds+samples*sampleSeconds)
	alone := baseSeconds + locations*locationSeconds
	return Forecast{
		Elapsed: time.Duration((alone + shared/float64(cores)) * pace * float64(time.Second)).Round(time.Millisecond),
		Memory:  int64(baseMemory + locations*locationMemory + years*(yearMemory+max(samples, 1)*sampleMemory)),
		Disk:    int64(baseDisk + locations*locationDisk + years*(yearDisk+max(samples, 1)*sampleDisk)),
	}
}

// learn takes up how long a run took that had the cores for itself. Short ones say little about long ones, and one counts for a third.
func (q *Queue) learn(s Size, took time.Duration) {
	const short, share, most = 5 * time.Second, 1.0 / 3, 20
	if took < short {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	seen := took.Seconds() / s.forecast(q.o.Cores, 1).Elapsed.Seconds()
	q.pace += share * (min(max(seen, 1.0/most), most) - q.pace)
}

// alone reports whether there is no run beside the one that asks.
func (q *Queue) alone() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.inHand) == 1
}

func sizeOf(job *workspace.Job) Size {
	s := job.Run().Value.Spec
	return Size{Locations: job.Portfolio().Value.Locations, Years: s.Years, Samples: s.Samples}
}
