package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/qrsrisk/qrsd/store/internal/durable"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// Assembly puts a store together from the parts of a backup, beside the place where it is to be. Nothing is at that place
// until Finish, the commit point, renames it.
type Assembly struct {
	dir, work string
	release   func() error // the lock of work; nil when that is no longer the assembly's
}

const (
	restoringSuffix = ".restoring"
	// restoringMark is the file by which a folder is known for an assembly's, before anything else is in it.
	restoringMark = "RESTORING"
)

// Assemble begins. It refuses with ErrExists where dir exists and is not an empty folder: a restore overwrites nothing. What
// an assembly that was cut short left beside it is removed; a folder of that name that no assembly has made is ErrExists too, and one
// that another assembly is at work in is an InUseError.
func Assemble(dir string) (*Assembly, error) {
	dir = filepath.Clean(dir)
	entries, err := os.ReadDir(dir)
	switch {
	case err == nil && len(entries) > 0:
		return nil, fmt.Errorf("%s is there and not empty; a restore overwrites nothing: name a new folder, or move that one away: %w", dir, ErrExists)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	a := &Assembly{dir: dir, work: dir + restoringSuffix}
	if err := a.take(); err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(a.work, blobFolder), 0o700); err != nil {
		return nil, errors.Join(err, a.Abandon())
	}
	return a, nil
}

// take makes the folder of the assembly, or clears one that was cut short, and holds its lock.
func (a *Assembly) take() error {
	err := os.MkdirAll(filepath.Dir(a.work), 0o700)
	if err == nil {
		err = os.Mkdir(a.work, 0o700)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if errors.Is(err, fs.ErrExist) && !a.ownLeftover() {
		return fmt.Errorf("%s is there, and no restore has made it; a restore overwrites nothing: move it away, or name another folder: %w", a.work, ErrExists)
	}
	release, err := kv.LockDir(a.work)
	if err != nil {
		return fmt.Errorf("another restore to %s: %w", a.dir, err)
	}
	if err := a.clear(); err != nil {
		return errors.Join(err, release())
	}
	a.release = release
	return nil
}

// ownLeftover reports whether the folder is one that an assembly has made: marked, or cut short before that.
func (a *Assembly) ownLeftover() bool {
	info, err := os.Lstat(a.work)
	if err != nil || !info.IsDir() {
		return false
	}
	entries, err := os.ReadDir(a.work)
	if err != nil {
		return false
	}
	lockAlone := len(entries) == 0 || len(entries) == 1 && entries[0].Name() == kv.LockName
	mark, err := os.Lstat(filepath.Join(a.work, restoringMark))
	return lockAlone || err == nil && mark.Mode().IsRegular()
}

// clear removes all but the lock, and marks the folder. The mark goes last and comes first, so that what is cut short in between is
// still known.
func (a *Assembly) clear() error {
	entries, err := os.ReadDir(a.work)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == kv.LockName || e.Name() == restoringMark {
			continue
		}
		if err := os.RemoveAll(filepath.Join(a.work, e.Name())); err != nil {
			return err
		}
	}
	return durable.WriteFile(filepath.Join(a.work, restoringMark), []byte("A restore is at work here, or was cut short. The next one to the same place removes this folder.\n"), 0o600)
}

// Database is where the database's file is to be written, KeyFile where the key file.
func (a *Assembly) Database() string { return filepath.Join(a.work, databaseFile) }

// KeyFile is where the key file is to be written.
func (a *Assembly) KeyFile() string { return filepath.Join(a.work, keysFile) }

