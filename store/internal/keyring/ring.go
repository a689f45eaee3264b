package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// Options of a ring. The zero value is right outside of tests.
type Options struct {
	Rand io.Reader        // for keys and nonces, used by several goroutines at once; nil: crypto/rand.Reader
	Now  func() time.Time // nil: time.Now
}

// Ring is the key file with, while unlocked, the root key and the opened keys in memory. Its methods may be called from
// several goroutines; changes run one after the other. Only one Ring may exist for a file (the store's lock sees to it).
type Ring struct {
	file keyFile
	rand io.Reader
	now  func() time.Time

	changing sync.Mutex // held during a change; owns the next four
	attached []Unlocker // the services of slots that wrap by call
	kept     *keeping
	broken   error // ErrUncertain: no further change until the file is opened again
	residue  error // why the file before the last change could not be overwritten yet

	mu     sync.RWMutex // guards the rest, and is never held during a write
	state  *state
	root   *root // nil: locked
	opened map[Owner]*openedOwner
	begun  bool // this process is the session state.sessions; see count.go
}

// openedOwner holds an owner's data keys, ready for use. Replaced whole, never changed.
type openedOwner struct {
	byID    map[envelope.KeyID]*liveKey
	current map[Purpose]*liveKey
}

// Create makes the key file at path with a new root key, one slot for every unlocker (at least one) and a recovery slot. The
// ring is returned unlocked, with the recovery code that must be shown now or never. It has the first key of [CheckpointSeries] and the first seal key.
// What was made is in [Ring.Root] and [Ring.Slots]. Errors: ErrExists, those of the unlockers, those of the file system.
func Create(ctx context.Context, path string, install [16]byte, o Options, unlockers ...Unlocker) (*Ring, RecoveryCode, error) {
	r := newRing(path, o)
	code, err := r.create(ctx, install, unlockers)
	if err != nil {
		return nil, RecoveryCode{}, err
	}
	return r, code, nil
}

func newRing(path string, o Options) *Ring {
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Ring{file: keyFile{path, osDisk{}}, rand: o.Rand, now: o.Now, opened: map[Owner]*openedOwner{}}
}

func (r *Ring) create(ctx context.Context, install [16]byte, unlockers []Unlocker) (code RecoveryCode, err error) {
	if len(unlockers) == 0 {
		return code, errors.New("no way to unlock was given: a passphrase, a key file, AWS KMS or a token is needed beside the recovery key")
	}
	if _, err := os.Lstat(r.file.path); !errors.Is(err, fs.ErrNotExist) {
		return code, errors.Join(fmt.Errorf("%s: %w", r.file.path, ErrExists), err)
	}
	if code, err = newRecoveryCode(r.rand); err != nil {
		return code, err
	}
	first, err := newRoot(r.rand)
	if err != nil {
		return code, err
	}
	eraser, err := envelope.NewKey(r.rand)
	if err != nil {
		return code, err
	}
	defer eraser.Wipe()
	s := &state{install: install, generation: 1, rootID: first.wrap.ID(), rootGeneration: 1, rootCreated: r.seconds()}
	s.eraser = wrapped(first.wrap.Wrap(eraser, eraserContext(install)))
	e := &edit{state: s, ring: r, root: first, calls: unlockers}
	for _, u := range append(slices.Clone(unlockers), recoveryUnlocker(code.secret[:])) {
		if err := e.addSlot(ctx, u); err != nil {
			return code, err
		}
	}
	if err := e.addSigner(CheckpointSeries); err != nil {
		return code, err
	}
	if err := e.addSealKey(); err != nil {
		return code, err
	}
	data, err := s.encode(first)
	if err != nil {
		return code, err
	}
	if err := r.file.tidy(); err != nil { // of an attempt before
		return code, err
	}
	if err := r.file.first(data); err != nil {
		return code, errors.Join(err, r.file.tidy())
	}
	r.state, r.root, r.attached = s, first, external(unlockers)
	return code, nil
}

// Open reads the key file. The ring is locked: what it shows then ([Ring.Slots], [Ring.Owners], [Ring.Erased],
// [Ring.PublicKeys], [Ring.Generation]) has its checksum right but is not yet authenticated. Nothing is written.
// Errors: fs.ErrNotExist, ErrDamaged.
func Open(path string, o Options) (*Ring, error) {
	r := newRing(path, o)
	s, _, err := r.load()
	if err != nil {
		return nil, err
	}
	r.state = s
	return r, nil
}

