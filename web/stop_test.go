package web_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// TestGracefulStop stops the server while requests are in hand: what was begun is finished, durable and answered, and nothing new is
// taken.
func TestGracefulStop(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	var a *appliance
	a = start(t, unlimited, func(o *web.Options, _ *directory.Options) {
		o.Unlock = func(ctx context.Context, _ web.Unlocking, _ store.Source) error {
			close(begun)
			<-release
			return a.unlock(ctx)
		}
	})
	tenant := a.tenant("Example Mutual")
	p := a.join(tenant, "ann@example.com", store.Modeler)
	p.want(200, p.call("GET", "/healthz", nil)) // leaves an idle connection
	a.must(a.db.Lock(t.Context(), a.operator))

	answered := make(chan answer, 1)
	q := a.stranger()
	go func() { answered <- q.call("POST", "/api/v1/system/unlock", wire.Unlock{Passphrase: "x"}) }()
	<-begun
	stopped := make(chan error, 1)
	go func() { stopped <- a.stop() }()
	for a.reachable() {
		time.Sleep(5 * time.Millisecond)
	}
	select {
	case err := <-stopped:
		t.Fatalf("stopped with a request in hand: %v", err)
	default:
	}
	close(release)
	if r := <-answered; r.Status != http.StatusNoContent {
		t.Fatalf("the request in hand: %s", r)
	}
	a.must(<-stopped)
	if a.db.Locked() {
		t.Fatal("what was in hand was not done")
	}
}

// reachable reports whether the listener still takes connections.
func (a *appliance) reachable() bool {
	c, err := a.tryPlain()
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

// TestStopFinishesCommits stops the server under load: every change that was acknowledged is there afterwards, each with its entry.
func TestStopFinishesCommits(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	p := a.join(tenant, "ann@example.com", store.Admin)
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			client := a.client(nil)
			for n := 0; ; n++ {
				r, err := http.NewRequest("PATCH", "https://"+host+"/api/v1/me", strings.NewReader(`{"name":"`+strings.Repeat("n", 1+(i+8*n)%200)+`"}`))
				if err != nil {
					t.Error(err)
					return
				}
				r.Header = http.Header{"Cookie": {"__Host-qrsd=" + p.cookie}, "Origin": {"https://" + host}, "Content-Type": {"application/json"}}
				got, err := client.Do(r)
				if err != nil {
					return // the server is gone
				}
				_ = got.Body.Close()
				if got.StatusCode == http.StatusOK {
					mu.Lock()
					acknowledged[got.Header.Get("X-Request-Id")] = true
					mu.Unlock()
				}
			}
		})
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		mu.Lock()
		done := len(acknowledged)
		mu.Unlock()
		if done >= 16 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d changes were done before the stop", done)
		}
	}
	a.must(a.stop())
	work.Wait()
	for _, e := range a.entries(tenant) {
		if acknowledged[e.Request] && e.Outcome == store.Done {
			delete(acknowledged, e.Request)
		}
	}
	if len(acknowledged) > 0 {
		t.Errorf("%d acknowledged changes left no entry", len(acknowledged))
	}
}

// TestForcedStop wants a request that does not end to be cut off after the limit, and Serve to say so.
func TestForcedStop(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	a := start(t, func(o *web.Options, _ *directory.Options) {
		o.Limits.Stop = 100 * time.Millisecond
		o.Unlock = func(context.Context, web.Unlocking, store.Source) error { close(begun); <-release; return nil }
	})
	a.must(a.db.Lock(t.Context(), a.operator))
	q := a.client(nil)
	cut := make(chan error, 1)
	go func() {
		r, err := q.Post("https://"+host+"/api/v1/system/unlock", "application/json", strings.NewReader(`{"passphrase":"x"}`))
		if err == nil {
			_ = r.Body.Close()
		}
		cut <- err
	}()
	<-begun
	if err := a.stop(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Serve returned %v", err)
	}
	a.stop = func() error { return nil } // it was said above
	if err := <-cut; err == nil {
		t.Error("the request that was cut off was answered")
	}
	close(release)
}

// TestCrowd wants one address not to take all connections.
func TestCrowd(t *testing.T) {
	a := start(t, func(o *web.Options, _ *directory.Options) { o.Limits.PerAddress = 4 })
	for range 4 {
		c := a.dial()
		defer func() { _ = c.Close() }()
	}
	if c, err := a.tryDial(); err == nil {
		_ = c.Close()
		t.Fatal("a fifth connection was taken")
	}
}
