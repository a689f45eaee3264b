package main

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/kms/kmstest"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// Commands of testdata/script/store-*.txtar, besides testscript's own.

func storeCommands() map[string]func(*testscript.TestScript, bool, []string) {
	service := new(keyService)
	return map[string]func(*testscript.TestScript, bool, []string){
		"flip": flip, "while-reading": whileReading, "has-bytes": hasBytes, "set": set, "key-service": service.run,
	}
}

// keyService is AWS KMS on this host, for one script.
type keyService struct {
	server *kmstest.Server
	arn    string
}

// key-service starts AWS KMS on this host and sets the variables by which qrsd finds it; key-service STATE changes the state of
// its key.
func (s *keyService) run(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: key-service [STATE]")
	}
	if len(args) == 1 {
		s.server.SetState(s.arn, args[0])
		return
	}
	s.server = kmstest.New(kmstest.Options{Rand: rand.Reader})
	var err error
	s.arn, err = s.server.CreateKey()
	ts.Check(err)
	listening := httptest.NewServer(s.server)
	ts.Defer(listening.Close)
	for name, value := range map[string]string{
		"QRSD_KMS": s.arn, "QRSD_KMS_ENDPOINT": listening.URL, "HOME": ts.MkAbs("home"),
		"AWS_ACCESS_KEY_ID": kmstest.ExampleKeyID, "AWS_SECRET_ACCESS_KEY": kmstest.ExampleSecretKey,
	} {
		ts.Setenv(name, value)
	}
}

// storeConditions are the conditions of scripts: [keeps-keys].
func storeConditions(keeps bool) func(string) (bool, error) {
	return func(name string) (bool, error) {
		if name != "keeps-keys" {
			return false, fmt.Errorf("no condition %q is known", name)
		}
		return keeps, nil
	}
}

// flip FILE flips one bit: in a bbolt file one of the page that everything hangs from, else in the middle.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flip FILE")
	}
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	at := len(b) / 2
	if filepath.Ext(path) == ".db" {
		element := int(rootPage(b))*os.Getpagesize() + 16 // flags, position of the key from here, its size, that of the value
		at = element + int(binary.LittleEndian.Uint32(b[element+4:])) + 8
	}
	b[at] ^= 4
	ts.Check(os.WriteFile(path, b, 0o600))
}

// rootPage reads the number of the root page off the newer of the two meta pages: after the page's header of 16 bytes come
// magic, version, page size and flags (4 bytes each), the root's page (8), its sequence, the freelist's page, the next
// page, the transaction's number (8 bytes each).
func rootPage(b []byte) uint64 {
	var metas [2]struct{ root, transaction uint64 }
	for i := range metas {
		meta := b[i*os.Getpagesize()+16:]
		metas[i].root, metas[i].transaction = binary.LittleEndian.Uint64(meta[16:]), binary.LittleEndian.Uint64(meta[48:])
	}
	if metas[0].transaction > metas[1].transaction {
		return metas[0].root
	}
	return metas[1].root
}

// while-reading PIPE FILE CODE program args... waits until somebody reads from the named pipe, runs a program and wants this
// exit code of it, and then writes the file's content into the pipe.
func whileReading(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: while-reading PIPE FILE CODE program args...")
	}
	pipe, err := os.OpenFile(ts.MkAbs(args[0]), os.O_WRONLY, 0)
	ts.Check(err)
	defer pipe.Close()
	exits(ts, false, args[2:])
	_, err = pipe.WriteString(ts.ReadFile(args[1]))
	ts.Check(err)
}

// [!] has-bytes FOLDER text... looks for texts in every byte of a folder's files.
func hasBytes(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: [!] has-bytes FOLDER text...")
	}
	for _, text := range args[1:] {
		found := ""
		ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if bytes.Contains(bytes.ToLower(b), bytes.ToLower([]byte(text))) {
				found = path
			}
			return err
		}))
		if (found == "") != neg {
			ts.Fatalf("%q found in %q", text, found)
		}
	}
}

// set NAME PATTERN FILE sets a variable to the first group of a regular expression's first match in a file, or in stdout.
func set(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: set NAME PATTERN FILE")
	}
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	match := pattern.FindStringSubmatch(ts.ReadFile(args[2]))
	if len(match) < 2 {
		ts.Fatalf("%s has no %s", args[2], args[1])
	}
	ts.Setenv(args[0], match[1])
}

// keepsKeys reports whether the kernel of this host keeps a root key between commands.
func keepsKeys(t *testing.T) bool {
	dir := filepath.Join(t.TempDir(), "store")
	storetest.Create(t, dir, store.Options{})
	db := storetest.Open(t, dir, store.Options{})
	if err := db.KeepUnlocked(t.Context(), storetest.Operator(), time.Minute); errors.Is(err, store.ErrForbidden) {
		t.Logf("scripts with [keeps-keys] are skipped: %v", err)
		return false
	} else if err != nil {
		t.Fatal(err)
	}
	if err := db.ForgetKept(t.Context(), storetest.Operator()); err != nil {
		t.Fatal(err)
	}
	return true
}
