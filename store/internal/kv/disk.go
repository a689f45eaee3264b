package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// ballastName is the file beside the database that is given up when the disk is full.
const ballastName = "ballast"

// diskGuard watches the room on the file system. The committer owns it, but for what is atomic.
type diskGuard struct {
	dir      string
	ballast  int64 // size, 0 for none
	lowWater int64 // negative: no guard
	retry    time.Time
	low      *atomic.Bool
	held     *atomic.Bool // the ballast is there
}

func newDiskGuard(path string, o Options) diskGuard {
	g := diskGuard{
		dir: filepath.Dir(path), ballast: max(o.Ballast, 0), lowWater: o.LowWater,
		low: new(atomic.Bool), held: new(atomic.Bool),
	}
	if g.lowWater == 0 {
		_, total, err := diskSpace(g.dir)
		if g.lowWater = 1 << 30; err == nil {
			g.lowWater = min(g.lowWater, total/20)
		}
	}
	info, err := os.Stat(g.file())
	g.held.Store(err == nil && info.Size() >= g.ballast)
	g.look()
	return g
}

func (g *diskGuard) file() string { return filepath.Join(g.dir, ballastName) }

// look brings low up to date, and the ballast back once there is room for it. Falling below the mark is believed at
// once, rising above it with a tenth to spare.
func (g *diskGuard) look() (free int64) {
	free, _, err := diskSpace(g.dir)
	if err != nil || g.lowWater < 0 {
		return free
	}
	switch {
	case free < g.lowWater:
		g.low.Store(true)
	case free >= g.lowWater+g.lowWater/10:
		g.low.Store(false)
		if g.ballast > 0 && !g.held.Load() && free >= g.lowWater+g.lowWater/10+g.ballast && time.Now().After(g.retry) {
			g.load()
		}
	}
	return free
}

// load makes the ballast; where that does not work, it is tried again in a minute.
func (g *diskGuard) load() {
	if err := writeBallast(g.file(), g.ballast); err != nil {
		g.retry = time.Now().Add(time.Minute)
		_ = os.Remove(g.file())
		return
	}
	g.held.Store(true)
}

// release gives the ballast's room to the file system and reports whether there was any.
func (g *diskGuard) release() bool {
	if !g.held.Swap(false) {
		return false
	}
	g.retry = time.Now().Add(time.Minute)
	return os.Remove(g.file()) == nil
}

// writeBallast makes a file whose blocks are really taken.
func writeBallast(path string, size int64) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("making the ballast: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := allocate(f, size); err == nil {
		return nil
	}
	// File systems without allocation may compress what is written; numbers without a pattern they cannot.
	number := uint32(0)
	block := make([]byte, 1<<20)
	for written := int64(0); written < size; written += int64(len(block)) {
		block = block[:min(int64(len(block)), size-written)]
		for i := 0; i+8 <= len(block); i += 8 {
			number++
			binary.LittleEndian.PutUint64(block[i:], mix(number))
		}
		if _, err := f.Write(block); err != nil {
			return fmt.Errorf("making the ballast: %w", err)
		}
	}
	return nil
}

// spare is the room that must be left beside an essential op's own.
const spare = 4 << 20

// needed is how many bytes must be free for p; low water where it is not essential.
func (g *diskGuard) needed(p *pending) int64 {
	if p.op.Essential {
		return p.need() + spare
	}
	return max(g.lowWater, 0) + p.need()
}

// need is what p may take in the file at most: its pages, split, and those above them, and what its Finish adds.
func (p *pending) need() int64 {
	changes := 0
	if p.tx != nil {
		changes = len(p.tx.order)
	}
	return 2*int64(p.bytes()) + int64(changes+2)*6*pageSize
}

// admit parts a list into what may share a batch and what must run alone because all together might not fit. Ops
// refused for want of room on the disk are answered.
func (db *DB) admit(list []*pending) (together, alone []*pending) {
	free := db.disk.look()
	var need int64
	for _, p := range list {
		if db.disk.low.Load() && !p.op.Essential {
			p.done <- ErrReadOnly{Free: free, Need: db.disk.needed(p)}
			continue
		}
		need += p.need()
		together = append(together, p)
	}
	if db.disk.low.Load() && free < need+spare {
		db.disk.release()
	}
	if len(together) > 1 && need > db.room(false) {
		return nil, together
	}
	if len(together) == 1 {
		if err := db.admitOne(together[0]); err != nil {
			together[0].done <- err
			return nil, nil
		}
	}
	return together, nil
}

// admitOne refuses an op for which the file or the disk has no room.
func (db *DB) admitOne(p *pending) error {
	if free := db.disk.look(); db.disk.low.Load() && !p.op.Essential {
		return ErrReadOnly{Free: free, Need: db.disk.needed(p)}
	}
	if p.need() > db.room(p.op.Essential) && p.step == nil {
		return ErrTooLarge{Size: db.fileSize(), Max: db.options.MaxSize}
	}
	return nil
}

// room is how many bytes still fit into the file, free pages included; essential ops may use the reserve.
func (db *DB) room(essential bool) int64 {
	stats := db.bolt.Stats()
	room := db.options.MaxSize - allocation(db.options.MaxSize) - db.used() + int64(stats.FreePageN)*pageSize
	if !essential {
		room -= db.options.reserve()
	}
	return room
}
