package workspace_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
)

const hookURL = "https://hooks.example.com/qrsd"

func hears(events ...workspace.EventKind) workspace.NewWebhook {
	return workspace.NewWebhook{Name: "Renewals", URL: hookURL, Events: events}
}

// hook adds a webhook and gives its id and secret.
func (b *bench) hook(n workspace.NewWebhook) (id store.ID, secret string) {
	b.Helper()
	h, s, err := b.as(store.Admin).AddWebhook(b.Context(), n)
	if err != nil {
		b.Fatal(err)
	}
	return h.ID, s.Reveal()
}

// pending are the events that are still to be delivered.
func (b *bench) pending() (all []workspace.Event) {
	b.Helper()
	for _, d := range must(b.as(store.Admin).PendingDeliveries(b.Context(), "", 1000))(b).Deliveries {
		all = append(all, d.Event)
	}
	return all
}

func (b *bench) courier() *workspace.Courier { return workspace.OpenCourier(b.db, b.clock.Now) }

// TestEveryChangeIsTold follows a portfolio, a run and approvals through their lives: each change that is committed is one event for a
// webhook that hears of it, and one that is refused is none.
func TestEveryChangeIsTold(t *testing.T) {
	b := newBench(t)
	all, _ := b.hook(hears(workspace.EventKinds()...))
	b.hook(hears(workspace.RunDone))
	off := hears(workspace.EventKinds()...)
	off.Off = true
	b.hook(off)
	w, k := b.as(store.Admin), b.appliance("worker 1")
	must(w.RegisterModel(t.Context(), modelDigest, "0.1.0"))(t)
	var told []workspace.Event
	then := func(object store.ID, err error, kinds ...workspace.EventKind) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		now := b.eventsTo(all)
		if len(now) != len(told)+len(kinds) {
			t.Fatalf("%v: told are %d events more", kinds, len(now)-len(told))
		}
		for i, e := range now[len(told):] {
			if e.Kind != kinds[i] || e.Object != object || e.Tenant != b.tenant || e.ID.IsZero() || e.Time.IsZero() || e.Version != 1 {
				t.Errorf("told is %+v, want %v", e, kinds[i])
			}
		}
		told = now
	}
	none := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Fatalf("%s was not refused", what)
		}
		if now := b.eventsTo(all); len(now) != len(told) {
			t.Errorf("%s was refused and told: %+v", what, now[len(told):])
		}
	}
	p, err := w.Import(t.Context(), portfolio("P"))
	then(p, err, workspace.PortfolioImported)
	_, err = w.Import(t.Context(), portfolio(""))
	none("an import without name", err)
	_, err = w.ImportVersion(t.Context(), p, 1, portfolio("Q"))
	then(p, err, workspace.PortfolioReplaced)
	_, err = w.ImportVersion(t.Context(), p, 1, portfolio("R"))
	none("an import into what was changed meanwhile", err)
	run, err := w.Submit(t.Context(), workspace.NewRun{Portfolio: p, Model: modelDigest, Spec: spec()})
	then(run, err, workspace.RunQueued)
	none("deletion of a portfolio with runs", w.DeletePortfolio(t.Context(), p, 2))
	j, err := k.Claim(t.Context(), b.tenant, run, lease)
	then(run, err, workspace.RunStarted)
	_, err = w.Claim(t.Context(), run, "worker 2", lease)
	none("a second claim", err)
	then(run, j.Renew(t.Context(), lease))
	_, err = j.Finish(t.Context(), sealable(t))
	then(run, err, workspace.RunDone)
	_, err = j.Finish(t.Context(), sealable(t))
	none("a second end", err)
	_, err = j.Seal(t.Context())
	then(run, err, workspace.RunSealed)
	_, err = j.Seal(t.Context())
	then(run, err) // it has its seal: nothing was changed
	job := estimate(run)
	id, err := w.SubmitEstimate(t.Context(), job)
	then(id, err)
	then(id, w.AnswerEstimate(t.Context(), id, []string{"task"}, []workspace.NewFile{bytesFile("report", "report.json", "{}")}), workspace.EstimateEnded)
	none("a second answer", w.FailEstimate(t.Context(), id, "why"))

	for kind, end := range map[workspace.EventKind]func(store.ID) error{
		workspace.RunFailed: func(id store.ID) error {
			j, err := k.Claim(t.Context(), b.tenant, id, lease)
			then(id, err, workspace.RunStarted)
			return j.Fail(t.Context(), "why")
		},
		workspace.RunCancelled: func(id store.ID) error { return w.Cancel(t.Context(), id, "why") },
	} {
		id, err := w.Submit(t.Context(), workspace.NewRun{Portfolio: p, Model: modelDigest, Spec: spec()})
		then(id, err, workspace.RunQueued)
		then(id, end(id), kind)
		none("an end of what has ended", w.Cancel(t.Context(), id, ""))
	}
	approver := b.as(store.Approver)
	request := func() store.ID {
		t.Helper()
		id, err := w.RequestApproval(t.Context(), workspace.OfRun, run, "")
		then(run, err, workspace.ApprovalRequested)
		return id
	}
	first := request()
	_, err = w.RequestApproval(t.Context(), workspace.OfRun, run, "")
	none("a second request", err)
	none("a decision on one's own request", w.Decide(t.Context(), first, true, ""))
	then(run, w.Withdraw(t.Context(), first, ""), workspace.ApprovalDecided)
	then(run, approver.Decide(t.Context(), request(), false, "no"), workspace.ApprovalDecided)
	request()
	_, described := w.Describe(t.Context(), run, must(w.Run(t.Context(), run))(t).Version, labelled("Baseline", ""))
	then(run, described, workspace.ApprovalDecided)
	var states []string
	for _, e := range told {
		if e.State != "" {
			states = append(states, e.State)
		}
	}
	if want := []string{"answered", "requested", "withdrawn", "requested", "rejected", "requested", "void"}; !slices.Equal(states, want) {
		t.Errorf("states %v, want %v", states, want)
	}

	q, err := w.Import(t.Context(), portfolio("Unused"))
	then(q, err, workspace.PortfolioImported)
	then(q, w.DeletePortfolio(t.Context(), q, 1), workspace.PortfolioDeleted)
	ids := map[store.ID]bool{}
	for _, e := range told {
		ids[e.ID] = true
	}
	if len(ids) != len(told) {
		t.Error("two events have one id")
	}
	// One more for the webhook that hears of runs that are done, and none for that which is off.
	if all := b.pending(); len(all) != len(told)+1 {
		t.Errorf("%d deliveries, %d of them to the first webhook", len(all), len(told))
	}
}

