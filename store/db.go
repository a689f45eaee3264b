package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/blob"
	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/seal"
)

// The files of a store.
const (
	databaseFile = "main.db"
	keysFile     = "keys.qrk"
	anchorFile   = "anchor"
	blobFolder   = "blobs"
)

// Options are those of a store. The zero value is right for production.
type Options struct {
	// Anchor is where the appliance's last checkpoint is kept; "" is the file anchor in the store's own directory.
	// On another disk or host it also shows that the whole directory was put back. Named for the first time, for a store that
	// has one in its directory, that one moves there.
	Anchor string
	// AcceptRollback accepts a store that is older than its anchor, after a restore that was meant.
	AcceptRollback bool
	// Alarm is told at once of what an operator must look at: a rollback, a failed disk, an invalid page. nil drops it:
	// it is in the audit log as well. It may ask the store, but must not lock or close it: those wait for it to return.
	Alarm func(what string)
	// SealSigner signs seals with a key of a service or a token; nil is the store's own key. A key that is not the current
	// one of the store signs nothing until RotateSealKey.
	SealSigner seal.Signer
	// MaxSize bounds main.db in bytes; 0 is 64 GiB.
	MaxSize int64
	// Ballast is the space held back for a full disk, in bytes; 0 is 64 MiB, negative none.
	Ballast int64
	// Rand and Now are entropy and clock; nil is the system's.
	Rand io.Reader
	Now  func() time.Time
}

// DB is an open store, of this process alone. It is locked until Unlock. It is safe for many goroutines.
type DB struct {
	dir     string
	options Options
	format  format
	rand    io.Reader
	now     func() time.Time

	release func() error // the directory's lock
	kv      *kv.DB
	ring    *keyring.Ring
	book    *logbook
	anchor  *anchor
	ids     idSource
	fence   *fence
	alarms  alarms
	heads   sync.Map // of ID to signedHead: checkpoints that were verified
	changes changeCounts

	mu      sync.Mutex    // held while the state changes
	state   atomic.Uint32 // a state; read without mu, so that what an unlocked store is asked while it locks is answered
	folding sync.Mutex
	folders map[ID]*blob.Dir
	swept   map[ID]time.Time // when a tenant's orphans were last asked to be removed
	pinned  int              // snapshots whose blobs must stay
	toSweep chan ID
	// unwrapped are entries of first uses of keys, still to be written.
	unwrapping sync.Mutex
	unwrapped  []record
	retiring   map[envelope.KeyID]bool // data keys that a re-encryption is about to destroy
	stop       context.CancelFunc
	working    sync.WaitGroup
	changing   sync.Mutex // held while keys change: one intent at a time
}

type state uint8

const (
	locked state = iota
	unlocked
	closed
)

// Unlocker opens the root key: a key file, a passphrase, a recovery code, AWS KMS, a PKCS#11 device.
type Unlocker = keyring.Unlocker

// Create makes a store in an empty or new directory. The root key is drawn and wrapped for every unlocker given, and for
// a recovery code, which is returned to be shown once and is stored nowhere. The commit point is format.json: a directory
// without it holds no store, and leftovers of a creation that was cut short are removed.
func Create(ctx context.Context, dir string, o Options, unlockers ...Unlocker) (recovery string, err error) {
	o = o.filled()
	if len(unlockers) == 0 {
		return "", errors.New("create a store: no way to unlock it was given; name a key file, passphrase or key service")
	}
	if err := mayCreate(dir); err != nil { // before there is a lock file in it
		return "", err
	}
	release, err := kv.LockDir(dir)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, release()) }()
	if err := clearForCreate(dir); err != nil { // what is there is nobody's: whoever makes a store holds the lock
		return "", err
	}
	f := format{Format: formatVersion, Created: o.Now().UTC().Truncate(time.Second)}
	if _, err := io.ReadFull(o.Rand, f.Install[:]); err != nil {
		return "", fmt.Errorf("id of the installation: %w", err)
	}
	ring, code, err := keyring.Create(ctx, filepath.Join(dir, keysFile), f.Install, keyring.Options{Rand: o.Rand, Now: o.Now}, unlockers...)
	if err != nil {
		return "", fmt.Errorf("create the keys: %w", err)
	}
	defer ring.Lock()
	if _, err := ring.Add(ctx, grants(Appliance)); err != nil {
		return "", fmt.Errorf("create the appliance's keys: %w", err)
	}
	if err := kv.Create(filepath.Join(dir, databaseFile)); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Join(dir, blobFolder), 0o700); err != nil {
		return "", err
	}
	if err := createAnchor(o.anchorPath(dir), o.Now()); err != nil {
		return "", fmt.Errorf("create the anchor: %w", err)
	}
	return code.Reveal(), f.write(dir)
}

