package web

import (
	"bytes"
	"container/list"
	"crypto/sha256"
	"net/http"
	"sync"
	"time"
)

// An Idempotency-Key (draft-ietf-httpapi-idempotency-key-header) lets a client send a request again whose answer it did not get: what was
// done is not done twice, and the answer is given again. Keys belong to who sent them and to the operation.
//
// They are kept for a day, in memory: a restart of the appliance forgets them, and then the second request is done like a first
// one. Answers with a secret are not kept at all: their repeat is told that it was done.

const (
	repeatLife     = 24 * time.Hour
	repeatsAtMost  = 100_000  // of everybody: about 30 MB without their answers
	repeatsOfOne   = 1_000    // of one user, who loses the own oldest ones first
	answersAtMost  = 32 << 20 // bytes of answers: of more, the oldest are forgotten, and only that they were given is known
	repeatBodySize = 8 << 10  // of an answer that is kept; of larger ones only that there was one
	keyAtMost      = 255      // characters of a key
)

// repeat is what is known of one use of a key.
type repeat struct {
	owner   string   // who sent it
	name    string   // of owner, operation and key
	request [32]byte // digest of target and body
	began   time.Time
	done    bool // the answer was given; until then the request is at work
	kept    bool // and is here
	status  int
	media   string
	place   string // Location
	body    []byte
}

// repeats keeps the uses of keys. Those at work are never dropped: else a second one would be done beside the first. It is safe for
// many goroutines.
type repeats struct {
	now func() time.Time

	mu      sync.Mutex
	uses    map[string]*usage
	order   *list.List            // of *usage, oldest first
	owners  map[string]*list.List // of *usage, oldest first, by who sent them
	answers *list.List            // of *usage whose answer is kept, oldest first
	held    int                   // bytes of these answers
}

// usage is a repeat with its places in the lists.
type usage struct {
	repeat

	inOrder, inOwn, inAnswers *list.Element
}

func newRepeats(now func() time.Time) *repeats {
	return &repeats{now: now, uses: map[string]*usage{}, order: list.New(), owners: map[string]*list.List{}, answers: list.New()}
}

// begin enters the first use of a key, or returns a copy of the one there was. Neither: too many are at work.
func (r *repeats) begin(owner, name string, request [32]byte) (first *repeat, earlier *repeat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for old := oldestDone(r.order); old != nil && now.Sub(old.began) >= repeatLife; old = oldestDone(r.order) {
		r.drop(old)
	}
	if u, ok := r.uses[name]; ok {
		copied := u.repeat
		return nil, &copied
	}
	own := r.owners[owner]
	if own == nil {
		own = list.New()
	}
	if !r.makeRoom(own, repeatsOfOne) || !r.makeRoom(r.order, repeatsAtMost) {
		return nil, nil
	}
	u := &usage{repeat: repeat{owner: owner, name: name, request: request, began: now}}
	r.owners[owner], r.uses[name] = own, u
	u.inOwn, u.inOrder = own.PushBack(u), r.order.PushBack(u)
	return &u.repeat, nil
}

// makeRoom drops the oldest of a full list that is done, and reports whether there is room. r.mu is held.
func (r *repeats) makeRoom(in *list.List, atMost int) bool {
	if in.Len() < atMost {
		return true
	}
	old := oldestDone(in)
	if old != nil {
		r.drop(old)
	}
	return old != nil
}

// oldestDone is the first of a list whose answer was given; those at work are few, and at its end.
func oldestDone(in *list.List) *usage {
	for e := in.Front(); e != nil; e = e.Next() {
		if u := e.Value.(*usage); u.done {
			return u
		}
	}
	return nil
}

// drop takes a use out. r.mu is held.
func (r *repeats) drop(u *usage) {
	r.dropAnswer(u)
	delete(r.uses, u.name)
	r.order.Remove(u.inOrder)
	own := r.owners[u.owner]
	if own.Remove(u.inOwn); own.Len() == 0 {
		delete(r.owners, u.owner)
	}
}

// dropAnswer forgets the answer alone. r.mu is held.
func (r *repeats) dropAnswer(u *usage) {
	if !u.kept {
		return
	}
	r.held -= len(u.body)
	r.answers.Remove(u.inAnswers)
	u.kept, u.media, u.body = false, "", nil
}

// forget gives a key free whose request did not succeed: it may be mended and sent again.
func (r *repeats) forget(of *repeat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if u, ok := r.uses[of.name]; ok && &u.repeat == of {
		r.drop(u)
	}
}

// finish keeps the answer of a request that succeeded; a secret one without its body.
func (r *repeats) finish(of *repeat, status int, media, place string, body []byte, secret bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	of.done, of.status, of.place = true, status, place
	u, ok := r.uses[of.name]
	if !ok || &u.repeat != of || secret || len(body) > repeatBodySize {
		return
	}
	u.kept, u.media, u.body = true, media, bytes.Clone(body)
	u.inAnswers = r.answers.PushBack(u)
	for r.held += len(body); r.held > answersAtMost; {
		r.dropAnswer(r.answers.Front().Value.(*usage))
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
	owner := x.principal.Tenant().String() + x.principal.User().String()
	content := x.content
	if !x.route.Upload {
		content = x.body()
	}
	request := sha256.Sum256(append([]byte(x.target()+"\n"), content...))
	first, earlier := s.repeats.begin(owner, owner+" "+x.route.Operation+" "+key, request)
	switch {
	case first != nil:
		x.repeat = first
		return nil
	case earlier == nil:
		return &refusal{kind: kindBusy, detail: "too many requests with a key are at work", retryAfter: time.Second}
	case earlier.request != request:
		return refuse(kindKeyReused, "this key came before, with another request; draw a new key for each")
	case !earlier.done:
		return &refusal{kind: kindConflict, detail: "the request with this key is at work; its answer can be asked for in a moment", retryAfter: time.Second}
	case !earlier.kept:
		if earlier.place != "" {
			x.set("Location", earlier.place)
		}
		return refuse(kindKeyReused, "this was done already; its answer held a secret, was too large or is too long ago, and was not kept")
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
