package trust_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/trust"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// root is that of the module.
const root = "../../../.."

func theFacts(t *testing.T) trust.Facts {
	t.Helper()
	text, err := os.ReadFile("facts.json")
	if err != nil {
		t.Fatal(err)
	}
	f, err := trust.ReadFacts(text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestEvidenceIsThere resolves all evidence: addresses are routes of the server, tests and sections are in the files that are named.
func TestEvidenceIsThere(t *testing.T) {
	count := 0
	for _, c := range theFacts(t).Controls {
		for _, e := range c.Evidence {
			count++
			if err := resolve(e); err != nil {
				t.Errorf("control %s: %s %s: %v", c.ID, e.Kind, e.At, err)
			}
		}
	}
	if count < 40 {
		t.Errorf("%d pieces of evidence", count)
	}
	for _, bad := range []wire.Evidence{
		{Kind: "address", At: "/api/v1/nothing"}, {Kind: "test", At: "web/tls_test.go TestNothing"}, {Kind: "test", At: "web/none_test.go TestTLS"},
		{Kind: "document", At: "docs/security.md No such section"}, {Kind: "document", At: "docs/none.md"}, {Kind: "promise", At: "soon"},
	} {
		if resolve(bad) == nil {
			t.Errorf("%+v is taken for evidence", bad)
		}
	}
}

func resolve(e wire.Evidence) error {
	if e.Kind == "address" {
		if !slices.ContainsFunc(web.Routes(), func(r web.Route) bool { return r.Method == http.MethodGet && r.Path == e.At }) {
			return errors.New("nothing answers it")
		}
		return nil
	}
	file, part, _ := strings.Cut(e.At, " ")
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return err
	}
	want := map[string]string{"test": `(?m)^func ` + regexp.QuoteMeta(part) + `\(t \*testing\.T\)`, "document": `(?m)^#+ ` + regexp.QuoteMeta(part) + `$`}[e.Kind]
	switch {
	case want == "":
		return errors.New("evidence of no known kind")
	case e.Kind == "document" && part == "":
		return nil
	case !regexp.MustCompile(want).Match(text):
		return errors.New("it is not in the file")
	}
	return nil
}

// TestEveryPurposeIsRegistered reads the sources: whatever the program can dial for stands in the register.
func TestEveryPurposeIsRegistered(t *testing.T) {
	registered := map[string]bool{}
	for _, d := range theFacts(t).Destinations {
		registered[string(d.Purpose)] = true
	}
	found := map[string]string{}
	set := token.NewFileSet()
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && at != root):
			return fs.SkipDir
		case d.IsDir() || path.Ext(at) != ".go" || strings.HasSuffix(at, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(at)
		if err != nil || !strings.Contains(string(text), "Purpose") {
			return err
		}
		file, err := parser.ParseFile(set, at, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		purposes(file, func(name string) { found[name] = at })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 4 {
		t.Errorf("the sources have the purposes %v", found)
	}
	for name, at := range found {
		if name != "appliance" && name != "own port" && !registered[name] { // of the command line, and of the doctor: one's own appliance
			t.Errorf("%s dials for %q, which facts.json does not register: say who receives what", at, name)
		}
	}
}

// purposes hands on the texts of constants of type outbound.Purpose.
func purposes(file *ast.File, each func(string)) {
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Type == nil || len(spec.Values) != 1 {
			return true
		}
		name := ""
		switch kind := spec.Type.(type) {
		case *ast.SelectorExpr:
			name = kind.Sel.Name
		case *ast.Ident:
			name = kind.Name
		}
		if value, ok := spec.Values[0].(*ast.BasicLit); ok && name == "Purpose" && value.Kind == token.STRING {
			text, _ := strconv.Unquote(value.Value)
			each(text)
		}
		return true
	})
}