// eventsTo are the events that are pending for one webhook, in the order in which they happened.
func (b *bench) eventsTo(webhook store.ID) (all []workspace.Event) {
	b.Helper()
	for _, d := range must(b.as(store.Admin).PendingDeliveries(b.Context(), "", 1000))(b).Deliveries {
		if d.Webhook == webhook {
			all = append(all, d.Event)
		}
	}
	return all
}

// TestDelivery follows one event through failed attempts to its delivery, and once more.
func TestDelivery(t *testing.T) {
	b := newBench(t)
	hook, secret := b.hook(hears(workspace.PortfolioImported))
	c := b.courier()
	take := func(want int) []workspace.Dispatch {
		t.Helper()
		before := len(b.entries())
		got, err := c.Take(t.Context(), 10)
		if err != nil || len(got) != want {
			t.Fatalf("taken are %d, %v; want %d", len(got), err, want)
		}
		after := b.entries()
		if len(after) != before+min(want, 1) {
			t.Errorf("%d entries of taking %d", len(after)-before, want)
		}
		if e := after[len(after)-1]; want > 0 && (e.Action != "webhook.deliver" || e.Role != store.Worker || e.Actor != "qrsd") {
			t.Errorf("entry %+v", e)
		}
		return got
	}
	take(0)
	p := b.imported(b.as(store.Modeler))
	first := take(1)[0]
	var e workspace.Event
	if err := json.Unmarshal(first.Body, &e); err != nil || e.Kind != workspace.PortfolioImported || e.Object != p {
		t.Errorf("body %s, %v", first.Body, err)
	}
	if first.Tenant != b.tenant || first.Webhook != hook || first.URL != hookURL || len(first.Secrets) != 1 || first.Secrets[0].Reveal() != secret || first.Attempts != 1 {
		t.Errorf("dispatch %+v", first)
	}
	take(0)
	outcome := func(d workspace.Dispatch, delivered bool, status int, failure string) {
		t.Helper()
		err := c.Mark(t.Context(), []workspace.Outcome{{Tenant: d.Tenant, ID: d.ID, Delivered: delivered, Status: status, Failure: failure}})
		if err != nil {
			t.Fatal(err)
		}
	}
	outcome(first, false, 500, "Internal\nServer Error\x00"+strings.Repeat("x", 1000))
	d := must(b.as(store.Admin).Delivery(t.Context(), first.ID))(t)
	if d.State != workspace.Undelivered || d.Status != 500 || !strings.HasPrefix(d.Failure, "Internal Server Error ") || len(d.Failure) > 300 || d.Attempts != 1 {
		t.Errorf("delivery %+v", d)
	}
	b.clock.pass(50 * time.Second)
	take(0)
	b.clock.pass(11 * time.Second)
	second := take(1)[0]
	if !bytes.Equal(second.Body, first.Body) || second.Attempts != 2 || second.ID != first.ID {
		t.Errorf("the second attempt is of %s", second.Body)
	}
	b.clock.pass(2 * time.Minute) // a crash: nothing was noted, and it is tried again
	take(0)
	b.clock.pass(2 * time.Minute)
	third := take(1)[0]
	outcome(third, true, 204, "")
	b.clock.pass(24 * time.Hour)
	take(0)
	d = must(b.as(store.Admin).Delivery(t.Context(), first.ID))(t)
	if d.State != workspace.Delivered || d.Status != 204 || d.Failure != "" || d.Attempts != 3 {
		t.Errorf("delivery %+v", d)
	}
	past := must(b.as(store.Admin).PastDeliveries(t.Context(), "", 10))(t)
	if len(past.Deliveries) != 1 || past.Deliveries[0].ID != first.ID || b.pending() != nil {
		t.Errorf("past %+v", past)
	}
	must(0, b.as(store.Admin).Redeliver(t.Context(), first.ID))(t)
	again := take(1)[0]
	if !bytes.Equal(again.Body, first.Body) || again.ID != first.ID || again.Attempts != 1 {
		t.Errorf("redelivery %s", again.Body)
	}
	must(0, b.as(store.Admin).Redeliver(t.Context(), first.ID))(t) // while it waits: at once
	outcome(take(1)[0], true, 200, "")
	outcome(again, true, 200, "") // late, and passed over
}

