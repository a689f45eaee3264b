// Package egressfile keeps the record of what left the host in a file of JSON lines, before the encrypted store
// does.
//
// A line is an egress.Entry; lines are hash-chained. A line is on the disk (fsync) before the request that it is about is
// sent. Several processes may append to one file: each append takes a lock and goes on from the end that it finds. The file has
// mode 0600, and that alone protects it.
//
// Begin with Journal.
package egressfile

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/durablefile"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/quantum/egress"
)

// Journal is an egress.Journal in a file.
type Journal struct {
	Path string
	Now  func() time.Time // the host's clock; required

	process sync.Once
	prefix  string // of the ids of this process's connections, set by process

	mutex sync.Mutex // one append at a time in this process; the file's lock is for other processes
	last  stand      // under mutex
}

// stand is the file as this journal left it. As long as size and time of change are those, it is not read again from the
// beginning for each entry; whoever changes it in place unseen is found by Verify, or by the next process.
type stand struct {
	size    int64
	changed time.Time
	chain   egress.Chain
}

var (
	_ egress.Journal = (*Journal)(nil)
	_ outbound.Log   = (*Journal)(nil)
)

// Begin appends the request and returns when it is on the disk.
func (j *Journal) Begin(_ context.Context, r egress.Record) (egress.ID, error) {
	id := egress.ID(rand.Text())
	return id, j.append(egress.Entry{Kind: egress.KindRequest, ID: id, Purpose: r.Purpose, Destination: r.Destination, Bytes: r.Request})
}

// Finish appends the outcome of the request with the id.
func (j *Journal) Finish(_ context.Context, id egress.ID, r egress.Record) error {
	return j.append(egress.Entry{
		Kind: egress.KindOutcome, ID: id, Purpose: r.Purpose, Destination: r.Destination, Bytes: r.Response, Failure: r.Failure,
	})
}

// Opening records a connection before its name is resolved.
func (j *Journal) Opening(c outbound.Connection) error { return j.connection(egress.KindOpening, c) }

// Ended records how a connection ended. That it could not be recorded is lost here: the Opening is on record, and the next
// request is not sent if the record is broken.
func (j *Journal) Ended(c outbound.Connection) {
	_ = j.connection(egress.KindConnection, c)
}

// Line is what the Bytes of an entry of a connection say, of kind egress.KindOpening or egress.KindConnection.
type Line struct {
	Address  string           `json:"address,omitempty"` // address:port that the host resolved to
	Target   string           `json:"target,omitempty"`  // host:port behind a proxy
	Outcome  outbound.Outcome `json:"outcome,omitempty"`
	Sent     int64            `json:"sent"`
	Received int64            `json:"received"`
}

func (j *Journal) connection(kind string, c outbound.Connection) error {
	text, err := json.Marshal(Line{address(c), c.Target, c.Outcome, c.Sent, c.Received})
	if err != nil {
		return err
	}
	j.process.Do(func() { j.prefix = rand.Text()[:8] })
	return j.append(egress.Entry{
		Kind: kind, ID: egress.ID(fmt.Sprintf("%s-%d", j.prefix, c.ID)), Purpose: string(c.Purpose),
		Destination: net.JoinHostPort(c.Host, strconv.Itoa(c.Port)), Bytes: text, Failure: c.Reason,
	})
}

func address(c outbound.Connection) string {
	if !c.Address.IsValid() {
		return ""
	}
	return c.Address.String()
}

// Verify reads the file and hands its entries to each, which may be nil. The error is an *egress.BrokenError for
// a bad line. A file that is not there is the empty record.
func (j *Journal) Verify(each func(egress.Entry) error) (egress.Chain, error) {
	file, err := os.Open(j.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return egress.Chain{}, nil
	}
	if err != nil {
		return egress.Chain{}, fmt.Errorf("opening the egress record: %w", err)
	}
	defer file.Close()
	return egress.Verify(file, each)
}

// append adds one entry behind a record that verifies.
func (j *Journal) append(e egress.Entry) (err error) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	file, err := j.open()
	if err != nil {
		return fmt.Errorf("opening the egress record: %w", err)
	}
	defer func() {
		if closed := file.Close(); err == nil {
			err = closed
		}
	}()
	if err := durablefile.LockFile(file); err != nil { // until the file is closed
		return fmt.Errorf("locking the egress record %s: %w", j.Path, err)
	}
	chain, err := j.end(file)
	if err != nil {
		return err
	}
	if chain, err = j.add(file, chain, e); err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil {
		j.last = stand{info.Size(), info.ModTime(), chain}
	}
	return err
}

// open makes the file where there is none, and its folder entry durable.
func (j *Journal) open() (*os.File, error) {
	file, err := os.OpenFile(j.Path, os.O_RDWR|os.O_APPEND, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	if file, err = os.OpenFile(j.Path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	if err := durablefile.SyncFolder(filepath.Dir(j.Path)); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// end verifies the record and is where it ends. An incomplete last line is cut off, with an entry that says so: its write had
// not returned, so nothing was sent for it. Any other fault stops everything: nothing leaves beside a broken record.
func (j *Journal) end(file *os.File) (egress.Chain, error) {
	if info, err := file.Stat(); err == nil && info.Size() > 0 && info.Size() == j.last.size && info.ModTime().Equal(j.last.changed) {
		return j.last.chain, nil
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return egress.Chain{}, err
	}
	var cut bytes.Buffer // what was read after the last complete line, in the end
	chain, err := egress.Verify(io.TeeReader(file, &tail{&cut}), nil)
	var broken *egress.BrokenError
	if !errors.As(err, &broken) {
		return chain, err
	}
	if !broken.Incomplete {
		return chain, fmt.Errorf("%s: %w; nothing is sent until the file is put aside", j.Path, err)
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return chain, err
	}
	if err := file.Truncate(size - int64(cut.Len())); err != nil {
		return chain, fmt.Errorf("cutting off the incomplete last line of %s: %w", j.Path, err)
	}
	return j.add(file, chain, egress.Entry{Kind: egress.KindRepair, ID: egress.ID(rand.Text()), Bytes: cut.Bytes()})
}

// tail keeps what was written after the last line end.
type tail struct{ kept *bytes.Buffer }

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	n := len(b)
	if at := bytes.LastIndexByte(b, '\n'); at >= 0 {
		t.kept.Reset()
		b = b[at+1:]
	}
	t.kept.Write(b)
	return n, nil
}

// add writes an entry and waits until it is on the disk.
func (j *Journal) add(file *os.File, chain egress.Chain, e egress.Entry) (egress.Chain, error) {
	e.Time = j.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	line, after, err := chain.Next(e)
	if err != nil {
		return chain, err
	}
	if _, err := file.Write(line); err != nil {
		return chain, fmt.Errorf("writing the egress record %s: %w", j.Path, err)
	}
	if err := file.Sync(); err != nil {
		return chain, fmt.Errorf("writing the egress record %s to the disk: %w", j.Path, err)
	}
	return after, nil
}
