package s3_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/backup"
	"github.com/qrsrisk/qrsd/store/backup/s3"
	"github.com/qrsrisk/qrsd/store/backup/s3/s3test"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// noted is a record of connections that keeps nothing.
type noted struct{}

func (noted) Opening(outbound.Connection) error { return nil }
func (noted) Ended(outbound.Connection)         {}

// bucket is a running emulator and a target in it, reached through the one dialer.
func bucket(t *testing.T, o s3test.Options, change ...func(*s3.Options)) (*s3test.Server, backup.Target) {
	t.Helper()
	o.Bucket = "example-backups"
	emulator := s3test.New(o)
	server := httptest.NewServer(emulator)
	t.Cleanup(server.Close)
	options := s3.Options{
		HTTP: client(t, server.URL), Credentials: credentials.NewStaticCredentialsProvider(s3test.ExampleKeyID, s3test.ExampleSecretKey, ""),
		Bucket: "example-backups", Region: "us-east-1", Prefix: "gulf/qrsd", Endpoint: server.URL, Lock: o.Lock,
	}
	for _, fn := range change {
		fn(&options)
	}
	target, err := s3.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return emulator, target
}

func client(t *testing.T, site string) *http.Client {
	t.Helper()
	u, err := url.Parse(site)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	d, err := outbound.New(outbound.Options{Mode: outbound.Connected, Log: noted{}, Allowed: []outbound.Destination{
		{Host: u.Hostname(), Port: port, Purpose: "backups", Plaintext: true, Local: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return d.Client("backups")
}

func put(t *testing.T, to backup.Target, name string, b []byte, until time.Time) {
	t.Helper()
	if err := to.Put(t.Context(), name, io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b))), until); err != nil {
		t.Fatal(err)
	}
}

func TestObjects(t *testing.T) {
	emulator, target := bucket(t, s3test.Options{Page: 2})
	for _, name := range []string{"packs/b", "packs/a", "packs/c", "keys/1"} {
		put(t, target, name, []byte("content of "+name), time.Time{})
	}
	put(t, target, "packs/b", []byte("again"), time.Time{})
	all, err := target.List(t.Context(), "packs/")
	if err != nil || len(all) != 3 || all[0].Name != "packs/a" || all[1].Bytes != 5 {
		t.Errorf("list: %+v, %v", all, err)
	}
	r, err := target.Get(t.Context(), "packs/b")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || string(b) != "again" {
		t.Errorf("read %q, %v", b, err)
	}
	if _, err := target.Get(t.Context(), "packs/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
	if err := target.Remove(t.Context(), "packs/b"); err != nil || emulator.Versions("gulf/qrsd/packs/b") != 0 {
		t.Errorf("remove: %v, %d versions are left", err, emulator.Versions("gulf/qrsd/packs/b"))
	}
	if err := target.Remove(t.Context(), "packs/b"); err != nil {
		t.Errorf("remove again: %v", err)
	}
	if err := target.Hold(t.Context(), "packs/a", time.Now().Add(time.Hour)); err != nil {
		t.Errorf("hold without lock: %v", err)
	}
}

func TestObjectLock(t *testing.T) {
	emulator, target := bucket(t, s3test.Options{Lock: true})
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	put(t, target, "packs/a", []byte("held"), until)
	put(t, target, "keys/1", []byte("free"), time.Time{})
	if got := emulator.Until("gulf/qrsd/packs/a"); !got.Equal(until) {
		t.Errorf("held until %s, want %s", got, until)
	}
	if err := target.Remove(t.Context(), "packs/a"); !errors.Is(err, backup.ErrHeld) {
		t.Errorf("removed what is held: %v", err)
	}
	if err := target.Remove(t.Context(), "keys/1"); err != nil {
		t.Error(err)
	}
	if err := target.Hold(t.Context(), "packs/a", until.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := emulator.Until("gulf/qrsd/packs/a"); !got.Equal(until.Add(time.Hour)) {
		t.Errorf("prolonged until %s", got)
	}
}

func TestRefusals(t *testing.T) {
	_, wrong := bucket(t, s3test.Options{}, func(o *s3.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(s3test.ExampleKeyID, "not the key", "")
	})
	if _, err := wrong.List(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "mend its credentials") {
		t.Errorf("wrong secret key: %v", err)
	}
	_, elsewhere := bucket(t, s3test.Options{}, func(o *s3.Options) { o.Bucket = "another" })
	if _, err := elsewhere.List(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "make the bucket") {
		t.Errorf("no bucket: %v", err)
	}
	_, unlocked := bucket(t, s3test.Options{}, func(o *s3.Options) { o.Lock = true })
	err := unlocked.Put(t.Context(), "packs/a", io.NewSectionReader(strings.NewReader("x"), 0, 1), time.Now().Add(time.Hour))
	if err == nil || !strings.Contains(err.Error(), "object_lock = false") {
		t.Errorf("bucket without lock: %v", err)
	}
	for _, o := range []s3.Options{{Bucket: "Example"}, {Bucket: "example", Prefix: "/x"}, {Bucket: "example", Endpoint: "https://h/path"}} {
		o.HTTP, o.Region, o.Credentials = client(t, "http://127.0.0.1:1"), "us-east-1", credentials.NewStaticCredentialsProvider("a", "b", "")
		if _, err := s3.New(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

// TestInParts sends what is larger than a part in parts, and takes them back where one is refused.
func TestInParts(t *testing.T) {
	emulator, target := bucket(t, s3test.Options{Lock: true, Full: 300_000})
	s3.SetPartSize(target, 50_000)
	b := make([]byte, 170_001)
	_, _ = rand.Read(b)
	put(t, target, "databases/a", b, time.Now().Add(time.Hour))
	r, err := target.Get(t.Context(), "databases/a")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, b) {
		t.Errorf("%d bytes back, %v", len(got), err)
	}
	err = target.Put(t.Context(), "databases/b", io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b))), time.Time{})
	if err == nil || !strings.Contains(err.Error(), "quota") || emulator.Uploads() != 0 || len(emulator.Keys()) != 1 {
		t.Errorf("full bucket: %v; %d uploads are left, keys %v", err, emulator.Uploads(), emulator.Keys())
	}
}

// TestBackup goes the whole way: a backup held by the bucket, an erasure, a restore.
func TestBackup(t *testing.T) {
	emulator, target := bucket(t, s3test.Options{Lock: true})
	dir := filepath.Join(t.TempDir(), "store")
	storetest.Create(t, dir, store.Options{})
	db := storetest.Open(t, dir, store.Options{})
	storetest.AddTenant(t, db, "Gulf Mutual")
	owner, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	k, err := backup.NewKeeper(db, backup.Options{
		Targets: []backup.Target{target}, Recipients: []string{owner.Recipient().String()}, Scratch: t.TempDir(), Hold: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	first, err := k.Create(t.Context(), storetest.Operator(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range emulator.Keys() {
		kind, _, _ := strings.Cut(strings.TrimPrefix(key, "gulf/qrsd/"), "/")
		held := emulator.Until(key).After(time.Now().Add(34 * 24 * time.Hour))
		if free := kind == "keys" || kind == "verified"; held == free {
			t.Errorf("%s is held until %s", key, emulator.Until(key))
		}
	}
	gone := storetest.AddTenant(t, db, "Atlantic")
	if _, err := k.Create(t.Context(), storetest.Operator(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := db.EraseTenant(t.Context(), storetest.Operator(), gone, storetest.Unlocker(dir)); err != nil {
		t.Fatal(err)
	}
	if err := k.Shred(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := backup.Restore(t.Context(), target, backup.RestoreOptions{Backup: first[0].Name, Identities: []age.Identity{owner}, Dir: filepath.Join(t.TempDir(), "new")})
	if err != nil || !r.LaterKeys {
		t.Errorf("%+v, %v", r, err)
	}
	p, err := backup.Prune(t.Context(), target, time.Nanosecond, time.Now().Add(48*time.Hour))
	if err != nil || p.Held == 0 || len(p.Backups) != 0 {
		t.Errorf("pruning what is held: %+v, %v", p, err)
	}
}
