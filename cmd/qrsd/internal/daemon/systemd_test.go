package daemon_test

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// told listens where systemd would.
func told(t *testing.T) (next func() string) {
	t.Helper()
	folder, err := os.MkdirTemp("", "sd") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	path := filepath.Join(folder, "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return func() string {
		t.Helper()
		message := make([]byte, 4096)
		if err := socket.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		n, err := socket.Read(message)
		if err != nil {
			t.Fatal(err)
		}
		return string(message[:n])
	}
}

// TestNotify: systemd hears when the port answers, of a reload and its end (Type=notify-reload wants the clock's time), and of stopping.
func TestNotify(t *testing.T) {
	next := told(t)
	r := start(t, t.TempDir(), basics)
	expect := func(pattern string) {
		t.Helper()
		if got := next(); !regexp.MustCompile(`^` + pattern + `$`).MatchString(got) {
			t.Errorf("told %q, want %s", got, pattern)
		}
	}
	expect(`READY=1\nSTATUS=https://localhost:[1-9][0-9]*, unlocked`)
	r.reload("reloaded")
	expect(`RELOADING=1\nMONOTONIC_USEC=[0-9]+\n?`)
	expect(`READY=1`)
	if err := r.finish(); err != nil {
		t.Error(err)
	}
	expect(`STOPPING=1`)
}

// TestWatchdog: systemd hears of a process that it watches.
func TestWatchdog(t *testing.T) {
	next := told(t)
	t.Setenv("WATCHDOG_USEC", "20000")
	start(t, t.TempDir(), basics)
	for range 10 {
		if next() == "WATCHDOG=1" {
			return
		}
	}
	t.Error("no sign of life in ten messages")
}
