package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// tally shows how far a long work on the store is: a bar or a spinner on a terminal, a line every few seconds elsewhere. What
// is over within that time shows nothing.
type tally struct {
	w        io.Writer
	bar      *progressbar.ProgressBar // nil: plain lines
	interval time.Duration

	mu    sync.Mutex
	what  string
	done  int64
	shown time.Time
}

// startTally begins; total is -1 where it is not known before.
func startTally(w io.Writer, total int64) *tally {
	t := &tally{w: w, interval: lineInterval, shown: time.Now()}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		t.interval = barInterval
		t.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(w), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
			progressbar.OptionClearOnFinish(), progressbar.OptionEnableColorCodes(os.Getenv("NO_COLOR") == ""), progressbar.OptionThrottle(barInterval))
	}
	return t
}

// at says what is being done and how much of it is done.
func (t *tally) at(what string, done int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.what, t.done = what, done
	t.show("")
}

// add counts on.
func (t *tally) add(what string, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if what != t.what {
		t.what, t.done = what, 0
	}
	t.done += n
	t.show("")
}

// of says how much of how much is done.
func (t *tally) of(what string, done, total int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.what, t.done = what, int64(done)
	if t.bar != nil {
		t.bar.ChangeMax(max(total, 1))
	}
	t.show(fmt.Sprintf(" of %d", total))
}

// show prints, now and then. The caller holds mu.
func (t *tally) show(of string) {
	if time.Since(t.shown) < t.interval {
		return
	}
	t.shown = time.Now()
	if t.bar != nil {
		t.bar.Describe(t.what)
		_ = t.bar.Set64(t.done)
		return
	}
	fmt.Fprintf(t.w, "%s: %d%s\n", t.what, t.done, of)
}

// stop takes the bar away.
func (t *tally) stop() {
	if t.bar != nil {
		_ = t.bar.Clear()
	}
}
