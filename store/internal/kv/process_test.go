//go:build linux

package kv_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/kv"
)

// TestMain lets this program be the other process: with KV_CHILD set it works on the directory KV_DIR instead of testing.
func TestMain(m *testing.M) {
	switch os.Getenv("KV_CHILD") {
	case "":
		os.Exit(m.Run())
	case "hold":
		os.Exit(hold(os.Getenv("KV_DIR")))
	case "cramped":
		os.Exit(openCramped(os.Getenv("KV_DIR")))
	case "write":
		os.Exit(writeUntilKilled(os.Getenv("KV_DIR"), os.Getenv("KV_FROM")))
	}
}

// child starts this program in a role.
func child(t *testing.T, role, dir string, more ...string) (*exec.Cmd, *bufio.Reader, io.Closer) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "KV_CHILD="+role, "KV_DIR="+dir), more...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(out), in
}

// hold opens everything in a directory until its input ends.
func hold(dir string) int {
	release, err := kv.LockDir(dir)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	db, err := kv.Open(filepath.Join(dir, "main.db"), small())
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := errors.Join(db.Close(), release()); err != nil {
		return 1
	}
	return 0
}

func TestTwoProcesses(t *testing.T) {
	dir := tempDir(t)
	path := filepath.Join(dir, "main.db")
	if err := kv.Create(path); err != nil {
		t.Fatal(err)
	}
	cmd, out, in := child(t, "hold", dir)
	if line, err := out.ReadString('\n'); line != "held\n" || err != nil {
		t.Fatalf("child says %q %v", line, err)
	}
	var inUse kv.ErrInUse
	if _, err := kv.LockDir(dir); !errors.As(err, &inUse) || inUse.PID != cmd.Process.Pid || inUse.Path != dir {
		t.Errorf("locking: %v", err)
	}
	o := small()
	o.LockTimeout = 60 * time.Millisecond
	if _, err := kv.Open(path, o); !errors.As(err, &inUse) {
		t.Errorf("opening: %v", err)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	release, err := kv.LockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.LockDir(dir); !errors.As(err, &inUse) || inUse.PID != os.Getpid() {
		t.Errorf("locking twice: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if release, err = kv.LockDir(dir); err != nil {
		t.Fatalf("given back, and not free: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	open(t, path, o).close()
}

// writeUntilKilled writes a history from op number from on, and says "begun n" before and "done n" after each.
func writeUntilKilled(dir, from string) int {
	first, err := strconv.Atoi(from)
	if err != nil {
		return 2
	}
	o := small()
	o.ReadBudget = time.Minute
	db, err := kv.Open(filepath.Join(dir, "main.db"), o)
	if err != nil {
		fmt.Println("cannot open:", err)
		return 1
	}
	f := &file{DB: db, key: testKey()}
	var say sync.Mutex
	tell := func(what string, n int) {
		say.Lock()
		defer say.Unlock()
		fmt.Println(what, n)
	}
	const writers = 5
	for w := range writers {
		go func() {
			for n := first + w; ; n += writers {
				tell("begun", n)
				if err := f.Update(context.Background(), f.historyOp(n)); err != nil {
					tell("error "+err.Error(), n)
				}
				tell("done", n)
			}
		}()
	}
	for {
		time.Sleep(15 * time.Millisecond)
		if err := f.Compact(context.Background()); err != nil {
			tell("error "+err.Error(), -1)
		}
	}
}

// TestKilled kills a process that writes and compacts, at a random moment, round after round on the same file. KV_KILL_ROUNDS
// chooses how many.
func TestKilled(t *testing.T) {
	rounds := 6
	if n, err := strconv.Atoi(os.Getenv("KV_KILL_ROUNDS")); err == nil {
		rounds = n
	}
	dir := tempDir(t)
	path := filepath.Join(dir, "main.db")
	if err := kv.Create(path); err != nil {
		t.Fatal(err)
	}
	random := numbers(uint64(rounds))
	begun, done, next := map[int]bool{}, map[int]bool{}, 1
	for round := range rounds {
		cmd, out, _ := child(t, "write", dir, fmt.Sprint("KV_FROM=", next))
		kill := time.Duration(random.IntN(100)) * time.Millisecond
		if round > 0 {
			time.AfterFunc(kill, func() { _ = cmd.Process.Kill() })
		} else {
			time.AfterFunc(kill+200*time.Millisecond, func() { _ = cmd.Process.Kill() })
		}
		for {
			line, err := out.ReadString('\n')
			if err != nil {
				break // killed; a line cut off says nothing
			}
			what, number, _ := strings.Cut(strings.TrimSpace(line), " ")
			n, err := strconv.Atoi(number)
			switch {
			case err != nil:
				t.Errorf("child says %q", line)
			case what == "begun":
				begun[n], next = true, max(next, n+1)
			case what == "done":
				done[n] = true
			default:
				t.Errorf("child says %q", line)
			}
		}
		_ = cmd.Wait() // killed
		f := open(t, path, small())
		if wrong := f.judge(func(n int) bool { return done[n] }, func(n int) bool { return begun[n] }, next); wrong != "" {
			t.Errorf("round %d: %s", round, wrong)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("count: %d rounds, %d ops begun, %d acknowledged", rounds, len(begun), len(done))
	if len(done) < rounds {
		t.Errorf("%d ops acknowledged in %d rounds", len(done), rounds)
	}
}