// TestGivenUp: what nobody takes is tried less and less often, for three days, and then given up, whether the sender notes its failures or
// goes down each time; after a month it is forgotten.
func TestGivenUp(t *testing.T) {
	for name, noted := range map[string]bool{"noted": true, "not noted": false} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.hook(hears(workspace.PortfolioImported))
			b.imported(b.as(store.Modeler))
			c := b.courier()
			begun, attempts, over := b.clock.Now(), 0, time.Duration(0)
			for beat := 0; over == 0 && beat < 80*12; beat++ {
				for _, d := range must(c.Take(t.Context(), 10))(t) {
					if attempts++; attempts != d.Attempts {
						t.Fatalf("attempt %d is counted as %d", attempts, d.Attempts)
					}
					if noted {
						must(0, c.Mark(t.Context(), []workspace.Outcome{{Tenant: d.Tenant, ID: d.ID, Failure: "no answer"}}))(t)
					}
				}
				if b.pending() == nil {
					over = b.clock.Now().Sub(begun)
				}
				b.clock.pass(5 * time.Minute)
			}
			// What is noted is given up with its last attempt, the other when its time is over.
			if noted && (over < 60*time.Hour || over >= 72*time.Hour) || !noted && (over < 72*time.Hour || over > 73*time.Hour) || attempts < 10 || attempts > 20 {
				t.Errorf("given up after %v and %d attempts", over, attempts)
			}
			past := must(b.as(store.Admin).PastDeliveries(t.Context(), "", 10))(t).Deliveries
			if len(past) != 1 || past[0].State != workspace.GivenUp || noted != (past[0].Failure == "no answer") {
				t.Fatalf("past %+v", past)
			}
			b.clock.pass(31 * 24 * time.Hour)
			b.imported(b.as(store.Modeler))
			d := must(c.Take(t.Context(), 10))(t)[0]
			must(0, c.Mark(t.Context(), []workspace.Outcome{{Tenant: d.Tenant, ID: d.ID, Delivered: true, Status: 200}}))(t)
			if now := must(b.as(store.Admin).PastDeliveries(t.Context(), "", 10))(t).Deliveries; len(now) != 1 || now[0].ID != d.ID {
				t.Errorf("past %+v", now)
			}
			if taken := must(c.Take(t.Context(), 10))(t); taken != nil {
				t.Errorf("taken %+v", taken)
			}
		})
	}
}

// TestSecretsOverlap: for as long as it was asked, deliveries are signed with the secret of before as well.
func TestSecretsOverlap(t *testing.T) {
	b := newBench(t)
	hook, one := b.hook(hears(workspace.PortfolioImported))
	w, c := b.as(store.Admin), b.courier()
	signedWith := func(want ...string) {
		t.Helper()
		must(w.TryWebhook(t.Context(), hook))(t)
		d := must(c.Take(t.Context(), 10))(t)
		var got []string
		for _, s := range d[len(d)-1].Secrets {
			got = append(got, s.Reveal())
		}
		if !slices.Equal(got, want) {
			t.Errorf("signed with %d secrets, want %d", len(got), len(want))
		}
	}
	signedWith(one)
	h, s, err := w.RotateWebhook(t.Context(), hook, time.Hour)
	if err != nil || h.Overlap == nil {
		t.Fatal(h, err)
	}
	two := s.Reveal()
	if len(two) != len(one) || two == one || !strings.HasPrefix(two, "whsec_") || len(two) < 40 {
		t.Error("the new secret is none, or that of before")
	}
	signedWith(two, one)
	b.clock.pass(time.Hour)
	signedWith(two)
	if _, s, err = w.RotateWebhook(t.Context(), hook, 0); err != nil {
		t.Fatal(err)
	}
	signedWith(s.Reveal())
	if _, _, err := w.RotateWebhook(t.Context(), hook, 8*24*time.Hour); !isInvalid(err, "overlap") {
		t.Errorf("an overlap of eight days: %v", err)
	}
	if text := fmt.Sprintf("%v %+v %#v", s, h, must(w.Webhooks(t.Context()))(t)); strings.Contains(text, "whsec_") {
		t.Errorf("a secret is printed: %s", text)
	}
}

