package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestEnrolOnATerminal goes the way of a new administrator: one-time password, own password, second factor, and then a verb of
// the tenant with a code. What an authenticator application shows depends on the secret, so a script cannot type it.
func TestEnrolOnATerminal(t *testing.T) {
	dir := t.TempDir()
	program := buildProgram(t, filepath.Join(dir, "qrsd"))
	p := &person{t: t, dir: dir, program: program}
	p.silent("init", "--key-file", "store.key", "--recovery-file", "recovery")
	p.silent("tenant", "add", "Gulf Mutual")
	p.silent("user", "add", "ada@example.com", "--tenant", "Gulf Mutual", "--role", "admin", "--password-file", "once")
	once, err := os.ReadFile(filepath.Join(dir, "once"))
	if err != nil {
		t.Fatal(err)
	}
	const own = "seven marble lamps sing"
	as := []string{"--tenant", "Gulf Mutual", "--user", "ada@example.com"}
	p.talk(append([]string{"user", "password"}, as...), func(d *dialogue) {
		d.answer("password of ada@example.com: ", string(bytes.TrimSpace(once)))
		d.answer("new password: ", own)
		d.answer("the same again: ", own)
		d.expect("because the role admin needs a second factor")
	})
	secret := ""
	p.talk(append([]string{"user", "enrol"}, as...), func(d *dialogue) {
		d.answer("password of ada@example.com: ", own)
		secret = d.expect(`secret  ([A-Z2-7]{32})`)
		d.answer("its code now: ", oneTimeCode(t, secret, time.Now()))
		d.expect("Recovery codes, each good once")
		d.expect("the second factor of ada@example.com is in place")
	})
	p.talk(append([]string{"audit", "list"}, as...), func(d *dialogue) {
		d.answer("password of ada@example.com: ", own)
		d.answer("code of the second factor: ", oneTimeCode(t, secret, time.Now().Add(30*time.Second))) // that of now was used
		d.expect(`user.enrol|second-factor|user.self`)
	})
}

// person works with a store on a terminal.
type person struct {
	t       *testing.T
	dir     string
	program string
}

func (p *person) command(args ...string) *exec.Cmd {
	c := exec.Command(p.program, args...)
	c.Dir = p.dir
	c.Env = append(os.Environ(), "QRSD_STORE=store", "QRSD_KEY_FILE=store.key")
	return c
}

// silent runs a command that asks nothing.
func (p *person) silent(args ...string) {
	p.t.Helper()
	if out, err := p.command(args...).CombinedOutput(); err != nil {
		p.t.Fatalf("qrsd %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// talk runs a command on a terminal of its own and wants it to end well.
func (p *person) talk(args []string, say func(*dialogue)) {
	p.t.Helper()
	us, theirs := newTerminal(p.t)
	c := p.command(args...)
	c.Stdin, c.Stdout, c.Stderr = theirs, theirs, theirs
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	theirs.Close()
	d := &dialogue{t: p.t, terminal: us, about: strings.Join(args, " ")}
	say(d)
	d.rest()
	if err := c.Wait(); err != nil {
		p.t.Fatalf("qrsd %s: %v\n%s", d.about, err, d.seen)
	}
}

// newTerminal makes a pseudo-terminal: our side, and the side of a program (pts(4)).
func newTerminal(t *testing.T) (us, theirs *os.File) {
	t.Helper()
	us, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { us.Close() })
	if err := unix.IoctlSetPointerInt(int(us.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(us.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return us, theirs
}

// dialogue is what is said on a terminal.
type dialogue struct {
	t        *testing.T
	terminal *os.File
	about    string
	seen     []byte
	at       int // what comes before was expected already
}

// answer waits for a prompt and types a line. Secrets must not come back.
func (d *dialogue) answer(prompt, line string) {
	d.t.Helper()
	d.expect(regexp.QuoteMeta(prompt))
	if _, err := d.terminal.WriteString(line + "\n"); err != nil {
		d.t.Fatal(err)
	}
}

// expect waits for a text and returns its first group, if it has one.
func (d *dialogue) expect(pattern string) string {
	d.t.Helper()
	re := regexp.MustCompile(pattern)
	for {
		if m := re.FindSubmatchIndex(d.seen[d.at:]); m != nil {
			group := ""
			if len(m) > 2 {
				group = string(d.seen[d.at+m[2] : d.at+m[3]])
			}
			d.at += m[1]
			return group
		}
		if !d.read() {
			d.t.Fatalf("qrsd %s: %s was never said\n%s", d.about, pattern, d.seen)
		}
	}
}

// read takes what was said meanwhile; false at the end, which a pseudo-terminal reports as an error.
func (d *dialogue) read() bool {
	b := make([]byte, 4096)
	n, err := d.terminal.Read(b)
	d.seen = append(d.seen, b[:n]...)
	return err == nil
}

func (d *dialogue) rest() {
	for d.read() {
	}
}
