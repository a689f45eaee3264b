package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// Action is what a caller is about to do: the verb, and the id of what it is done to, where that is known before.
// Objects are ids, never names: an entry outlives the tenant whose names they were.
type Action struct {
	Verb   Verb
	Object ID
}

// Outcome is how an action ended.
type Outcome string

// The outcomes.
const (
	Done   Outcome = "done"
	Denied Outcome = "denied" // the caller may not
	Failed Outcome = "failed" // nothing was changed
	Intent Outcome = "intent" // about to be done in two files; an entry with another outcome follows
)

// Entry is one entry of an audit log. Its JSON is what the log's leaves commit to: version 1. The fields of it and of
// what it holds are in the order of their names, so that encoding/json writes the canonical form (RFC 8785).
type Entry struct {
	Action   string     `json:"action"`
	Actor    string     `json:"actor"` // a user's id, "operator" for one without account, "qrsd" for the appliance itself, or "" for nobody
	Changes  []Change   `json:"changes,omitempty"`
	Clock    *time.Time `json:"clock,omitempty"` // what the clock said, where it had gone back behind Time
	Heads    []Head     `json:"heads,omitempty"`
	Home     string     `json:"home,omitempty"` // the actor's own tenant, where it is another than Tenant
	Keys     []KeyEvent `json:"keys,omitempty"`
	Lineage  []int64    `json:"lineage,omitempty"` // sequences of ledger leaves written with it
	Object   string     `json:"object,omitempty"`
	Outcome  Outcome    `json:"outcome"`
	Personal *Personal  `json:"personal,omitempty"`
	Reason   string     `json:"reason,omitempty"` // why it was denied or failed, as a class, without data
	Request  string     `json:"request,omitempty"`
	Role     Role       `json:"role"`
	Sequence int64      `json:"sequence"`
	Tenant   ID         `json:"tenant"`
	Time     time.Time  `json:"time"`
	Version  int        `json:"version"`
}

// text is the entry as it is committed to.
func (e Entry) text() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// KeyEvent says what happened to keys: created, unwrapped, rotated, destroyed.
type KeyEvent struct {
	Keys []string `json:"keys,omitempty"`
	Kind string   `json:"kind"`
	Of   string   `json:"of"` // which sort of key, of Tenant
}

// Head is the head of another log at a checkpoint.
type Head struct {
	Log    string      `json:"log"`
	Root   ledger.Hash `json:"root"`
	Size   int64       `json:"size"`
	Tenant ID          `json:"tenant"`
}

// Personal is the part of an entry that says something of a person: encrypted under the tenant's own key, so
// that erasing the tenant leaves the entry pseudonymous, and committed to, so that a disclosed one can be checked.
type Personal struct {
	Box        []byte      `json:"box"`
	Commitment ledger.Hash `json:"commitment"`
}

