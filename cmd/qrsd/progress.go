package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/qrsrisk/qrsd/engine"
)

// progress shows how far a run is: a bar on a terminal, a line every few seconds elsewhere.
type progress struct {
	w    io.Writer
	bar  *progressbar.ProgressBar // nil: plain lines
	mu   sync.Mutex
	now  engine.Progress // under mu
	quit chan struct{}
	done sync.WaitGroup
}

const (
	barInterval  = 100 * time.Millisecond
	lineInterval = 5 * time.Second
)

func startProgress(w io.Writer) *progress {
	p := &progress{w: w, quit: make(chan struct{})}
	interval := lineInterval
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		interval = barInterval
		p.bar = progressbar.NewOptions(1, progressbar.OptionSetWriter(w), progressbar.OptionSetPredictTime(true),
			progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish(), progressbar.OptionEnableColorCodes(os.Getenv("NO_COLOR") == ""),
			progressbar.OptionThrottle(barInterval))
	}
	p.done.Go(func() { p.show(interval) })
	return p
}

// update is called by the engine, often and from several goroutines.
func (p *progress) update(now engine.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Stage == p.now.Stage && now.Done < p.now.Done {
		return
	}
	p.now = now
}

func (p *progress) show(interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	start := time.Now()
	for {
		select {
		case <-p.quit:
			return
		case <-tick.C:
			p.mu.Lock()
			now := p.now
			p.mu.Unlock()
			p.print(now, time.Since(start))
		}
	}
}

func (p *progress) print(now engine.Progress, elapsed time.Duration) {
	rate := float64(now.SiteEvents) / elapsed.Seconds()
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("%-8s %5.2fM site-events/s", now.Stage, rate/1e6))
		p.bar.ChangeMax(max(now.All, 1))
		_ = p.bar.Set(now.Done)
		return
	}
	line := fmt.Sprintf("%s: %s", elapsed.Round(time.Second), now.Stage)
	if now.Done > 0 {
		left := time.Duration(float64(elapsed) * float64(now.All-now.Done) / float64(now.Done))
		line += fmt.Sprintf(" %d of %d, %.2fM site-events/s, about %s left", now.Done, now.All, rate/1e6, left.Round(time.Second))
	}
	fmt.Fprintln(p.w, line)
}

// stop ends the display and waits for it.
func (p *progress) stop() {
	close(p.quit)
	p.done.Wait()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
