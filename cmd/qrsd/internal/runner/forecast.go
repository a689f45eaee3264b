package runner

import (
	"sync"
	"time"
)

// Size is what the time and room of a run follow from.
type Size struct {
	Locations int
	Years     int
	Samples   int // 0: the mean alone
}

// Forecast is what a run will take, roughly: within a factor of two for portfolios that are spread over Florida as the sample is.
type Forecast struct {
	Elapsed time.Duration // on all cores of the queue, with no other run beside it
	Memory  int64         // bytes, at the highest
	Disk    int64         // bytes, of what is kept meanwhile and of the results
}

// pace is how fast this host was, against the host on which the forecast was measured.
type pace struct {
	mu sync.Mutex
}

// Forecast says what a run of that size will take.
func (q *Queue) Forecast(s Size) Forecast {
	return Forecast{}
}