func (r *Ring) load() (*state, []byte, error) {
	data, err := r.file.read()
	if err != nil {
		return nil, nil, err
	}
	s, err := decode(data)
	if err != nil {
		return nil, nil, fmt.Errorf("key file %s: %w", r.file.path, err)
	}
	return s, data, nil
}

// Unlock takes the root key out of a slot that u opens, authenticates the file and clears away what an interrupted change left.
// Nothing is written before the root key is known to be right. On an unlocked ring it checks u and changes nothing else.
// Errors: ErrWrongKey, ErrNoSlot, ErrTampered, ErrDamaged, those of u's service.
func (r *Ring) Unlock(ctx context.Context, u Unlocker) error {
	return r.unlock(func(s *state) (*root, error) { return s.openSlot(ctx, r.rand, u) }, u)
}

// unlock reads the file afresh: what is in memory was never authenticated.
func (r *Ring) unlock(open func(*state) (*root, error), u Unlocker) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	s, data, err := r.load()
	if err != nil {
		return err
	}
	root, err := open(s)
	if err != nil {
		return fmt.Errorf("key file %s: %w", r.file.path, err)
	}
	if root.wrap.ID() != s.rootID {
		err = ErrTampered
	} else {
		err = verify(data, root)
	}
	if err != nil {
		root.wipe()
		return fmt.Errorf("key file %s: %w", r.file.path, err)
	}
	r.attached = append(r.attached, external([]Unlocker{u})...)
	if !r.Locked() {
		root.wipe()
		return nil
	}
	r.recoverDisk()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state, r.root, r.opened, r.begun = s, root, map[Owner]*openedOwner{}, false
	return nil
}

// recoverDisk ends what an interrupted change began. What was read must be what stays before the file of before goes: a
// rename that only this kernel's memory knows is undone by a power failure.
func (r *Ring) recoverDisk() {
	r.broken, r.residue = nil, nil
	if err := r.file.disk.syncDir(filepath.Dir(r.file.path)); err != nil {
		r.broken = fmt.Errorf("writing the directory of the key file: %w: %w", ErrUncertain, err)
		return
	}
	r.residue = r.file.tidy()
}

func (s *state) openSlot(ctx context.Context, rand io.Reader, u Unlocker) (*root, error) {
	wrong := fmt.Errorf("%w: it has %s", ErrNoSlot, s.methods())
	for i := range s.slots {
		if !s.slots[i].isFor(u) {
			continue
		}
		root, err := s.slots[i].open(ctx, rand, place{s.install, s.rootGeneration}, u)
		if err == nil {
			return root, nil
		}
		if wrong = err; !errors.Is(err, ErrWrongKey) {
			break
		}
	}
	return nil, wrong
}

func (s *state) methods() string {
	var m []string
	for i := range s.slots {
		m = append(m, strings.TrimSpace(s.slots[i].method+" "+s.slots[i].reference))
	}
	return strings.Join(m, ", ")
}

// Attach tells the ring how to reach the services of slots that wrap by call, so that it can give them a new root key:
// [Ring.Erase], [Ring.Rewrap] and [Ring.RemoveSlot] need it unless the ring was unlocked by that service itself.
// Unlockers of other kinds are passed over, their slots have a public half.
func (r *Ring) Attach(unlockers ...Unlocker) {
	r.changing.Lock()
	defer r.changing.Unlock()
	r.attached = append(r.attached, external(unlockers)...)
}

func external(unlockers []Unlocker) (out []Unlocker) {
	for _, u := range unlockers {
		if u.wrapper != nil {
			out = append(out, u)
		}
	}
	return out
}

// Lock settles the encryption counters and overwrites every secret in memory; see the package doc for what that cannot reach. The
// ring stays usable for what a locked ring shows. Whoever still holds a key got before can finish with it. A failure to settle
// costs a part of the counters and nothing else, so it is not reported. It does not touch the host's key store: [Ring.Forget].
func (r *Ring) Lock() {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.begun {
		_, _ = r.change(context.Background(), (*edit).settle)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.root == nil {
		return
	}
	r.root.wipe()
	for _, o := range r.opened {
		o.wipe()
	}
	r.root, r.opened, r.begun, r.kept = nil, map[Owner]*openedOwner{}, false, nil
}

// Locked reports whether the root key is not in memory.
func (r *Ring) Locked() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.root == nil
}

