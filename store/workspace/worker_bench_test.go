package workspace_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// BenchmarkWaiting is what the appliance pays to look for something to do: 20 tenants with 20 queued runs each.
func BenchmarkWaiting(b *testing.B) {
	o := newBench(b)
	o.queue(20)
	for i := range 19 {
		o.another(fmt.Sprint("Tenant ", i)).queue(20)
	}
	k := o.appliance("worker 1")
	for b.Loop() {
		if n := must(k.Waiting(b.Context()))(b); len(n) != 20 {
			b.Fatal(len(n))
		}
	}
}

// BenchmarkSubmit is a run that is queued, where 20 wait, without webhooks and with 20 of them.
func BenchmarkSubmit(b *testing.B) {
	for _, hooks := range []int{0, 20} {
		b.Run(fmt.Sprint("webhooks=", hooks), func(b *testing.B) {
			o := newBench(b)
			for range hooks {
				o.hook(hears(workspace.RunQueued))
			}
			run := o.queue(20)[0]
			w := o.as(store.Admin)
			p := must(w.Run(b.Context(), run))(b).Value.Portfolio
			for b.Loop() {
				id := must(w.Submit(b.Context(), workspace.NewRun{Portfolio: p, Model: modelDigest, Spec: spec()}))(b)
				b.StopTimer()
				must(0, w.Cancel(b.Context(), id, ""))(b)
				b.StartTimer()
			}
		})
	}
}

// BenchmarkBlock is a finished block of a megabyte that is kept.
func BenchmarkBlock(b *testing.B) {
	o := newBench(b)
	o.queue(1)
	blocks := must(claimFirst(b, o.appliance("worker 1")).OpenBlocks(b.Context(), computation()))(b)
	content := make([]byte, 1<<20)
	b.SetBytes(int64(len(content)))
	for n := 0; b.Loop(); n++ {
		must(0, blocks.Keep(b.Context(), n%64, bytes.NewReader(content)))(b)
	}
}
