//go:build linux

package kv_test

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/kv"
)

// openCramped opens and changes a file where the system refuses the address space asked for first.
func openCramped(dir string) int {
	limit := syscall.Rlimit{Cur: 6 << 30, Max: 6 << 30}
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &limit); err != nil {
		fmt.Println(err)
		return 1
	}
	db, err := kv.Open(filepath.Join(dir, "main.db"), kv.Options{Ballast: -1})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	f := &file{DB: db, key: testKey()}
	if err := f.Update(background, f.puts(at(1, "a"), "cramped")); err != nil {
		fmt.Println(err)
		return 1
	}
	if err := db.Close(); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("opened")
	return 0
}

func TestLittleAddressSpace(t *testing.T) {
	dir := tempDir(t)
	path := filepath.Join(dir, "main.db")
	if err := kv.Create(path); err != nil {
		t.Fatal(err)
	}
	cmd, out, _ := child(t, "cramped", dir)
	if line, _ := out.ReadString('\n'); line != "opened\n" {
		t.Errorf("child says %q", line)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	f := open(t, path, small())
	defer f.close()
	if got := f.get(at(1, "a")); got != "cramped" {
		t.Errorf("a is %q", got)
	}
}
