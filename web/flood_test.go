package web_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// TestSignInFlood sends many wrong sign-ins from a few addresses at many accounts, the owner's among them: memory stays bounded, few
// of them cost a password hash, who is signed in goes on, and the owner can sign in from an address of before.
func TestSignInFlood(t *testing.T) {
	a := start(t, func(o *web.Options, _ *directory.Options) { o.TrustedProxies = prefixes("127.0.0.0/8") })
	p := a.account(a.tenant("Example Mutual"), "ann@example.com", store.Modeler)
	home := header("X-Forwarded-For", "192.0.2.99")
	signIn := func() answer {
		return p.call("POST", "/api/v1/session", wire.SignIn{Email: p.email, Password: p.password}, home)
	}
	p.want(201, signIn())
	attempts, addresses := 2000, 2
	if n, err := strconv.Atoi(os.Getenv("QRSD_TORTURE_ATTEMPTS")); err == nil {
		attempts = n
	}
	before := heap()
	statuses := a.flood(attempts, addresses)
	t.Logf("%d attempts: statuses %v, heap %d KiB before, %d KiB after", attempts, statuses, before>>10, heap()>>10)
	if grown := int64(heap()) - int64(before); grown > 48<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	if statuses[401]+statuses[429]+statuses[503] != attempts || statuses[429] < attempts/2 {
		t.Errorf("statuses %v", statuses)
	}
	p.want(200, p.call("GET", "/api/v1/session", nil, home))
	p.want(201, signIn())
}

// flood sends wrong sign-ins from many sides at once, and counts the answers by status.
func (a *appliance) flood(attempts, addresses int) map[int]int {
	a.Helper()
	statuses := map[int]int{}
	var mu sync.Mutex
	var work sync.WaitGroup
	for side := range 8 {
		work.Go(func() {
			s := a.stranger()
			for i := side; i < attempts; i += 8 {
				email := fmt.Sprintf("victim%d@example.com", i%300)
				if i%10 == 0 {
					email = "ann@example.com"
				}
				r := s.call("POST", "/api/v1/session", wire.SignIn{Email: email, Password: "guess"}, header("X-Forwarded-For", fmt.Sprintf("2001:db8:%x::1", i%addresses)))
				mu.Lock()
				statuses[r.Status]++
				mu.Unlock()
			}
		})
	}
	work.Wait()
	return statuses
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
