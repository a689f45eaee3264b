package blob

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// faultyDisk lets one step go wrong, before or after it took effect, and, for a killed process, everything behind it.
type faultyDisk struct {
	disk
	steps  []string // what was done
	fail   int      // the step that goes wrong, from 1
	effect bool     // it takes effect all the same
	killed bool     // nothing after it takes effect
}

var errDisk = errors.New("input/output error")

func (d *faultyDisk) step(name string, do func() error) error {
	d.steps = append(d.steps, name)
	n := len(d.steps)
	if d.fail == 0 || n < d.fail || n > d.fail && !d.killed {
		return do()
	}
	if n == d.fail && d.effect {
		_ = do()
	}
	return errDisk
}

func (d *faultyDisk) create(name string) (file sink, err error) {
	err = d.step("create", func() error {
		inner, err := d.disk.create(name)
		file = &faultySink{inner, d}
		return err
	})
	return file, err
}

func (d *faultyDisk) rename(from, to string) error {
	return d.step("rename", func() error { return d.disk.rename(from, to) })
}

func (d *faultyDisk) remove(name string) error {
	return d.step("remove", func() error { return d.disk.remove(name) })
}

func (d *faultyDisk) sync() error { return d.step("sync directory", d.disk.sync) }

type faultySink struct {
	sink
	disk *faultyDisk
}

func (s *faultySink) Write(p []byte) (n int, err error) {
	if s.disk.effect {
		// A full disk takes a part.
		err = s.disk.step("write", func() error { n, err = s.sink.Write(p[:len(p)/2]); return err })
		if err == nil {
			m, err := s.sink.Write(p[len(p)/2:])
			return n + m, err
		}
		return n, err
	}
	err = s.disk.step("write", func() error { n, err = s.sink.Write(p); return err })
	return n, err
}

func (s *faultySink) Sync() error { return s.disk.step("sync", s.sink.Sync) }

func (s *faultySink) Close() error { return s.disk.step("close", s.sink.Close) }

// fill writes a blob of three segments.
func (a attacker) fill(content []byte) (Ref, error) {
	w, err := a.Create(a.key, somewhere)
	if err != nil {
		return Ref{}, err
	}
	defer w.Abort()
	if _, err := w.Write(content); err != nil {
		return Ref{}, err
	}
	return w.Commit()
}