// Person is what a Personal holds.
type Person struct {
	Salt      string `json:"salt"`
	Address   string `json:"address,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	Account   string `json:"account,omitempty"` // host account of an operator
}

// record is an entry to be: what is known before the committer gives it a place.
type record struct {
	log       log
	principal Principal
	action    Action
	object    string
	outcome   Outcome
	reason    string
	changes   []Change
	lineage   []int64
	keys      []KeyEvent
	heads     []Head
}

// enter appends an entry in the batch at hand.
func (db *DB) enter(tail *kv.Tail, r record) error {
	now := db.now().UTC()
	_, err := db.book.append(tail, r.log, now, func(sequence int64, at time.Time) ([]byte, error) {
		e := Entry{
			Version: 1, Sequence: sequence, Time: at, Tenant: r.log.tenant,
			Actor: actorOf(r.principal), Role: r.principal.Role(), Action: r.action.Verb.String(), Object: r.object,
			Outcome: r.outcome, Reason: r.reason, Changes: r.changes, Lineage: r.lineage, Keys: r.keys, Heads: r.heads,
			Request: printable(r.principal.Source().Request),
		}
		if at.After(now) {
			e.Clock = &now
		}
		if home := r.principal.Home(); home != r.log.tenant && !home.IsZero() {
			e.Home = home.String()
		}
		if e.Object == "" && !r.action.Object.IsZero() {
			e.Object = r.action.Object.String()
		}
		var err error
		if e.Personal, err = db.personal(r.log, sequence, r.principal); err != nil {
			return nil, err
		}
		return e.text()
	})
	if mark := r.principal.Source().Entered; mark != nil && err == nil {
		mark.Store(true)
	}
	return err
}

// printable keeps a request's id to what has one canonical form: 64 printable ASCII characters.
func printable(id string) string {
	out := make([]byte, 0, min(len(id), 64))
	for i := 0; i < len(id) && len(out) < 64; i++ {
		if id[i] > ' ' && id[i] < 0x7f {
			out = append(out, id[i])
		}
	}
	return string(out)
}

// clipped bounds what a client says of itself.
func clipped(text string) string {
	const most = 512
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}

func actorOf(p Principal) string {
	switch {
	case p.IsSystem():
		return p.Actor()
	case !p.User().IsZero():
		return p.User().String()
	case p.Role() == Operator:
		return "operator"
	}
	return ""
}

// personal encrypts where the request came from under the personal key of the caller's own tenant, in whosever log the
// entry is: it dies with the tenant whose user it was. The appliance at work has none.
func (db *DB) personal(l log, sequence int64, p Principal) (*Personal, error) {
	s := p.Source()
	person := Person{Address: clipped(s.Address), UserAgent: clipped(s.UserAgent), Account: clipped(p.Actor())}
	if person == (Person{}) || p.IsSystem() {
		return nil, nil
	}
	var salt [16]byte
	if _, err := io.ReadFull(db.rand, salt[:]); err != nil {
		return nil, fmt.Errorf("salt of an audit entry: %w", err)
	}
	person.Salt = hex.EncodeToString(salt[:])
	plain, err := json.Marshal(person)
	if err != nil {
		return nil, err
	}
	owner := dataOwner(l.tenant)
	if home := p.Home(); !home.IsZero() {
		owner = dataOwner(home)
	}
	key, err := db.ring.DataKey(owner, purposePersonal)
	if errors.Is(err, keyring.ErrDestroyed) || errors.Is(err, keyring.ErrErased) || errors.Is(err, keyring.ErrUnknownOwner) {
		return nil, nil // of a tenant that is erased or never was, there is no one to name
	}
	if err != nil {
		return nil, err
	}
	b := key.Encrypt(db.place(l.id, uint16(purposePersonal), l.at(leafCollection, sequence).Key), 1, nil, plain)
	return &Personal{Commitment: ledger.Commit(salt, plain), Box: b.Bytes()}, nil
}

// audit appends one entry by itself: of a reading, a denial, or a change that failed. It is allowed on a full disk.
func (db *DB) audit(ctx context.Context, r record) error {
	err := db.kv.Update(ctx, kv.Op{Essential: true, Finish: func(tail *kv.Tail) error { return db.enter(tail, r) }})
	if err != nil {
		return fmt.Errorf("append to %s: %w", r.log, err)
	}
	return nil
}

// reasonOf is the class of an error for the log: errors may carry data, their classes do not.
func reasonOf(err error) string {
	var denied *DeniedError
	for _, c := range []struct {
		is   bool
		name string
	}{
		{errors.As(err, &denied), "not allowed"},
		{errors.Is(err, ErrNotFound), "not found"},
		{errors.Is(err, ErrConflict), "conflict"},
		{errors.Is(err, ErrExists), "exists"},
		{errors.Is(err, ErrErased), "erased"},
		{errors.Is(err, ErrLocked), "locked"},
		{errors.Is(err, kv.ErrCorrupt), "damaged"},
		{errors.Is(err, context.Canceled), "cancelled"},
		{errors.Is(err, context.DeadlineExceeded), "too late"},
	} {
		if c.is {
			return c.name
		}
	}
	var classed interface{ AuditReason() string }
	if errors.As(err, &classed) {
		return classed.AuditReason()
	}
	return "refused"
}
