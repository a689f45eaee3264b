package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// runStep is how far a run of an appliance is.
type runStep struct {
	State string // queued, running, done ...
	Stage string // while running
	Done  int    // years
	Of    int
	Left  time.Duration // 0: not known
}

// runProgress shows the steps of a run that an appliance carries out: a bar on a terminal; elsewhere a line for each stage, and one every few
// seconds.
type runProgress struct {
	w     io.Writer
	bar   *progressbar.ProgressBar // nil: plain lines
	begun time.Time

	mu     sync.Mutex
	shown  runStep   // the last one
	showed time.Time // when
}

func startRunProgress(w io.Writer) *runProgress {
	p := &runProgress{w: w, begun: time.Now()}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = progressbar.NewOptions(1, progressbar.OptionSetWriter(w), progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish(),
			progressbar.OptionEnableColorCodes(os.Getenv("NO_COLOR") == ""), progressbar.OptionThrottle(barInterval))
	}
	return p
}

// update shows a step. It is safe for many goroutines.
func (p *runProgress) update(s runStep) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("%-8s", s.label()))
		p.bar.ChangeMax(max(s.Of, 1))
		_ = p.bar.Set(s.Done)
		return
	}
	now := time.Now()
	if s.label() == p.shown.label() && now.Sub(p.showed) < lineInterval {
		return
	}
	p.shown, p.showed = s, now
	line := fmt.Sprintf("%s: %s", now.Sub(p.begun).Round(time.Second), s.label())
	if s.Done > 0 {
		line += fmt.Sprintf(" %d of %d years", s.Done, s.Of)
	}
	if s.Left > 0 {
		line += fmt.Sprintf(", about %s left", s.Left.Round(time.Second))
	}
	fmt.Fprintln(p.w, line)
}

// label is the stage, or the state where there is none.
func (s runStep) label() string {
	if s.Stage != "" {
		return s.Stage
	}
	return s.State
}

// stop ends the display.
func (p *runProgress) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// printLine writes a value as one line of JSON.
func printLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
