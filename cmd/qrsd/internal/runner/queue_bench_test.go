package runner

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// BenchmarkQueue is a run of 6,400 years of two locations from submission to seal, with nobody listening and with 200 listeners that
// take every event, and with all blocks kept and none. A run of so little work a year is the worst case for what is beside it.
func BenchmarkQueue(b *testing.B) {
	for _, c := range []struct {
		listeners int
		keepWorth time.Duration
	}{{0, time.Hour}, {200, time.Hour}, {0, 1}} {
		b.Run(fmt.Sprintf("listeners=%d/kept=%v", c.listeners, c.keepWorth == 1), func(b *testing.B) {
			db := storetest.New(b, store.Options{})
			in := newInsurer(b, db, "Example Mutual")
			w := atWork(b, QueueOptions{DB: db, keepWorth: c.keepWorth})
			ctx, cancel := context.WithCancel(b.Context())
			var all sync.WaitGroup
			heard := listening(ctx, &all, w, in, c.listeners)
			spec := killedSpec(in.spec)
			before := processorTime(b)
			for b.Loop() {
				run := in.submit(spec)
				w.Submitted(in.tenant, run)
				w.await(in.tenant, run, sealed)
			}
			cancel()
			all.Wait()
			b.ReportMetric(float64(b.N*spec.Years)/b.Elapsed().Seconds(), "years/s")
			b.ReportMetric((processorTime(b)-before).Seconds()/float64(b.N), "core-s/op")
			if c.listeners > 0 {
				b.ReportMetric(float64(heard())/float64(b.N*c.listeners), "events/listener")
			}
		})
	}
}

// processorTime is what this process has used: on a shared host it says more than the clock.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// listening starts listeners, and gives how many events they heard after they have ended.
func listening(ctx context.Context, all *sync.WaitGroup, w *working, in *insurer, n int) func() int {
	counts := make([]int, n)
	for i := range counts {
		l := w.o.Feed.Listen(in.tenant, 0)
		all.Go(func() {
			defer l.Close()
			for {
				events, _, err := l.Next(ctx)
				if err != nil {
					return
				}
				counts[i] += len(events)
			}
		})
	}
	return func() (sum int) {
		for _, c := range counts {
			sum += c
		}
		return sum
	}
}
