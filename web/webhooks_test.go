package web_test

import (
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

func aWebhook() wire.NewWebhook {
	return wire.NewWebhook{Name: "filing desk", URL: "https://hooks.example.com/qrsd", Events: []string{"run.queued", "run.done"}}
}

// TestWebhooks: a webhook is made, changed, tried and taken away; its secret is shown when it is made and when it is rotated, and nowhere
// else; its deliveries are listed on the way and when they are past, and can be sent again.
func TestWebhooks(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	admin := a.join(tenant, "admin@example.com", store.Admin)
	b := newBench(a, tenant, "Coast", locations)
	const path = "/api/v1/webhooks"

	var made wire.MadeWebhook
	got := admin.want(201, admin.call("POST", path, aWebhook(), header("Idempotency-Key", "w")))
	got.into(t, &made)
	if !strings.HasPrefix(made.Secret, "whsec_") || got.Header.Get("Location") != path+"/"+made.Webhook.ID {
		t.Fatalf("%+v at %q", made, got.Header.Get("Location"))
	}
	if again := admin.want(409, admin.call("POST", path, aWebhook(), header("Idempotency-Key", "w"))); strings.Contains(again.String(), made.Secret) {
		t.Error("the secret is shown again")
	}
	one := path + "/" + made.Webhook.ID
	read := admin.want(200, admin.call("GET", one, nil))
	changed := aWebhook()
	changed.Events = []string{"run.queued"}
	admin.want(200, admin.call("PUT", one, changed, header("If-Match", read.Header.Get("ETag"))))
	admin.want(412, admin.call("PUT", one, changed, header("If-Match", read.Header.Get("ETag"))))
	admin.want(200, admin.call("PUT", one, changed))
	for pointer, wrong := range map[string]func(*wire.NewWebhook){
		"/url": func(n *wire.NewWebhook) { n.URL = "http://hooks.example.com/" }, "/events": func(n *wire.NewWebhook) { n.Events = []string{"run.exploded"} }, "/name": func(n *wire.NewWebhook) { n.Name = "" },
	} {
		n := aWebhook()
		wrong(&n)
		if p := admin.want(400, admin.call("POST", path, n)).problem(t); len(p.Errors) != 1 || p.Errors[0].Pointer != pointer {
			t.Errorf("%s: %+v", pointer, p)
		}
	}
	var rotated wire.MadeWebhook
	admin.want(200, admin.call("POST", one+"/rotate", wire.WebhookRotation{OverlapSeconds: 3600})).into(t, &rotated)
	if rotated.Secret == made.Secret || rotated.Webhook.Overlap == nil {
		t.Errorf("rotated: %+v", rotated)
	}
	admin.want(400, admin.call("POST", one+"/rotate", wire.WebhookRotation{OverlapSeconds: 8 * 24 * 3600}))
	admin.want(400, admin.call("POST", one+"/rotate", wire.WebhookRotation{OverlapSeconds: 1 << 60}))

	b.submit(smallSpec())
	var pending, past wire.Page[wire.Delivery]
	admin.want(200, admin.call("GET", "/api/v1/webhook-deliveries?state=pending", nil)).into(t, &pending)
	if len(pending.Items) != 1 || pending.Items[0].Event.Type != "run.queued" || pending.Items[0].State != "pending" {
		t.Fatalf("%+v", pending)
	}
	courier := workspace.OpenCourier(a.db, a.clock.now)
	taken, err := courier.Take(t.Context(), 10)
	a.must(err)
	if len(taken) != 1 || len(taken[0].Secrets) != 2 || taken[0].Secrets[0].Reveal() != rotated.Secret || taken[0].Secrets[1].Reveal() != made.Secret {
		t.Fatalf("taken: %d", len(taken))
	}
	a.must(courier.Mark(t.Context(), []workspace.Outcome{{Tenant: taken[0].Tenant, ID: taken[0].ID, Status: 204, Delivered: true}}))
	admin.want(200, admin.call("GET", "/api/v1/webhook-deliveries", nil)).into(t, &past)
	if len(past.Items) != 1 || past.Items[0].State != "delivered" || past.Items[0].Status != 204 || past.Items[0].Attempts != 1 {
		t.Fatalf("%+v", past)
	}
	admin.want(202, admin.call("POST", "/api/v1/webhook-deliveries/"+past.Items[0].ID+"/redeliver", nil))
	var delivery wire.Delivery
	admin.want(200, admin.call("GET", "/api/v1/webhook-deliveries/"+past.Items[0].ID, nil)).into(t, &delivery)
	if delivery.State != "pending" || delivery.Event.ID != past.Items[0].Event.ID {
		t.Errorf("redelivered: %+v", delivery)
	}
	for _, reading := range []string{path, one, "/api/v1/webhook-deliveries?state=pending", "/api/v1/audit/entries?limit=1000"} {
		if r := admin.want(200, admin.call("GET", reading, nil)); strings.Contains(r.String(), "whsec_") {
			t.Errorf("%s shows a secret", reading)
		}
	}
	a.clock.pass(11 * time.Minute)
	if p := admin.want(403, admin.call("DELETE", one, nil)).problem(t); problemName(p) != "step-up-needed" {
		t.Errorf("without a fresh proof: %+v", p)
	}
}

// webhooks tries the operations on webhooks.
func (d *desk) webhooks(admin *person) {
	d.Helper()
	var made wire.MadeWebhook
	d.try("addWebhook", admin, aWebhook()).into(d.TB, &made)
	id := made.Webhook.ID
	d.try("listWebhooks", admin, nil)
	d.try("getWebhook", admin, nil, id)
	d.try("changeWebhook", admin, aWebhook(), id)
	d.try("rotateWebhook", admin, wire.WebhookRotation{OverlapSeconds: 60}, id)
	var queued wire.QueuedDelivery
	d.try("tryWebhook", admin, nil, id).into(d.TB, &queued)
	d.try("listDeliveries", admin, nil, "?state=pending")
	d.try("getDelivery", admin, nil, queued.ID)
	d.try("redeliver", admin, nil, queued.ID)
	d.try("deleteWebhook", admin, nil, id)
}
