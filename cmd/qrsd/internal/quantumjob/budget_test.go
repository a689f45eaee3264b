package quantumjob_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/quantumjob"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/braket/brakettest"
)

// TestBudget: what was quoted and what is pending bounds what may be submitted, for jobs and a relay's errands alike, whatever was confirmed.
func TestBudget(t *testing.T) {
	g := openGap(t, brakettest.Options{})
	s, ctx := g.far, t.Context()
	if got, err := s.home.Spending(ctx); err != nil || got.Limit != nil || got.Quoted != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := s.home.SetLimit(290_000_000); err != nil {
		t.Fatal(err)
	}
	s.server.Plan(brakettest.Plan{FailureReason: "lost"})
	k := s.prepare(t, braket.Forte1, "gross-aep/exceedance/5")
	s.submit(t, k)
	if got, err := s.home.Spending(ctx); err != nil || got.Quoted.String() != "241.80" || got.Pending != 0 || got.Limit.String() != "290.00" {
		t.Fatalf("%+v, %v", got, err)
	}
	over := func(err error) {
		t.Helper()
		var price *braket.PriceError
		if !errors.As(err, &price) || price.Limit.String() != "48.20" && price.Limit.String() != "7.90" || !strings.Contains(err.Error(), "the budget leaves") {
			t.Fatalf("got %v", err)
		}
	}
	second := s.prepare(t, braket.Forte1, "gross-aep/exceedance/10")
	offer, err := s.Offer(ctx, second)
	if err != nil {
		t.Fatal(err)
	}
	over(s.Submit(ctx, second, offer, offer.Quote.Total))
	if again := s.reload(t, second.ID); again.Stage != quantumjob.Prepared || again.PendingUSD != 0 {
		t.Fatalf("a job that was refused is %s with %v pending", again.Stage, again.PendingUSD)
	}
	g.host.Random = random(2) // a home of one host and one relay would share the nonce
	_, file := g.export(t, braket.Forte1)
	e, err := g.relay.Take(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.relay.Run(ctx, e, nil)
	over(err)
	if _, err := s.Follow(ctx, k, true, nil); err == nil {
		t.Fatal("the first task did not fail")
	}
	s.submit(t, s.reload(t, k.ID)) // 40.30 more fit
	if got, err := s.home.Spending(ctx); err != nil || got.Quoted.String() != "282.10" || s.made(t) != 7 {
		t.Fatalf("%+v, %v, %d tasks", got, err, s.made(t))
	}
	offer, err = s.Offer(ctx, second)
	if err != nil {
		t.Fatal(err)
	}
	over(s.Submit(ctx, second, offer, offer.Quote.Total))
}