// TestFactsAreHeld: no control is done without evidence, without a date or an owner, or in a state of its own.
func TestFactsAreHeld(t *testing.T) {
	const good = `{"controls":[{"id":"a","domain":"d","title":"t","says":"s","status":"done","since":"2026-11-22","owner":"operator","evidence":[{"kind":"address","at":"/"}]}],"destinations":[],"not_claimed":[]}`
	if _, err := trust.ReadFacts([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"done without evidence": {`[{"kind":"address","at":"/"}]`, `[]`},
		"unknown state":         {`"done"`, `"certified"`},
		"lapsed by itself":      {`"done"`, `"lapsed"`},
		"no date":               {`2026-11-22`, `soon`},
		"no owner":              {`"operator"`, `""`},
		"an age of nothing":     {`"evidence"`, `"lapses_after_days":3,"evidence"`},
		"unknown field":         {`"owner"`, `"certificate":"x","owner"`},
		"no words":              {`"says":"s"`, `"says":""`},
		"one twice":             {`}],"destinations"`, `},{"id":"a","domain":"d","title":"t","says":"s","status":"planned","since":"2026-11-22","owner":"operator"}],"destinations"`},
		"a destination without": {`"destinations":[]`, `"destinations":[{"purpose":"circuits","name":"x"}]`},
	} {
		text := strings.Replace(good, change[0], change[1], 1)
		if _, err := trust.ReadFacts([]byte(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// record is a record of connections in memory.
type record struct {
	all   []outbound.Connection
	fault error
	reads int
}

func (r *record) Each(ctx context.Context, do func(outbound.Connection)) error {
	r.reads++
	for _, k := range r.all {
		do(k)
	}
	return errors.Join(r.fault, ctx.Err())
}

// desk is a center whose clock, record and mode a test moves.
type desk struct {
	*trust.Center
	now    time.Time
	mode   outbound.Mode
	record record
}

func newDesk(t *testing.T, watches map[string]trust.Watch, allowed ...outbound.Destination) *desk {
	t.Helper()
	d := &desk{now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	var err error
	d.Center, err = trust.New(trust.Options{
		Watches: watches, Record: &d.record, Mode: func() outbound.Mode { return d.mode }, Allowed: allowed, Now: func() time.Time { return d.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) control(t *testing.T, id string) wire.Control {
	t.Helper()
	all, err := d.Controls(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if n := all.Done + all.InAudit + all.Planned + all.Lapsed; n != len(all.Items) {
		t.Errorf("%d are counted of %d", n, len(all.Items))
	}
	for _, c := range all.Items {
		if c.Status == trust.Done && len(c.Evidence) == 0 {
			t.Errorf("%s is done without evidence", c.ID)
		}
		if c.ID == id {
			return c
		}
	}
	t.Fatalf("there is no control %s", id)
	return wire.Control{}
}

// TestControlsLapse: what was done and is not seen to hold is lapsed, with the reason; what nobody watches does not hold; nothing gets better.
func TestControlsLapse(t *testing.T) {
	tls := true
	d := newDesk(t, map[string]trust.Watch{
		"tls-1.3": func(context.Context) trust.Sight { return trust.Sight{Holds: tls, Says: "as configured"} },
		"drill": func(context.Context) trust.Sight {
			return trust.Sight{Holds: true, Says: "restored and compared", At: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
		},
		"signoff": func(context.Context) trust.Sight { return trust.Sight{Holds: true, Says: "signed"} },
	})
	if c := d.control(t, "transport-tls"); c.Status != trust.Done || c.Seen == nil || !c.Seen.Holds {
		t.Errorf("%+v", c)
	}
	tls = false
	if c := d.control(t, "transport-tls"); c.Status != trust.Lapsed || c.Seen.Holds || c.Seen.Says != "as configured" {
		t.Errorf("%+v", c)
	}
	if c := d.control(t, "report-weakness"); c.Status != trust.Lapsed || !strings.Contains(c.Seen.Says, "nothing on this appliance") {
		t.Errorf("nobody watches it: %+v", c)
	}
	if c := d.control(t, "benchmark-signoff"); c.Status != trust.Planned {
		t.Errorf("it got better by being seen: %+v", c)
	}
	if c := d.control(t, "restore-drill"); c.Status != trust.Done || !c.Seen.Holds || c.Seen.At == nil {
		t.Errorf("a drill of three weeks ago: %+v", c.Seen)
	}
	d.now = d.now.AddDate(0, 0, 80)
	if c := d.control(t, "restore-drill"); c.Seen.Holds || !strings.Contains(c.Seen.Says, "101 days ago") || c.Status != trust.Lapsed {
		t.Errorf("a drill of more than three months ago: %+v", c)
	}
	d.record.fault = errors.New("line 7 does not verify")
	d.now = d.now.Add(5 * time.Minute)
	if c := d.control(t, "egress-record"); c.Status != trust.Lapsed || strings.Contains(c.Seen.Says, "line 7") || !strings.Contains(c.Seen.Says, "does not verify") {
		t.Errorf("a broken record: %+v", c)
	}
}

// TestRecordIsReadSeldom: whoever asks, the record is verified once in five minutes; a reading that its caller gave up counts for nothing.
func TestRecordIsReadSeldom(t *testing.T) {
	d := newDesk(t, nil)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Destinations(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("for nobody: %v", err)
	}
	before := d.record.reads
	ask := func(want int) {
		t.Helper()
		for range 3 {
			if _, err := d.Destinations(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := d.record.reads - before; got != want {
			t.Errorf("the record was read %d times, want %d", got, want)
		}
	}
	ask(1)
	d.now = d.now.Add(4 * time.Minute)
	ask(1)
	d.now = d.now.Add(time.Minute)
	ask(2)
	d.now = d.now.Add(5 * time.Minute)
	d.record.fault = errors.New("line 7 does not verify")
	out, err := d.Destinations(t.Context())
	if err != nil || out.RecordFault == "" || out.RecordedTo != nil {
		t.Errorf("a broken record: %+v, %v", out, err)
	}
}

// TestDestinations: a place is on where mode and configuration allow it; its uses are those of its purpose and hosts.
func TestDestinations(t *testing.T) {
	d := newDesk(t, nil,
		outbound.Destination{Host: "braket.us-east-1.amazonaws.com", Port: 443, Purpose: outbound.Circuits},
		outbound.Destination{Host: "results.s3.us-east-1.amazonaws.com", Port: 443, Purpose: outbound.Circuits},
		outbound.Destination{Host: "smtp.example.com", Port: 587, Purpose: "e-mail"})
	at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	d.record.all = []outbound.Connection{
		{ID: 3, Purpose: outbound.Circuits, Host: "results.s3.us-east-1.amazonaws.com", Began: at.Add(time.Hour), Outcome: outbound.Refused},
		{ID: 2, Purpose: outbound.Circuits, Host: "braket.us-east-1.amazonaws.com", Began: at, Outcome: outbound.Opened, Sent: 100},
		{ID: 1, Purpose: outbound.Circuits, Host: "braket.us-east-1.amazonaws.com", Began: at.Add(-time.Hour), Outcome: outbound.Opened, Sent: 20},
	}
	for _, c := range []struct {
		mode outbound.Mode
		on   []string
	}{
		{outbound.AirGapped, nil},
		{outbound.Hybrid, []string{"Quantum hardware", "Results of quantum hardware"}},
		{outbound.Connected, []string{"Quantum hardware", "Results of quantum hardware", "Mail server"}},
	} {
		d.mode = c.mode
		all, err := d.Destinations(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var on []string
		for _, to := range all.Items {
			if to.On {
				on = append(on, to.Name)
			}
		}
		if !slices.Equal(on, c.on) || all.RecordedTo == nil || !all.RecordedTo.Equal(at.Add(time.Hour)) {
			t.Errorf("%s: %q are on, recorded to %v", c.mode, on, all.RecordedTo)
		}
		device, results := all.Items[0], all.Items[1]
		if device.Last == nil || !device.Last.At.Equal(at) || device.Last.Opened != 2 || device.Last.Sent != 120 || !slices.Equal(device.Hosts, []string{"braket.us-east-1.amazonaws.com:443"}) {
			t.Errorf("%+v, %+v", device, device.Last)
		}
		if results.Last == nil || results.Last.Outcome != "refused" || results.Last.Opened != 0 {
			t.Errorf("%+v", results.Last)
		}
	}
}