// TestChangedWebhook: what waits goes to the new address; of a webhook that is off nothing goes, and of one that is gone nothing is left.
func TestChangedWebhook(t *testing.T) {
	b := newBench(t)
	hook, _ := b.hook(hears(workspace.PortfolioImported))
	w, c := b.as(store.Admin), b.courier()
	b.imported(w)
	n := hears(workspace.PortfolioImported)
	n.Off, n.URL = true, "https://hooks.example.com/other"
	h := must(w.ChangeWebhook(t.Context(), hook, 1, n))(t)
	if d := must(c.Take(t.Context(), 10))(t); d != nil {
		t.Errorf("taken for a webhook that is off: %+v", d)
	}
	other, _ := b.hook(hears(workspace.PortfolioImported))
	b.imported(w)
	if d := must(c.Take(t.Context(), 10))(t); len(d) != 1 || d[0].Webhook != other {
		t.Errorf("taken beside a webhook that is off: %+v", d)
	}
	must(0, w.DeleteWebhook(t.Context(), other, 1))(t)
	if _, err := w.TryWebhook(t.Context(), hook); !isInvalid(err, "webhook") {
		t.Errorf("a trial of a webhook that is off: %v", err)
	}
	if _, err := w.ChangeWebhook(t.Context(), hook, 1, n); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a change of an old version: %v", err)
	}
	n.Off = false
	h = must(w.ChangeWebhook(t.Context(), hook, h.Version, n))(t)
	if d := must(c.Take(t.Context(), 10))(t); len(d) != 1 || d[0].URL != n.URL {
		t.Errorf("taken %+v", d)
	}
	must(0, w.DeleteWebhook(t.Context(), hook, h.Version))(t)
	b.clock.pass(time.Hour)
	if d := must(c.Take(t.Context(), 10))(t); d != nil || b.pending() != nil {
		t.Errorf("taken for a webhook that is gone: %+v", d)
	}
	if _, err := w.Webhook(t.Context(), hook); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
}

// TestWebhookRefusals: what is no webhook is refused with the field to mend, and an address is not repeated.
func TestWebhookRefusals(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Admin)
	for want, n := range map[string]workspace.NewWebhook{
		"name: 0 characters":         {Name: " ", URL: hookURL, Events: []workspace.EventKind{workspace.RunDone}},
		"url: this is no address":    {Name: "n", URL: "hooks.example.com", Events: []workspace.EventKind{workspace.RunDone}},
		"url: only https":            {Name: "n", URL: "http://hooks.example.com", Events: []workspace.EventKind{workspace.RunDone}},
		"url: leave user and":        {Name: "n", URL: "https://u:canary@hooks.example.com", Events: []workspace.EventKind{workspace.RunDone}},
		"url: leave out what":        {Name: "n", URL: hookURL + "#canary", Events: []workspace.EventKind{workspace.RunDone}},
		"url: 2009 characters":       {Name: "n", URL: "https://h" + strings.Repeat("a", 2000), Events: []workspace.EventKind{workspace.RunDone}},
		"events: name one":           {Name: "n", URL: hookURL},
		`events: "run.over" is none`: {Name: "n", URL: hookURL, Events: []workspace.EventKind{"run.over"}},
		"events: \"webhook.trial\"":  {Name: "n", URL: hookURL, Events: []workspace.EventKind{workspace.WebhookTrial}},
	} {
		_, _, err := w.AddWebhook(t.Context(), n)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for range 20 {
		b.hook(hears(workspace.RunDone))
	}
	if _, _, err := w.AddWebhook(t.Context(), hears(workspace.RunDone)); !isInvalid(err, "webhooks") {
		t.Errorf("a webhook too many: %v", err)
	}
	if _, err := b.courier().Take(t.Context(), 0); !isInvalid(err, "limit") {
		t.Error(err)
	}
}

// labelled is a label with both.
func labelled(name, note string) workspace.Label { return workspace.Label{Name: &name, Note: &note} }
