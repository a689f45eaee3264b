package logfile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/logfile"
)

// TestRotation writes more than fits, from many goroutines: files stay below their size, no line is parted or lost but with the oldest
// files, and nobody else may read them.
func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "qrsd.log")
	const size, kept = 1000, 3
	f, err := logfile.Open(path, size, kept)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 25 {
				fmt.Fprintf(f, "line %d.%02d %s\n", i, j, strings.Repeat("x", 20))
			}
		})
	}
	group.Wait()
	if err := f.Close(); err != nil || f.Failed() != nil {
		t.Fatal(err, f.Failed())
	}
	all, err := filepath.Glob(path + "*")
	if err != nil || len(all) != kept+1 {
		t.Fatalf("files %v, %v", all, err)
	}
	lines := 0
	for _, name := range all {
		text, err := os.ReadFile(name)
		info, _ := os.Stat(name)
		if err != nil || len(text) > size || info.Mode().Perm() != 0o600 || len(text) == 0 {
			t.Errorf("%s: %d bytes, mode %v, %v", name, len(text), info.Mode(), err)
		}
		for line := range strings.Lines(string(text)) {
			if lines++; !strings.HasPrefix(line, "line ") || !strings.HasSuffix(line, "xxxx\n") {
				t.Errorf("%s: parted line %q", name, line)
			}
		}
	}
	if lines < kept*size/32-10 {
		t.Errorf("%d lines are left", lines)
	}
	text, err := logfile.Tail(path, 300)
	if err != nil || len(text) > 300 || !strings.HasPrefix(string(text), "line ") {
		t.Errorf("tail %q, %v", text, err)
	}
	if text, err = logfile.Tail(path, 1500); err != nil || len(text) < 1000 || strings.Count(string(text), "\n") != strings.Count(string(text), "line ") {
		t.Errorf("tail over two files: %d bytes, %v", len(text), err)
	}
}

// TestAppends: a file that is there is gone on with; one whose folder has gone is no reason to stop, and is said.
func TestAppends(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "log")
	if _, err := logfile.Open(filepath.Join(folder, "qrsd.log"), 100, 1); err == nil {
		t.Error("opened in no folder")
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "qrsd.log")
	for range 2 {
		f, err := logfile.Open(path, 100, 1)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(f, "hello")
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "hello\nhello\n" {
		t.Errorf("%q, %v", text, err)
	}
	f, err := logfile.Open(path, 100, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Write([]byte("lost\n")); n != 5 || err != nil || f.Failed() == nil {
		t.Errorf("written %d, %v; failed %v", n, err, f.Failed())
	}
}

// TestRing keeps the last lines.
func TestRing(t *testing.T) {
	r := logfile.NewRing(30)
	for i := range 100 {
		fmt.Fprintf(r, "line %02d\n", i)
	}
	fmt.Fprint(r, strings.Repeat("x", 31))
	if got := string(r.Lines()); got != "line 97\nline 98\nline 99\n" {
		t.Errorf("%q", got)
	}
}
