package web

import (
	"container/list"
	"crypto/sha256"
	"net/http"
	"sync"
	"time"
)

// An Idempotency-Key (draft-ietf-httpapi-idempotency-key-header) lets a client send a POST again whose answer it did not get: what was
// done is not done twice, and the answer is given again. Keys belong to who sent them and to the operation.
//
// They are kept for a day, in memory: a restart of the appliance forgets them, and then the second request is done like a first
// one. Answers with a secret are not kept at all: their repeat is told that it was done.

const (
	repeatLife     = 24 * time.Hour
	repeatsAtMost  = 10_000
	repeatBodySize = 8 << 10 // of an answer that is kept; of larger ones only that there was one
	keyAtMost      = 255     // characters of a key
)

// repeat is what is known of one use of a key.
type repeat struct {
	name    string   // of caller, operation and key
	request [32]byte // digest of target and body
	began   time.Time
	done    bool // the answer was given; until then the request is at work
	kept    bool // and is here
	status  int
	media   string
	place   string // Location
	body    []byte
}

// repeats keeps the uses of keys. It is safe for many goroutines.
type repeats struct {
	now func() time.Time

	mu    sync.Mutex
	uses  map[string]*list.Element // of order
	order *list.List               // of *repeat, oldest first
}

func newRepeats(now func() time.Time) *repeats {
	return &repeats{now: now, uses: map[string]*list.Element{}, order: list.New()}
}

// begin enters the first use of a key, or returns a copy of the one there was.
func (r *repeats) begin(name string, request [32]byte) (first *repeat, earlier *repeat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for e := r.order.Front(); e != nil; e = r.order.Front() {
		if now.Sub(e.Value.(*repeat).began) < repeatLife && r.order.Len() < repeatsAtMost {
			break
		}
		r.drop(e)
	}
	if e, ok := r.uses[name]; ok {
		copied := *e.Value.(*repeat)
		return nil, &copied
	}
	first = &repeat{name: name, request: request, began: now}
	r.uses[name] = r.order.PushBack(first)
	return first, nil
}

// drop takes a use out. r.mu is held.
func (r *repeats) drop(e *list.Element) {
	delete(r.uses, e.Value.(*repeat).name)
	r.order.Remove(e)
}

// forget gives a key free whose request did not succeed: it may be mended and sent again.
func (r *repeats) forget(u *repeat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.uses[u.name]; ok && e.Value.(*repeat) == u {
		r.drop(e)
	}
}

// finish keeps the answer of a request that succeeded; a secret one without its body.
func (r *repeats) finish(u *repeat, status int, media, place string, body []byte, secret bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u.done, u.status, u.place = true, status, place
	if !secret && len(body) <= repeatBodySize {
		u.kept, u.media, u.body = true, media, body
	}
}

// errRepeated ends a request whose answer was kept and is in the reply already.
var errRepeated = &refusal{kind: Kind{Name: "repeated-request"}}

// repeated looks at the request's Idempotency-Key, if its route honours one. errRepeated: the earlier answer is given again.
func (s *Server) repeated(x *exchange) error {
	key := x.header("Idempotency-Key")
	if key == "" || !x.route.Keyed || x.principal.Role() == 0 {
		return nil
	}
	if len(key) > keyAtMost || !isVisible(key) {
		return badHeader("Idempotency-Key", "it has 1 to 255 visible ASCII characters")
	}
	name := x.principal.Tenant().String() + x.principal.User().String() + " " + x.route.Operation + " " + key
	content := x.content
	if !x.route.Upload {
		content = x.body()
	}
	request := sha256.Sum256(append([]byte(x.target()+"\n"), content...))
	first, earlier := s.repeats.begin(name, request)
	switch {
	case first != nil:
		x.repeat = first
		return nil
	case earlier.request != request:
		return refuse(kindKeyReused, "this key came before, with another request; draw a new key for each")
	case !earlier.done:
		return &refusal{kind: kindConflict, detail: "the request with this key is at work; its answer can be asked for in a moment", retryAfter: time.Second}
	case !earlier.kept:
		if earlier.place != "" {
			x.set("Location", earlier.place)
		}
		return refuse(kindKeyReused, "this was done already; its answer held a secret or was too large, and was not kept")
	}
	x.set("Idempotency-Replayed", "true")
	if earlier.place != "" {
		x.set("Location", earlier.place)
	}
	if earlier.status == http.StatusNoContent {
		x.ctx.Status(earlier.status)
		return errRepeated
	}
	if err := s.send(x, earlier.status, earlier.media, earlier.body); err != nil {
		return err
	}
	return errRepeated
}

func isVisible(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] >= 0x7f {
			return false
		}
	}
	return true
}
