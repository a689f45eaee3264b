package parallel_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/qrsrisk/qrsd/engine/internal/parallel"
)

func TestMergesInOrderOnAnyNumberOfWorkers(t *testing.T) {
	for _, workers := range []int{1, 2, 7, 64} {
		var got []int
		err := parallel.Ordered(t.Context(), 1000, workers,
			func(i, w int) (int, error) {
				if w < 0 || w >= workers {
					t.Errorf("worker %d of %d", w, workers)
				}
				return i * i, nil
			},
			func(i, r int) error {
				if r != i*i {
					t.Errorf("result of %d is %d", i, r)
				}
				got = append(got, i)
				return nil
			})
		if err != nil || len(got) != 1000 {
			t.Fatalf("%d workers: %d results, error %v", workers, len(got), err)
		}
		for i, v := range got {
			if v != i {
				t.Fatalf("%d workers: position %d holds %d", workers, i, v)
			}
		}
	}
}

func TestErrorsStopTheRest(t *testing.T) {
	bad := errors.New("bad")
	var calls atomic.Int64
	err := parallel.Ordered(t.Context(), 1_000_000, 4,
		func(i, _ int) (int, error) {
			calls.Add(1)
			if i == 50 {
				return 0, bad
			}
			return i, nil
		}, func(int, int) error { return nil })
	if !errors.Is(err, bad) || calls.Load() > 1000 {
		t.Errorf("work: error %v after %d calls", err, calls.Load())
	}
	err = parallel.Ordered(t.Context(), 100, 4, func(i, _ int) (int, error) { return i, nil },
		func(i, _ int) error {
			if i == 10 {
				return bad
			}
			return nil
		})
	if !errors.Is(err, bad) {
		t.Errorf("merge: error %v", err)
	}
}

func TestCancelReturns(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := parallel.Ordered(ctx, 1_000_000, 3,
		func(i, _ int) (int, error) {
			if i == 100 {
				cancel()
			}
			return i, nil
		}, func(int, int) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := parallel.Ordered(t.Context(), 0, 3, func(int, int) (int, error) { panic("no work") }, func(int, int) error { return nil }); err != nil {
		t.Errorf("nothing to do: %v", err)
	}
}

// TestPanicIsTheCallers: a panic of work or merge ends in the goroutine that called, with where it began, when the others have ended.
func TestPanicIsTheCallers(t *testing.T) {
	for name, in := range map[string][2]bool{"work": {true, false}, "merge": {false, true}} {
		func() {
			defer func() {
				text, _ := recover().(string)
				if !strings.HasPrefix(text, "broken in "+name) || !strings.Contains(text, "parallel_test.go") {
					t.Errorf("%s: recovered %.200q", name, text)
				}
			}()
			err := parallel.Ordered(t.Context(), 1000, 4, func(i, _ int) (int, error) {
				if in[0] && i == 100 {
					panic("broken in work")
				}
				return i, nil
			}, func(i, _ int) error {
				if in[1] && i == 100 {
					panic("broken in merge")
				}
				return nil
			})
			t.Errorf("%s: returned %v", name, err)
		}()
	}
}
