package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// machine is a Debian host of the test: this machine's files, a systemd of its own, no network.
type machine struct {
	t    *testing.T
	boot *exec.Cmd
	init int // process 1 of the machine, as seen from here
}

// needNamespaces skips where such a machine cannot be made.
func needNamespaces(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("a machine of the test's own wants root on Linux")
	}
	for _, name := range []string{"unshare", "nsenter", "dpkg", "systemctl", "ip", "openssl", "curl"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("no %s here", name)
		}
	}
	if _, err := os.Stat("/lib/systemd/systemd"); err != nil {
		t.Skip("no systemd here")
	}
}

// startMachine boots it; the end of the test ends it.
func startMachine(t *testing.T) *machine {
	t.Helper()
	needNamespaces(t)
	log, err := os.Create(filepath.Join(t.TempDir(), "console"))
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, boot: exec.Command("unshare", "--mount", "--net", "bash", "testdata/boot.sh", t.TempDir())}
	m.boot.Stdout, m.boot.Stderr = log, log
	if err := m.boot.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			journal, _ := m.try("journalctl --no-pager --lines 60 --output cat; systemctl --no-pager --failed")
			console, _ := os.ReadFile(log.Name())
			t.Logf("console: %s\njournal: %s", console, journal)
		}
		for _, pid := range []int{m.findInit(), m.boot.Process.Pid} { // the first process takes all of its machine with it
			if p, err := os.FindProcess(pid); err == nil && pid > 1 {
				_ = p.Kill() // it may have ended
			}
		}
		_ = m.boot.Wait()
	})
	m.await()
	return m
}

// await waits until the machine has booted.
func (m *machine) await() {
	m.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if m.init = m.findInit(); m.init == 0 {
			continue
		}
		if state, _ := m.try("systemctl is-system-running --wait"); strings.Contains(state, "running") || strings.Contains(state, "degraded") {
			return
		}
	}
	m.t.Fatal("the machine has not booted within a minute")
}

// findInit is the systemd among the processes below the boot script, 0 before it is there.
func (m *machine) findInit() int {
	var below func(pid int) int
	below = func(pid int) int {
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if strings.TrimSpace(string(name)) == "systemd" {
			return pid
		}
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		for child := range strings.FieldsSeq(string(children)) {
			if n, err := strconv.Atoi(child); err == nil {
				if found := below(n); found != 0 {
					return found
				}
			}
		}
		return 0
	}
	return below(m.boot.Process.Pid)
}

// try runs a command line as root of the machine, in /srv, and returns what it prints.
func (m *machine) try(command string) (string, error) {
	c := exec.Command("nsenter", "--target", strconv.Itoa(m.init), "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--root", "--wdns=/srv",
		"env", "-i", "HOME=/root", "LC_ALL=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "bash", "-c", command)
	out, err := c.CombinedOutput()
	return string(out), err
}

// run runs a command that must succeed.
func (m *machine) run(command string) string {
	m.t.Helper()
	out, err := m.try(command)
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return out
}

// carry copies files into /srv of the machine.
func (m *machine) carry(paths ...string) {
	m.t.Helper()
	for _, path := range paths {
		if err := copyFile(path, fmt.Sprintf("/proc/%d/root/srv/%s", m.init, filepath.Base(path))); err != nil {
			m.t.Fatal(err)
		}
	}
}

// reboot boots the machine anew. What was written stays.
func (m *machine) reboot() {
	m.t.Helper()
	before := m.init
	_, _ = m.try("systemctl reboot") // the answer may not come back any more
	for end := time.Now().Add(2 * time.Minute); m.findInit() == before; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			m.t.Fatal("the machine does not reboot")
		}
	}
	m.await()
}
