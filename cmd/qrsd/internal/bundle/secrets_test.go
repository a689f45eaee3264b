package bundle

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/doctor"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// planted are what must be in no bundle, by what they are.
type planted map[string]string

// plant makes an appliance with a tenant, a user, a key and a file of words that are nowhere else, and gives what was planted.
func plant(t *testing.T) (planted, Sources, *store.DB) {
	t.Helper()
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	p := planted{
		"e-mail address": "wilhelmina@gulfmutual.example.net", "person": "Wilhelmina", "password": "velvet teapot marches quietly", "tenant": "Gulfmutual", "host": "risk.gulfmutual.example.net",
		"street": "1400 Ocean Drive", "street name": "Ocean", "policy number": "HO3-4881234", "policy digits": "4881234", "location": "LOC-77-1", "latitude": "25.7905", "client address": "198.51.100.77",
		"mail password": "parsley octagon", "metrics token": "hyacinth-monitor-token", "AWS key": "AKIAQRSDEXAMPLE77", "folder": "gulfmutual-data",
	}
	text := fmt.Sprintf(`
listen = "198.51.100.77:443"
hosts  = [%q]
security_contact = "mailto:%s"
store {
  path     = "gulfmutual-data/store"
  key_file = "gulfmutual-data/test.key"
}
smtp {
  host     = %q
  from     = "Wilhelmina <%s>"
  user     = "Wilhelmina"
  password = file("gulfmutual-data/mail")
}
metrics { token = file("gulfmutual-data/metrics") }
outbound {
  destination "webhooks" {
    host = "hooks.gulfmutual.example.net"
    port = 443
  }
}`, p["host"], p["e-mail address"], p["host"], p["e-mail address"])
	must(os.Mkdir(filepath.Join(dir, "gulfmutual-data"), 0o700))
	for name, secret := range map[string]string{"mail": p["mail password"], "metrics": p["metrics token"]} {
		must(os.WriteFile(filepath.Join(dir, "gulfmutual-data", name), []byte(secret+"\n"), 0o600))
	}
	c, err := config.Parse(filepath.Join(dir, "qrsd.hcl"), []byte(text))
	must(err)
	storetest.Create(t, c.Store.Path, store.Options{})
	db := storetest.Open(t, c.Store.Path, store.Options{})
	key, err := os.ReadFile(c.Store.Unlock.KeyFile)
	must(err)
	p["key file"] = strings.TrimSpace(string(key))
	tenant := storetest.AddTenant(t, db, p["tenant"])
	p["tenant's id"] = tenant.String()
	people := directory.Open(db, directory.Options{})
	added, secret, err := people.AddUser(t.Context(), directory.HostOperator("host", store.Source{Address: "host"}), tenant,
		directory.NewUser{Email: p["e-mail address"], Name: p["person"], Role: store.Admin})
	must(err)
	p["user's id"], p["one-time password"] = added.ID.String(), secret.Reveal()
	p["API key"], p["one-time code's secret"], p["session token"] = "qrs_"+strings.Repeat("k7", 20), "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", strings.Repeat("Ab9-", 11)

	plantPortfolio(t, db, tenant, p)
	verb, err := store.ParseVerb("support.bundle")
	must(err)
	e, err := db.Examine(t.Context(), storetest.Operator(), verb)
	must(err)
	report := doctor.Examine(t.Context(), doctor.Subject{Config: c, Store: doctor.Store{Examination: &e}, Version: "1.0.0", Host: doctor.ThisHost(), Now: time.Now})
	for _, secret := range p { // whatever a check may say
		report.Findings = append(report.Findings, doctor.Finding{Check: "configuration", State: doctor.Failure, Found: "reading " + secret + ": permission denied", Advice: "Look at " + secret + "."})
	}
	e.Faults = append(e.Faults, store.Fault{Where: "audit log of tenant " + tenant.String(), Reason: "the leaf of " + p["person"] + " is another"})
	return p, Sources{
		Version: "1.0.0", Now: time.Now, Doctor: &report, Config: c, Examination: &e, Log: p.log(t), Process: true, Host: os.DirFS("/"),
		Metrics: func() ([]byte, error) { return []byte("qrsd_store_locked 0\n"), nil },
	}, db
}