// Generation counts the changes of the file. The store keeps the last one it saw elsewhere: a smaller one is an old
// file that was put back.
func (r *Ring) Generation() uint64 { return r.published().generation }

// Install is the id of the install that the file belongs to.
func (r *Ring) Install() [16]byte { return r.published().install }

// Root tells which root key the file is under. Known while locked.
func (r *Ring) Root() RootStatus {
	s := r.published()
	return RootStatus{s.rootID, s.rootGeneration, stamp(s.rootCreated)}
}

// published is the state as of the last change. It is never changed.
func (r *Ring) published() *state {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.state
}

func (r *Ring) seconds() int64 { return r.now().Unix() }

// Open decrypts an owner's keys into memory, from where [Ring.DataKey] and [Ring.Key] hand them out. Events: the KEK
// unwrapped; none where the keys are there already. Errors: ErrLocked, ErrUnknownOwner, ErrErased, ErrTampered.
func (r *Ring) Open(o Owner) ([]Event, error) {
	if ok, err := r.isOpened(o); ok || err != nil {
		return nil, err
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	if ok, err := r.isOpened(o); ok || err != nil {
		return nil, err
	}
	record, err := r.state.owner(o)
	if err != nil {
		return nil, err
	}
	live, err := r.bring(r.state, r.root, record, nil)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opened[o] = live
	return []Event{{Kind: Unwrapped, Object: OwnerKey, Owner: o, KeyID: record.kekID, Version: record.version}}, nil
}

func (r *Ring) isOpened(o Owner) (bool, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.root == nil {
		return false, ErrLocked
	}
	return r.opened[o] != nil, nil
}

// bring unwraps the data keys of a record, keeping the keys of before, with their counters, where they are the same.
func (r *Ring) bring(s *state, root *root, record *ownerRecord, before *openedOwner) (*openedOwner, error) {
	kek, err := s.kek(root, record)
	if err != nil {
		return nil, err
	}
	defer kek.Wipe()
	live := &openedOwner{byID: map[envelope.KeyID]*liveKey{}, current: map[Purpose]*liveKey{}}
	for i := range record.keys {
		d := &record.keys[i]
		var k *liveKey
		if before != nil {
			k = before.byID[d.id]
		}
		if k == nil {
			key, err := s.dataKey(kek, record, d)
			if err != nil {
				return nil, err
			}
			k = newLiveKey(key, d, r.sessionOf(s))
		}
		live.byID[d.id] = k
		live.current[d.purpose] = k // the last epoch stays
	}
	return live, nil
}

func (s *state) kek(root *root, o *ownerRecord) (*envelope.Key, error) {
	k, err := root.wrap.Unwrap(o.wrapped[:], kekContext(s.install, o.owner, o.version))
	if err != nil {
		return nil, fmt.Errorf("the key-encryption key of %v: %w: %w", o.owner, ErrTampered, err)
	}
	return k, nil
}

func (s *state) dataKey(kek *envelope.Key, o *ownerRecord, d *dataKey) (*envelope.Key, error) {
	k, err := kek.Unwrap(d.wrapped[:], dataContext(s.install, o.owner, o.version, d))
	if err != nil {
		return nil, fmt.Errorf("data key %v of %v: %w: %w", d.id, o.owner, ErrTampered, err)
	}
	return k, nil
}

func (o *openedOwner) wipe() {
	for _, k := range o.byID {
		k.key.Wipe()
	}
}

// Key is the data key with this id, of any epoch, for decrypting.
// Errors: ErrLocked, ErrUnopened, ErrErased, ErrUnknownOwner, ErrDestroyed, ErrUnknownKey.
func (r *Ring) Key(o Owner, id envelope.KeyID) (*envelope.Key, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	live, err := r.live(o)
	if err != nil {
		return nil, err
	}
	if k := live.byID[id]; k != nil {
		return k.key, nil
	}
	if i, ok := r.state.find(o); ok && slices.Contains(r.state.owners[i].destroyed, id) {
		return nil, fmt.Errorf("data key %v of %v: %w", id, o, ErrDestroyed)
	}
	return nil, fmt.Errorf("data key %v of %v: %w", id, o, ErrUnknownKey)
}

// live is the opened owner or why there is none. The caller holds mu.
func (r *Ring) live(o Owner) (*openedOwner, error) {
	if r.root == nil {
		return nil, ErrLocked
	}
	if live := r.opened[o]; live != nil {
		return live, nil
	}
	if _, err := r.state.owner(o); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%v: %w", o, ErrUnopened)
}
