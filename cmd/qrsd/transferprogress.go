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

// transferProgress shows how much of a file has gone to an appliance or come from one: a bar on a terminal, a line every few seconds
// elsewhere, and nothing of what is done at once.
type transferProgress struct {
	w      io.Writer
	what   string
	bar    *progressbar.ProgressBar // nil: plain lines
	mu     sync.Mutex
	showed time.Time
}

func startTransfer(w io.Writer, what string) *transferProgress {
	t := &transferProgress{w: w, what: what, showed: time.Now()}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		t.bar = progressbar.NewOptions64(1, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what), progressbar.OptionShowBytes(true),
			progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish(),
			progressbar.OptionEnableColorCodes(os.Getenv("NO_COLOR") == ""), progressbar.OptionThrottle(barInterval))
	}
	return t
}

// update shows that done of of bytes have passed; of is 0 where it is not known.
func (t *transferProgress) update(done, of int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bar != nil {
		t.bar.ChangeMax64(max(of, done, 1))
		_ = t.bar.Set64(done)
		return
	}
	if time.Since(t.showed) < lineInterval {
		return
	}
	t.showed = time.Now()
	line := t.what + ": " + bytesInWords(done)
	if of > 0 {
		line += " of " + bytesInWords(of)
	}
	fmt.Fprintln(t.w, line)
}

// stop ends the display.
func (t *transferProgress) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bar != nil {
		_ = t.bar.Clear()
	}
}