// plantPortfolio imports exposure with the addresses and policies that were planted.
func plantPortfolio(t *testing.T, db *store.DB, tenant store.ID, p planted) {
	t.Helper()
	h, err := db.Tenant(t.Context(), storetest.User(tenant, store.Modeler), tenant)
	if err != nil {
		t.Fatal(err)
	}
	rows := fmt.Sprintf("LocNumber,StreetAddress,Latitude,PolNumber\n%s,%s,%s,%s\n", p["location"], p["street"], p["latitude"], p["policy number"])
	id, err := workspace.Open(h).Import(t.Context(), workspace.NewPortfolio{
		Name: "Book of " + p["person"], Digest: [32]byte{1}, Locations: 1, Accounts: 1, TIV: 4e5, Currency: "USD",
		Files: []workspace.NewFile{{Name: "location.csv", Role: "location", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(rows)), nil }}},
	})
	if err != nil {
		t.Fatal(err)
	}
	p["portfolio's id"] = id.String()
}

// log writes each secret into every part of a line where somebody may have put it, and a line that is none.
func (p planted) log(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	log := hclog.New(&hclog.LoggerOptions{Name: "qrsd", Output: &out, JSONFormat: true})
	for _, secret := range p {
		log.Info("a request failed", "request_id", strings.Repeat("0a", 16), "path", "/api/v1/users/"+secret, "error", errors.New("reading the mode: open "+secret+": permission denied"))
		log.Info(secret, "panic", "index out of range: "+secret, "stack", "goroutine 1 [running]:\nmain.main("+secret+")\n\t/home/"+secret+"/main.go:12 +0x1d\n"+secret+"\n")
		log.Info("x", secret, secret, "password", secret, "version", secret, "operation", secret, "run", secret, "tenant", secret, "status", secret, "purpose", secret, "claims", secret)
		fmt.Fprintln(&out, "a line of another program: "+secret)
	}
	return out.Bytes()
}

