package runner

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// TestQueueKilled kills the appliance (SIGKILL) at random moments of a run, from the opening of the store to the seal. Each new process
// takes the run up at once and goes on with its kept blocks; in the end it has the digests of a run that was never killed.
func TestQueueKilled(t *testing.T) {
	if dir := os.Getenv("QRSD_TEST_QUEUE"); dir != "" {
		workUntilKilled(t, dir)
		return
	}
	kills := 20
	if testing.Short() {
		kills = 4
	}
	dir := filepath.Join(t.TempDir(), "store")
	storetest.Create(t, dir, store.Options{})
	db := storedIn(t, dir, 0)
	in := newInsurer(t, db, "Example Mutual")
	spec := killedSpec(in.spec)
	run := in.submit(spec)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	killed := 0
	for killed < kills && killAfter(t, dir, in.tenant, run, time.Duration(chance.IntN(600))*time.Millisecond) {
		killed++
	}

	db = storedIn(t, dir, 0)
	in.w = workspaceOf(t, db, in.tenant)
	before := in.run(run)
	w := atWork(t, QueueOptions{DB: db, keepWorth: 1})
	if before.Seal != workspace.Sealed {
		w.await(in.tenant, run, sealed)
		if before.State == workspace.Running && !strings.Contains(w.log.String(), "run done") {
			t.Error("it was not taken up")
		}
	}
	if got := in.run(run); got.State != workspace.Done || got.Seal != workspace.Sealed || killed > 0 && got.Claims < 2 {
		t.Errorf("after %d kills: %+v", killed, got)
	}
	if !maps.Equal(in.digests(run), direct(t, spec)) {
		t.Error("another result than that of a run that was not killed")
	}
	t.Logf("%d kills, %d claims, then %s", killed, in.run(run).Claims, w.log)
}

// killAfter starts a process that works on the store, and kills it some time after it has opened it; false: it had sealed the run before.
func killAfter(t *testing.T, dir string, tenant, run store.ID, pause time.Duration) bool {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestQueueKilled$", "-test.v")
	child.Env = append(os.Environ(), "QRSD_TEST_QUEUE="+dir, "QRSD_TEST_TENANT="+tenant.String(), "QRSD_TEST_RUN="+run.String())
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	said := ""
	for lines := bufio.NewScanner(out); lines.Scan(); said += lines.Text() + "\n" {
		if strings.Contains(lines.Text(), "at work") {
			break
		}
	}
	time.Sleep(pause)
	_ = child.Process.Kill()
	err = child.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false
	case !errors.As(err, &exit) || exit.Exited():
		t.Fatalf("%v: %s", err, said)
	}
	return true
}

// workUntilKilled is an appliance at work on a store, until it is killed or its run is sealed.
func workUntilKilled(t *testing.T, dir string) {
	tenant, err := store.ParseID(os.Getenv("QRSD_TEST_TENANT"))
	if err != nil {
		t.Fatal(err)
	}
	run, err := store.ParseID(os.Getenv("QRSD_TEST_RUN"))
	if err != nil {
		t.Fatal(err)
	}
	db := storedIn(t, dir, 0)
	in := &insurer{t: t, tenant: tenant, w: workspaceOf(t, db, tenant)}
	fmt.Println("at work")
	w := atWork(t, QueueOptions{DB: db, keepWorth: 1})
	if in.run(run).Seal != workspace.Sealed {
		w.await(tenant, run, sealed)
	}
}
