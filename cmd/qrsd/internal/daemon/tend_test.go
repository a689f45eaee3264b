package daemon_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/daemon"
)

// TestTend: a task that panics is told with its stack and begun again; one that ends is not, nor one whose context has ended.
func TestTend(t *testing.T) {
	begun, told := 0, 0
	daemon.Tend(t.Context(), time.Millisecond, func(context.Context) {
		if begun++; begun < 3 {
			panic("broken")
		}
	}, func(what string, stack []byte) {
		if told++; what != "broken" || !strings.Contains(string(stack), "tend_test.go") {
			t.Errorf("told %s: %s", what, stack)
		}
	})
	if begun != 3 || told != 2 {
		t.Errorf("begun %d times, told %d", begun, told)
	}
	ctx, cancel := context.WithCancel(t.Context())
	daemon.Tend(ctx, time.Hour, func(context.Context) { cancel(); panic("at the end") }, func(string, []byte) { told++ })
	if told != 3 {
		t.Error("a panic at the end is not told")
	}
}