// CreateBlob makes the file of a blob.
func (a *Assembly) CreateBlob(b StoredBlob) (*os.File, error) {
	if !isBlobName(b.Name) {
		return nil, fmt.Errorf("%.80q is no name of a blob", b.Name)
	}
	folder := filepath.Join(a.work, blobFolder, b.Tenant.String())
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(folder, b.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// Finish writes the small files, makes all durable and gives the store its place. anchor and formatText are as the snapshot had
// them. Erasures are noted in the store's own anchor, so that the first unlock repeats those that the key file does not know and this
// installation has written. Where o names an anchor that is there, its content takes the place of the backup's. The file itself is not
// touched: what was restored is not proved yet. See MoveAnchor.
func (a *Assembly) Finish(anchor, formatText []byte, erased []Erasure, o Options) error {
	if err := durable.WriteFile(filepath.Join(a.work, formatFile), formatText, 0o600); err != nil {
		return err
	}
	if _, err := readFormat(a.work); err != nil {
		return fmt.Errorf("the backup's %w", err)
	}
	if o.Anchor != "" {
		switch text, err := os.ReadFile(o.Anchor); {
		case err == nil:
			anchor = text
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("the anchor: %w", err)
		}
	}
	own := filepath.Join(a.work, anchorFile)
	if err := durable.WriteFile(own, anchor, 0o600); err != nil {
		return err
	}
	if err := noteErasures(own, erased); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(a.work, restoringMark)); err != nil {
		return err
	}
	if err := syncTree(a.work); err != nil {
		return err
	}
	if err := os.Remove(a.dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // an empty folder
		return err
	}
	if err := os.Rename(a.work, a.dir); err != nil {
		return err
	}
	release := a.release
	a.release = nil
	return errors.Join(durable.SyncFolder(filepath.Dir(a.dir)), release())
}

// Abandon removes what was assembled so far. After Finish, or a second time, it does nothing.
func (a *Assembly) Abandon() error {
	if a.release == nil {
		return nil
	}
	release := a.release
	a.release = nil
	return errors.Join(os.RemoveAll(a.work), release())
}

// MoveAnchor moves the anchor of a closed store from its own place to another, over one that is there: with it the restore of a store whose
// anchor is kept elsewhere ends, after the store was proved.
func MoveAnchor(dir, to string) error {
	own := filepath.Join(dir, anchorFile)
	a, err := openAnchor(own)
	if err != nil || a.missing || sameFile(own, to) {
		return err
	}
	if err := writeSummed(to, a.content); err != nil {
		return fmt.Errorf("the anchor: %w", err)
	}
	return os.Remove(own)
}

// noteErasures adds erasures to an anchor, each of which has its own MAC. One that merely names the same tenant keeps none out.
func noteErasures(path string, erased []Erasure) error {
	a, err := openAnchor(path)
	if err != nil {
		return err
	}
	known := func(e Erasure) bool {
		return slices.ContainsFunc(a.content.Erased, e.Equal)
	}
	before := len(a.content.Erased)
	for _, e := range erased {
		if !known(e) {
			a.content.Erased = append(a.content.Erased, e)
		}
	}
	if len(a.content.Erased) == before {
		return nil
	}
	return writeSummed(path, a.content)
}

// syncTree makes every file and folder below a folder durable.
func syncTree(root string) error {
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return durable.SyncFolder(path) // fsync is the same call for a file
	})
}

// BehindAnchor is a *RollbackError where the appliance's audit log of a backup is shorter than the one that the anchor file
// holds; nil where it is not, or where there is no such file.
func BehindAnchor(path string, heads []LogHead) error {
	a, err := openAnchor(path)
	if err != nil || a.missing || a.content.Checkpoint == "" {
		return err
	}
	lines := strings.SplitN(a.content.Checkpoint, "\n", 3) // origin, size, root (C2SP tlog-checkpoint)
	if len(lines) < 3 {
		return fmt.Errorf("anchor %s: %w: its checkpoint has %d lines", path, ErrDamaged, len(lines))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return fmt.Errorf("anchor %s: %w: %w", path, ErrDamaged, err)
	}
	var have int64
	for _, h := range heads {
		if h.Tenant == Appliance && h.Log == AuditLog.String() {
			have = h.Size
		}
	}
	if have < size {
		return &RollbackError{What: "the appliance's audit log", Have: have, Anchor: size, Time: a.content.Time}
	}
	return nil
}

