package hostkeys

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// TestKeeper goes through the life of a key in the kernel of this host.
func TestKeeper(t *testing.T) {
	const name = "qrsd:test of hostkeys"
	var k Keeper
	if err := k.Keep(name, []byte("first"), time.Minute); errors.Is(err, ErrForbidden) {
		t.Skipf("this host does not let tests use its key store: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Forget(name); err != nil {
			t.Error(err)
		}
	})
	for _, want := range [][]byte{[]byte("first"), []byte("second, longer"), bytes.Repeat([]byte{7}, 4096)} {
		if err := k.Keep(name, want, time.Minute); err != nil {
			t.Fatal(err)
		}
		if got, err := k.Recall(name); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("recalled %q, %v; kept %q", got, err, want)
		}
	}
	if err := k.Forget(name); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Recall(name); !errors.Is(err, ErrNotKept) {
		t.Fatalf("forgotten, and recalled with %v", err)
	}
	if err := k.Forget(name); err != nil {
		t.Fatalf("forgetting twice: %v", err)
	}
}

// TestKeeperTimeout sees the kernel forget.
func TestKeeperTimeout(t *testing.T) {
	const name = "qrsd:test of hostkeys, timeout"
	var k Keeper
	if err := k.Keep(name, []byte("short"), time.Second); errors.Is(err, ErrForbidden) {
		t.Skipf("this host does not let tests use its key store: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	for range 600 { // two seconds; the kernel counts whole ones, and a busy host may be late
		if _, err := k.Recall(name); errors.Is(err, ErrNotKept) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("still kept half a minute after a time of one second")
}

// TestKeeperRefuses wants nothing kept for ever or for no time.
func TestKeeperRefuses(t *testing.T) {
	var k Keeper
	for name, err := range map[string]error{
		"no time":   k.Keep("qrsd:never", []byte("x"), 0),
		"no secret": k.Keep("qrsd:never", nil, time.Minute),
		"too long":  k.Keep("qrsd:never", make([]byte, MaxSecret+1), time.Minute),
	} {
		if err == nil {
			t.Errorf("%s: kept", name)
		}
	}
}