func (o Options) filled() Options {
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Alarm == nil {
		o.Alarm = func(string) {}
	}
	if o.MaxSize == 0 {
		o.MaxSize = 64 << 30
	}
	if o.Ballast == 0 {
		o.Ballast = 64 << 20
	}
	return o
}

// Open opens a store, locked. It fails with an *InUseError when another process has it, and with an *OwnerError, before anything is written, when its
// files belong to another user.
func Open(dir string, o Options) (_ *DB, err error) {
	o = o.filled()
	f, err := readFormat(dir)
	if err != nil {
		return nil, err
	}
	if err := checkOwner(dir); err != nil {
		if held := kv.Holder(dir); held != nil { // which says more: that it runs
			err = held
		}
		return nil, err
	}
	db := &DB{dir: dir, options: o, format: f, rand: &lockedReader{r: o.Rand}, now: o.Now, folders: map[ID]*blob.Dir{}, swept: map[ID]time.Time{}, retiring: map[envelope.KeyID]bool{}, fence: newFence(), toSweep: make(chan ID, 64)}
	db.ids.rand = db.rand
	if db.release, err = kv.LockDir(dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = db.release()
		}
	}()
	if err := migrate(dir, &db.format); err != nil {
		return nil, err
	}
	if db.anchor, err = anchorOf(dir, o); err != nil {
		return nil, err
	}
	if db.ring, err = keyring.Open(filepath.Join(dir, keysFile), keyring.Options{Rand: db.rand, Now: o.Now}); err != nil {
		return nil, err
	}
	db.book = newLogbook(db, db.anchor.hold)
	db.kv, err = kv.Open(filepath.Join(dir, databaseFile), kv.Options{
		MaxSize: o.MaxSize, Ballast: o.Ballast, Journal: db.book,
		OnLongRead: func(d time.Duration) {
			o.Alarm(fmt.Sprintf("a reading has held the database for %s", d.Round(time.Millisecond)))
		},
	})
	if err != nil {
		return nil, err
	}
	return db, nil
}

func (o Options) anchorPath(dir string) string {
	if o.Anchor != "" {
		return o.Anchor
	}
	return filepath.Join(dir, anchorFile)
}

// Unlock unwraps the root key, holds the store against its anchor, finishes what a crash had left half done between
// the two files, and starts the store's own work: checkpoints and due rotations. ErrWrongKey changes nothing. The entry of
// it names p, who must be an operator; a *DeniedError leaves none, because a locked store has no key to write one with.
func (db *DB) Unlock(ctx context.Context, p Principal, u Unlocker) error {
	return db.unlockBy(ctx, p, u.Method(), func() error { return db.ring.Unlock(ctx, u) })
}