// TestStepsInOrder: contents are durable before they have a name, and the name before there is a Ref.
func TestStepsInOrder(t *testing.T) {
	a := attack(t)
	disk := &faultyDisk{disk: a.disk}
	a.disk = disk
	ref, err := a.fill(random(3*SegmentSize - 1000))
	if err != nil {
		t.Fatal(err)
	}
	const want = "create write write write write sync close rename sync directory"
	if got := strings.Join(disk.steps, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	disk.steps = nil
	if err := a.Remove(ref.ID); err != nil || strings.Join(disk.steps, " ") != "remove sync directory" {
		t.Errorf("removal: %v, %v", disk.steps, err)
	}
}

// TestEachStepFails: without effect and with, in a process that lives on and in one that is killed. There is never a Ref, at
// most an orphan, and Sweep collects it when it is old and not before.
func TestEachStepFails(t *testing.T) {
	content := random(3*SegmentSize - 1000)
	const steps = 9
	for step := 1; step <= steps; step++ {
		for _, effect := range []bool{false, true} {
			for _, killed := range []bool{false, true} {
				t.Run(fmt.Sprintf("step %d, effect %t, killed %t", step, effect, killed), func(t *testing.T) {
					a := attack(t)
					keep, _ := a.write(t, content)
					intact := a.disk
					disk := &faultyDisk{disk: intact, fail: step, effect: effect, killed: killed}
					a.disk = disk
					if ref, err := a.fill(content); !errors.Is(err, errDisk) || ref != (Ref{}) {
						t.Fatalf("%+v, %v after %v", ref, err, disk.steps)
					}
					if len(disk.steps) < step {
						t.Fatalf("only %v", disk.steps)
					}
					a.disk = intact
					if left := names(t, a.path); !killed && step > 1 && len(left) > 1 {
						t.Errorf("left although it could be removed: %v", left)
					}
					a.checkLeft(t, keep)
					if ref, err := a.fill(content); err != nil || ref.Size != int64(len(content)) {
						t.Errorf("afterwards: %+v, %v", ref, err)
					}
				})
			}
		}
	}
}

// checkLeft looks at the directory after a failed write, as the next process finds it.
func (a attacker) checkLeft(t *testing.T, keep Ref) {
	t.Helper()
	next, err := Open(a.path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = next.Close() }()
	referenced := func(id [16]byte) bool { return id == keep.ID }
	left := names(t, a.path)
	if swept, err := next.Sweep(referenced, time.Hour); err != nil || swept != (Swept{}) {
		t.Errorf("young files were swept: %+v, %v", swept, err)
	}
	old := time.Now().Add(-2 * time.Hour)
	for _, name := range left {
		if err := os.Chtimes(filepath.Join(a.path, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if swept, err := next.Sweep(referenced, time.Hour); err != nil || swept.Blobs+swept.Parts != len(left)-1 {
		t.Errorf("swept %+v of %v, %v", swept, left, err)
	}
	if got := names(t, a.path); !slices.Equal(got, []string{FileName(keep.ID)}) {
		t.Errorf("after the sweep: %v", got)
	}
	if _, err := a.readAll(keep); err != nil {
		t.Errorf("another blob: %v", err)
	}
}

func names(t *testing.T, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestKilledBetweenWriteAndRename: the file stays under the name of an unfinished one and is nobody's blob.
func TestKilledBetweenWriteAndRename(t *testing.T) {
	a := attack(t)
	a.disk = &faultyDisk{disk: a.disk, fail: 6, killed: true} // after create and four writes: at the fsync
	if _, err := a.fill(random(3*SegmentSize - 1000)); !errors.Is(err, errDisk) {
		t.Fatal(err)
	}
	left := names(t, a.path)
	if len(left) != 1 || !strings.HasSuffix(left[0], partSuffix) {
		t.Fatalf("left: %v", left)
	}
	if err := a.All(func([16]byte, int64, time.Time) error { return errors.New("an unfinished blob is listed") }); err != nil {
		t.Error(err)
	}
}

// TestRemovalFails: without effect the blob is there, with effect it is gone, and in both cases the caller is told.
func TestRemovalFails(t *testing.T) {
	for step := 1; step <= 2; step++ {
		for _, effect := range []bool{false, true} {
			a := attack(t)
			content := text(5000)
			ref, _ := a.write(t, content)
			intact := a.disk
			a.disk = &faultyDisk{disk: intact, fail: step, effect: effect}
			if err := a.Remove(ref.ID); !errors.Is(err, errDisk) {
				t.Errorf("step %d: %v", step, err)
			}
			a.disk = intact
			if _, err := a.readAll(ref); (step == 1 && !effect) != (err == nil) {
				t.Errorf("step %d, effect %t: reading says %v", step, effect, err)
			}
		}
	}
}

func TestSweepFails(t *testing.T) {
	for step := 1; step <= 2; step++ {
		a := attack(t)
		a.write(t, text(10))
		intact := a.disk
		a.disk = &faultyDisk{disk: intact, fail: step}
		if _, err := a.Sweep(func([16]byte) bool { return false }, -1); !errors.Is(err, errDisk) {
			t.Errorf("step %d: %v", step, err)
		}
		a.disk = intact
		if _, err := a.Sweep(func([16]byte) bool { return false }, -1); err != nil {
			t.Errorf("step %d, again: %v", step, err)
		}
	}
}

// TestReadErrorsAreNotDamage: a file that cannot be read is not called forged.
func TestReadErrorsAreNotDamage(t *testing.T) {
	a := attack(t)
	ref, _ := a.write(t, random(2*FrameSize))
	r, err := a.Dir.Open(ref, a.keyOf, somewhere)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r); err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("reading a closed file: %v", err)
	}
	// A file cut off while it is read is damage.
	if r, err = a.Dir.Open(ref, a.keyOf, somewhere); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if err := os.Truncate(filepath.Join(a.path, FileName(ref.ID)), FrameSize); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if _, err := io.Copy(&got, r); !errors.Is(err, ErrDamaged) || got.Len() > FrameSize {
		t.Errorf("%d bytes, %v", got.Len(), err)
	}
}
