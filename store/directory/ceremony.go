package directory

import (
	"container/list"
	"encoding/base64"
	"encoding/json"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/store"
)

// What is begun and not ended yet is kept in memory, for a while and in bounded number: a restart forgets it, and whoever was
// in the middle begins anew.
const (
	ceremonyLife  = 5 * time.Minute
	maxCeremonies = 1 << 13 // of each table; the oldest makes room
	maxEntered    = 1 << 16 // sign-ins that are remembered so that none is repeated
	ceremonyID    = 16      // bytes
)

// purpose is what a ceremony of a passkey is for. An answer to one is none to another.
type purpose byte

const (
	toFinish purpose = iota + 1 // a sign-in, after the password
	toStepUp
	toRegister
)

// Ceremony is a challenge for a passkey, good once and for five minutes (WebAuthn level 3 section 13.4.3).
type Ceremony struct {
	ID string // comes back with the answer
	// Options are the publicKey member of what navigator.credentials.create or get is called with, in the JSON that
	// PublicKeyCredential.parseCreationOptionsFromJSON and parseRequestOptionsFromJSON read (WebAuthn level 3 section 5.1.8).
	Options json.RawMessage
	Expires time.Time
}

// PasskeyAnswer is what came of a ceremony.
type PasskeyAnswer struct {
	Ceremony string // its ID
	Response []byte // JSON of the PublicKeyCredential, as its toJSON writes it
}

// begun is a ceremony on its way.
type begun struct {
	purpose   purpose
	tenant    store.ID // of the user
	user      store.ID
	challenge challenge
}

// inHand is what was handed out and is not back yet: a table of bounded size whose oldest entries make room.
type inHand[T any] struct {
	mu    sync.Mutex
	life  time.Duration
	most  int
	at    map[string]*list.Element
	order list.List // of held[T], oldest first
}

type held[T any] struct {
	name, owner string
	until       time.Time
	value       T
}

func newInHand[T any](life time.Duration, most int) *inHand[T] {
	return &inHand[T]{life: life, most: most, at: map[string]*list.Element{}}
}

// put keeps a value under a name. An owner, unless "", has one at a time: its former one ends.
func (h *inHand[T]) put(now time.Time, name, owner string, value T) (until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.keep(now, name, owner, value)
}

// claim keeps a name that is not kept yet, and reports whether it was not.
func (h *inHand[T]) claim(now time.Time, name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.at["is "+name] != nil {
		return false
	}
	var none T
	h.keep(now, name, "", none)
	return true
}

// keep is put; the caller holds mu.
func (h *inHand[T]) keep(now time.Time, name, owner string, value T) (until time.Time) {
	for first := h.order.Front(); first != nil; first = h.order.Front() {
		if now.Before(first.Value.(held[T]).until) && h.order.Len() < h.most {
			break
		}
		h.drop(first)
	}
	if old := h.at["of "+owner]; owner != "" && old != nil {
		h.drop(old)
	}
	until = now.Add(h.life)
	e := h.order.PushBack(held[T]{name, owner, until, value})
	h.at["is "+name] = e
	if owner != "" {
		h.at["of "+owner] = e
	}
	return until
}

// look finds what is kept under a name; take does and forgets it, so that it is good once.
func (h *inHand[T]) look(now time.Time, name string) (value T, ok bool) {
	return h.find(now, name, false)
}

func (h *inHand[T]) take(now time.Time, name string) (value T, ok bool) {
	return h.find(now, name, true)
}

func (h *inHand[T]) find(now time.Time, name string, once bool) (value T, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.at["is "+name]
	if e == nil {
		return value, false
	}
	one := e.Value.(held[T])
	over := !now.Before(one.until)
	if once || over {
		h.drop(e)
	}
	if over {
		return value, false
	}
	return one.value, true
}

func (h *inHand[T]) drop(e *list.Element) {
	one := h.order.Remove(e).(held[T])
	delete(h.at, "is "+one.name)
	if h.at["of "+one.owner] == e {
		delete(h.at, "of "+one.owner)
	}
}

// begin keeps a ceremony of somebody who is known, and makes what the client gets of it.
func (d *Directory) begin(b begun, owner string, options any) (Ceremony, error) {
	raw, err := json.Marshal(options)
	if err != nil {
		return Ceremony{}, err
	}
	id := base64.RawURLEncoding.EncodeToString(d.draw(ceremonyID))
	return Ceremony{id, raw, d.ceremonies.put(d.now(), id, owner, b)}, nil
}