// HoldHeads compares the logs with heads of before: each must have at least so many leaves, and the same root at that size. What
// differs is in the faults.
func (db *DB) HoldHeads(ctx context.Context, p Principal, heads []LogHead) (faults []Fault, err error) {
	t, a := db.appliance(p), Action{Verb: rights.StoreCheck}
	if err := t.permit(ctx, a); err != nil {
		return nil, err
	}
	for _, h := range heads {
		fault, failed := db.holdHead(ctx, h)
		if failed != nil {
			err = failed
			break
		}
		if fault != nil {
			faults = append(faults, *fault)
		}
	}
	return faults, t.settle(ctx, a, err)
}

func (db *DB) holdHead(ctx context.Context, h LogHead) (*Fault, error) {
	kind := AuditLog
	if h.Log == Lineage.String() {
		kind = Lineage
	}
	l := db.logOf(h.Tenant, kind)
	if err := db.openLogKeys(l); err != nil {
		if foundWrong(err) || errors.Is(err, keyring.ErrUnknownOwner) {
			return &Fault{l.String(), err.Error()}, nil
		}
		return nil, err
	}
	var fault *Fault
	err := db.kv.View(ctx, func(tx *kv.ReadTx) error {
		size, err := l.size(tx)
		if err != nil {
			return err
		}
		if size < h.Size {
			fault = &Fault{l.String(), fmt.Sprintf("has %d leaves, the backup's manifest says %d", size, h.Size)}
			return nil
		}
		root, err := ledger.Root(h.Size, db.hashes(tx, l))
		if err == nil && root != h.Root {
			fault = &Fault{l.String(), fmt.Sprintf("has another root at %d leaves than the backup's manifest says", h.Size)}
		}
		return err
	})
	if foundWrong(err) {
		return &Fault{l.String(), err.Error()}, nil
	}
	return fault, err
}

// UnlockCopy unlocks db, a restored copy of live, with the root key that live has in hand, for p. ErrWrongKey: live's root key
// was replaced since the copy's key file was written.
func (db *DB) UnlockCopy(ctx context.Context, p Principal, live *DB) error {
	if err := live.ready(); err != nil {
		return err
	}
	hand := &inHand{}
	defer hand.wipe()
	if err := live.ring.Lend(hand); err != nil {
		return err
	}
	return db.unlockBy(ctx, p, "the appliance it is a copy of", func() error { return db.ring.UnlockFrom(hand) })
}

// inHand passes a root key from one store of this process to another.
type inHand struct{ secret []byte }

func (h *inHand) Keep(_ string, secret []byte, _ time.Duration) error {
	h.secret = bytes.Clone(secret)
	return nil
}

func (h *inHand) Recall(string) ([]byte, error) { return bytes.Clone(h.secret), nil }

func (h *inHand) Forget(string) error { h.wipe(); return nil }

func (h *inHand) wipe() { clear(h.secret) }

// documentName is what statements about the installation are signed under, apart from its logs.
func (db *DB) documentName() string { return "qrsd/" + db.format.Install.String() + "/documents" }

// SignDocument signs the JSON of v, an object, as a signed note (C2SP) under the key that signs checkpoints. The name it is signed
// under is no log's, so that it cannot be taken for a checkpoint.
func (db *DB) SignDocument(v any) ([]byte, error) {
	if err := db.ready(); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	signer, err := db.signer(db.documentName())
	if err != nil {
		return nil, err
	}
	return note.Sign(&note.Note{Text: string(text) + "\n"}, signer)
}

// OpenDocument verifies a document and returns its JSON. It works on a locked store; an error is that of a signature by none of this
// installation's keys.
func (db *DB) OpenDocument(signed []byte) ([]byte, error) {
	verifiers, err := db.verifiers(db.documentName())
	if err != nil {
		return nil, err
	}
	n, err := note.Open(signed, verifiers)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ledger.ErrNotVerified, err)
	}
	return []byte(n.Text), nil
}