// TestPlantedSecrets packs a bundle of an appliance in which secrets were planted wherever one may be, opens it as support does, and
// finds none: not as it is, not in hexadecimal, not in base64. What support needs is there.
func TestPlantedSecrets(t *testing.T) {
	p, sources, db := plant(t)
	b, err := Collect(sources)
	if err != nil {
		t.Fatal(err)
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	packed, err := b.Pack(t.Context(), db, Recipients{identity.Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := db.PublishedKeys()
	if err != nil {
		t.Fatal(err)
	}
	o, err := Open(bytes.NewReader(packed), keys, Identities{identity})
	if err != nil || !o.Known {
		t.Fatal(err)
	}
	manifest, err := json.Marshal(o.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(o.Files, File{Name: "manifest", Text: manifest}) {
		for what, secret := range p {
			for form, text := range map[string]string{"itself": secret, "hexadecimal": hex.EncodeToString([]byte(secret)), "base64": base64.StdEncoding.EncodeToString([]byte(secret))[:len(secret)/3*4]} {
				if at := strings.Index(strings.ToLower(string(f.Text)), strings.ToLower(text)); at >= 0 {
					t.Errorf("%s has the %s (%s): ...%.80s", f.Name, what, form, f.Text[max(at-40, 0):])
				}
			}
		}
		for _, column := range []string{"locnumber", "latitude", "longitude", "streetaddress"} {
			if bytes.Contains(bytes.ToLower(f.Text), []byte(column)) {
				t.Errorf("%s has %s", f.Name, column)
			}
		}
	}
	for name, want := range map[string]string{
		"log.jsonl": `"@message":"a request failed"`, "config.json": `"Passphrase": "not set"`, "store.json": `"AuditEntries"`, "goroutines.txt": "TestPlantedSecrets", "heap.txt": "heap profile:",
		"host.json": "MemTotal", "doctor.json": `"check": "disk space"`, "metrics.txt": "qrsd_store_locked", "build.json": `"Go": "go1`, "records.txt": "directory.userRecord.Email", "README.txt": "seal key",
	} {
		f, err := o.File(name)
		if err != nil || !strings.Contains(string(f.Text), want) {
			t.Errorf("%s has no %q, %v: %.400s", name, want, err, f.Text)
		}
	}
	text, _ := o.File("log.jsonl")
	if !strings.Contains(string(text.Text), "reading the mode: open [withheld] permission denied") || text.Withheld < len(p)*10 {
		t.Errorf("%d places of the log are withheld: %.2000s", text.Withheld, text.Text)
	}
	t.Logf("%d files, %d bytes, packed %d", len(o.Files), o.size(), len(packed))
}

// TestOpen wants every change of a packed bundle to be found, and the choice of what is left out to hold.
func TestOpen(t *testing.T) {
	db := storetest.New(t, store.Options{})
	b, err := Collect(Sources{Version: "1.0.0", Now: time.Now, Absent: "it is locked", NoLog: "no log file is configured"})
	if err != nil {
		t.Fatal(err)
	}
	if b, err = b.Without([]string{"host.json", "log.jsonl"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Without([]string{"log.jsonl"}); !errors.Is(err, ErrNoFile) {
		t.Errorf("left out twice: %v", err)
	}
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	to := Recipients{identity.Recipient()}
	packed, err := b.Pack(t.Context(), db, to)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Open(bytes.NewReader(packed), nil, Identities{identity})
	if err != nil || o.Known || len(o.Manifest.LeftOut) != 2 || len(o.Files) != len(b.Files) {
		t.Fatalf("%+v, %v", o, err)
	}
	if _, err := o.File("host.json"); !errors.Is(err, ErrNoFile) {
		t.Errorf("what was left out is there: %v", err)
	}
	if _, err := Open(bytes.NewReader(packed), nil, Identities{stranger}); err == nil {
		t.Error("a stranger opened it")
	}
	own, err := NewOwnKey()
	if err != nil {
		t.Fatal(err)
	}
	alone, err := b.Pack(t.Context(), own, to)
	if err != nil {
		t.Fatal(err)
	}
	if o, err = Open(bytes.NewReader(alone), nil, Identities{identity}); err != nil || o.KeyID != own.ID() {
		t.Errorf("signed by its own key: %v", err)
	}
	published, err := db.PublishedKeys()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(bytes.NewReader(alone), published, Identities{identity}); err == nil {
		t.Error("a bundle that another key signed passes for the appliance's")
	}
	if _, err := b.Pack(t.Context(), db, nil); err == nil {
		t.Error("packed for nobody")
	}
	changed := b
	changed.Files = append([]File{}, b.Files...)
	for name, change := range map[string]func([]File) []File{
		"a changed file":   func(f []File) []File { f[0].Text = []byte("else"); return f },
		"a changed letter": func(f []File) []File { f[0].Text = bytes.ToUpper(f[0].Text); return f },
		"a missing file":   func(f []File) []File { return f[1:] },
		"one more file":    func(f []File) []File { return append(f, File{Name: "more", Text: []byte("x")}) },
		"a path":           func(f []File) []File { return append(f, File{Name: "../more", Text: []byte("x")}) },
	} {
		if _, err := Open(bytes.NewReader(repacked(t, packed, identity, change)), nil, Identities{identity}); err == nil {
			t.Errorf("%s is not found", name)
		}
	}
}

// repacked opens a packed bundle, changes its files and packs them again under the old manifest.
func repacked(t *testing.T, packed []byte, identity *age.HybridIdentity, change func([]File) []File) []byte {
	t.Helper()
	r, err := age.Decrypt(bytes.NewReader(packed), identity)
	if err != nil {
		t.Fatal(err)
	}
	files, err := readArchive(r)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Open(bytes.NewReader(packed), nil, Identities{identity})
	if err != nil {
		t.Fatal(err)
	}
	all := change(append([]File{}, o.Files...))
	for _, name := range []string{manifestName, signedName, keysName} {
		all = append(all, File{Name: name, Text: files[name]})
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, identity.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(writeArchive(w, all, time.Now()), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