func (db *DB) unlockBy(ctx context.Context, p Principal, method string, unlock func() error) (err error) {
	if !p.May(rights.StoreUnlock) {
		return &DeniedError{Verb: rights.StoreUnlock, Role: p.Role()}
	}
	defer db.sound() // after db.mu is given back
	db.mu.Lock()
	defer db.mu.Unlock()
	switch state(db.state.Load()) {
	case closed:
		return ErrClosed
	case unlocked:
		return nil
	}
	if err := unlock(); err != nil {
		return err
	}
	events := []keyring.Event{{Kind: keyring.Unwrapped, Object: keyring.RootKey, KeyID: db.ring.Root().KeyID}}
	defer func() {
		if err != nil {
			db.ring.Lock()
		}
	}()
	for _, h := range []keyring.Hierarchy{keyring.Audit, keyring.Data} {
		used, err := db.ring.Open(keyring.Owner{Hierarchy: h, Space: Appliance})
		if err != nil {
			return fmt.Errorf("the appliance's own keys: %w", err)
		}
		events = append(events, used...)
	}
	if err := db.compareAnchor(ctx); err != nil {
		return err
	}
	entry := db.appliance(p).entry(Action{Verb: rights.StoreUnlock}, Done)
	entry.reason, entry.keys = "by "+method, keyEvents(events)
	if err := db.audit(ctx, entry); err != nil {
		return err
	}
	if err := db.recover(ctx); err != nil {
		return err
	}
	if err := db.signRest(ctx); err != nil { // a damaged log must not keep from finding out what is damaged
		db.alarm(fmt.Sprintf("sign what a crash left unsigned: %v", err))
	}
	db.state.Store(uint32(unlocked))
	background, stop := context.WithCancel(context.Background())
	db.stop = stop
	db.working.Go(func() { db.work(background) })
	return nil
}

// Lock forgets the keys. What is running fails with ErrLocked; what was acknowledged is on disk. The entry of it names p,
// who must be an operator. A store that is locked already is left alone.
func (db *DB) Lock(ctx context.Context, p Principal) error {
	if err := db.ready(); errors.Is(err, ErrLocked) {
		return nil
	} else if err != nil {
		return err
	}
	if err := db.appliance(p).permit(ctx, Action{Verb: rights.StoreLock}); err != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.lock(ctx, p)
}

func (db *DB) lock(ctx context.Context, p Principal) error {
	if state(db.state.Load()) != unlocked {
		return nil
	}
	db.stop()
	db.working.Wait()
	err := db.audit(ctx, db.appliance(p).entry(Action{Verb: rights.StoreLock}, Done))
	err = errors.Join(err, db.checkpoint(ctx))
	err = errors.Join(err, db.anchor.rest(db.ring.Generation()))
	db.state.Store(uint32(locked))
	db.ring.Lock()
	return err
}

// Close locks the store, in the appliance's own name, and gives the directory free.
func (db *DB) Close() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if state(db.state.Load()) == closed {
		return nil
	}
	err := db.lock(context.Background(), rights.System(Appliance))
	db.state.Store(uint32(closed))
	return errors.Join(err, db.kv.Close(), db.release())
}

// system is the appliance's own handle on itself.
func (db *DB) system() *Tenant {
	return &Tenant{db: db, id: Appliance, principal: rights.System(Appliance)}
}

// ready says whether the store can be worked with.
func (db *DB) ready() error {
	switch state(db.state.Load()) {
	case locked:
		return ErrLocked
	case closed:
		return ErrClosed
	}
	return nil
}

// place is where a value is encrypted for.
func (db *DB) place(space ID, collection uint16, key []byte) envelope.Place {
	return envelope.Place{Install: db.format.Install, Space: space, Collection: collection, Record: key}
}

// blobs is the folder of a tenant's blobs. Its name says nothing but which blobs belong together.
func (db *DB) blobs(tenant ID) (*blob.Dir, error) {
	db.folding.Lock()
	defer db.folding.Unlock()
	if d := db.folders[tenant]; d != nil {
		return d, nil
	}
	if err := os.MkdirAll(db.blobPath(tenant), 0o700); err != nil {
		return nil, err
	}
	d, err := blob.Open(db.blobPath(tenant))
	if err == nil {
		db.folders[tenant] = d
	}
	return d, err
}

func (db *DB) blobPath(tenant ID) string { return filepath.Join(db.dir, blobFolder, tenant.String()) }

// lockedReader lets many goroutines draw from one source.
type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *lockedReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(p)
}

// dropFolder forgets an erased tenant's folder.
func (db *DB) dropFolder(tenant ID) {
	db.folding.Lock()
	defer db.folding.Unlock()
	if d := db.folders[tenant]; d != nil {
		_ = d.Close()
		delete(db.folders, tenant)
	}
}
