package web_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/internal/intake"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// theGround is opened once for all tests.
var theGround = sync.OnceValues(func() (*geography.Florida, error) {
	m, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		return nil, err
	}
	return m.Ground, nil
})

// reading lets the appliance read exposure.
func reading(o *web.Options, _ *directory.Options) {
	o.Intake = intake.New(intake.Options{Ground: theGround})
	o.Example = func() (*web.ExampleExposure, error) {
		return &web.ExampleExposure{Name: "Example, synthetic", Location: web.ExampleFile{Name: "location.csv", Content: []byte(locations)}, Account: web.ExampleFile{Name: "account.csv", Content: []byte(accounts)}}, nil
	}
}

// parts is a body of multipart/form-data.
type parts struct {
	media   string
	content []byte
}

// part is one of them; one with a file name is a file.
type part struct{ field, file, content string }

func form(t testing.TB, all ...part) parts {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range all {
		var to io.Writer
		var err error
		if p.file == "" {
			to, err = w.CreateFormField(p.field)
		} else {
			to, err = w.CreateFormFile(p.field, p.file)
		}
		if err == nil {
			_, err = io.WriteString(to, p.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return parts{w.FormDataContentType(), b.Bytes()}
}

// sample is a file of the example portfolio.
func sample(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("../examples/florida/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// book is the example portfolio as an upload.
func book(t testing.TB, name string) parts {
	t.Helper()
	return form(t, part{"name", "", name}, part{"location", "location.csv", sample(t, "location.csv")}, part{"account", "account.csv", sample(t, "account.csv")})
}

// faultyBook has rows with faults.
func faultyBook(t testing.TB) parts {
	t.Helper()
	return form(t, part{"location", "faulty-location.csv", sample(t, "faulty-location.csv")})
}

// zipped packs files.
func zipped(t testing.TB, all ...part) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range all {
		to, err := z.Create(p.file)
		if err == nil {
			_, err = io.WriteString(to, p.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// portfolios does every operation on exposure.
func (d *desk) portfolios(p *person) {
	d.Helper()
	var made wire.ImportedPortfolio
	d.try("importPortfolio", p, book(d.TB, "Book of 2026")).into(d.TB, &made)
	d.try("importExample", p, nil)
	d.try("validatePortfolio", p, book(d.TB, ""))
	d.try("listPortfolios", p, nil)
	d.try("getPortfolio", p, nil, made.ID)
	d.try("getPortfolioSummary", p, nil, made.ID)
	d.try("getPortfolioSites", p, nil, made.ID)
	d.try("getPortfolioFile", p, nil, made.ID, "account")
	d.try("replacePortfolio", p, book(d.TB, "Book of 2027"), made.ID)
	d.try("listPortfolioVersions", p, nil, made.ID)
	d.try("deletePortfolio", p, nil, made.ID)
	var check wire.ExposureCheck
	d.try("validatePortfolio", p, faultyBook(d.TB)).into(d.TB, &check)
	d.try("listRefusedImports", p, nil)
	d.try("getRefusedImport", p, nil, check.Refused.ID)
	d.try("getRefusedImportFile", p, nil, check.Refused.ID, "bad-location")
}

// office is an appliance with a tenant and a modeler of it.
func office(t testing.TB, settings ...setting) (a *appliance, tenant store.ID, modeler *person) {
	t.Helper()
	a = start(t, append([]setting{unlimited, reading}, settings...)...)
	tenant = a.tenant("Example Mutual")
	return a, tenant, a.join(tenant, "mo@example.com", store.Modeler)
}

// TestImport: what was uploaded is what is listed, counted and given back.
func TestImport(t *testing.T) {
	_, _, p := office(t)
	var made wire.ImportedPortfolio
	r := p.want(201, p.call("POST", "/api/v1/portfolios", book(t, "Book of 2026")))
	r.into(t, &made)
	at := r.Header.Get("Location")
	if at != "/api/v1/portfolios/"+made.ID || made.Name != "Book of 2026" || made.Locations != 5000 {
		t.Fatalf("%s: %+v", at, made)
	}
	var one wire.Portfolio
	got := p.want(200, p.call("GET", at, nil))
	got.into(t, &one)
	if one.TIV != made.TIV || one.Digest != made.Digest || len(one.Files) != 4 || got.Header.Get("ETag") != `"1"` {
		t.Errorf("%+v with %s", one, got.Header.Get("ETag"))
	}
	if file := p.want(200, p.call("GET", at+"/files/location", nil)); string(file.Body) != sample(t, "location.csv") {
		t.Errorf("the location file came back as %d bytes", len(file.Body))
	}
	var sum wire.PortfolioSummary
	p.want(200, p.call("GET", at+"/summary", nil)).into(t, &sum)
	for name, all := range map[string][]wire.ExposureShare{"counties": sum.Counties, "construction": sum.Construction, "occupancy": sum.Occupancy, "eras": sum.Eras, "lines": sum.Lines} {
		count, tiv := 0, 0.0
		for _, s := range all {
			count, tiv = count+s.Locations, tiv+s.TIV
		}
		if count != one.Locations || tiv < 0.999999*one.TIV || tiv > 1.000001*one.TIV {
			t.Errorf("%s have %d locations and %.0f, the portfolio %d and %.0f", name, count, tiv, one.Locations, one.TIV)
		}
	}
	for name, all := range map[string][]wire.ExposureShare{"construction": sum.Construction, "occupancy": sum.Occupancy} {
		for _, s := range all {
			if s.Name == "" {
				t.Errorf("%s %s has no name", name, s.Key)
			}
		}
	}
	var sites wire.PortfolioSites
	p.want(200, p.call("GET", at+"/sites", nil)).into(t, &sites)
	if sites.Locations != one.Locations || sites.Cell != 0 || len(sites.Sites) != one.Locations {
		t.Errorf("%d sites of %d locations, in cells of %g", len(sites.Sites), sites.Locations, sites.Cell)
	}
	p.want(404, p.call("GET", at+"/files/bad-location", nil))
}

// accounts are the policies of locations.
const accounts = `PortNumber,AccNumber,PolNumber,AccCurrency,PolPerilsCovered
Book,Home,1,USD,WTC
Book,Cabin,1,USD,WTC
Book,Tower,1,USD,WTC
`

// TestExample: what the program carries is imported as an upload is: with its files, one audit entry, once under a key; and where it has
// faults, it is refused with them.
func TestExample(t *testing.T) {
	a, tenant, p := office(t)
	const at = "/api/v1/portfolios/example"
	var made, again wire.ImportedPortfolio
	r := p.want(201, p.call("POST", at, nil, header("Idempotency-Key", "k1")))
	r.into(t, &made)
	p.want(201, p.call("POST", at, nil, header("Idempotency-Key", "k1"))).into(t, &again)
	if made.Name != "Example, synthetic" || made.Locations != 3 || made.Policies != 3 || again.ID != made.ID || r.Header.Get("Location") != "/api/v1/portfolios/"+made.ID {
		t.Errorf("%+v, then %+v, at %s", made, again, r.Header.Get("Location"))
	}
	if entries := a.ofRequest(r.Header.Get("X-Request-Id"), tenant); len(entries) != 1 || entries[0].Action != "portfolio.import" {
		t.Errorf("%d entries: %+v", len(entries), entries)
	}
	var one wire.Portfolio
	p.want(200, p.call("GET", "/api/v1/portfolios/"+made.ID, nil)).into(t, &one)
	file := p.want(200, p.call("GET", "/api/v1/portfolios/"+made.ID+"/files/location", nil))
	if len(one.Files) != 4 || one.Version != 1 || string(file.Body) != locations {
		t.Errorf("%+v, with %s", one, file.Body)
	}
	viewer := a.join(tenant, "vi@example.com", store.Viewer)
	viewer.want(403, viewer.call("POST", at, nil))

	_, _, without := office(t, func(o *web.Options, _ *directory.Options) { o.Example = nil })
	without.want(409, without.call("POST", at, nil))
	_, _, faulty := office(t, func(o *web.Options, _ *directory.Options) {
		o.Example = func() (*web.ExampleExposure, error) {
			return &web.ExampleExposure{Name: "F", Location: web.ExampleFile{Name: "location.csv", Content: []byte("LocNumber\n1\n")}, Account: web.ExampleFile{Name: "account.csv", Content: []byte(accounts)}}, nil
		}
	})
	if problem := faulty.want(422, faulty.call("POST", at, nil)).problem(t); problem.Exposure == nil {
		t.Errorf("%+v", problem)
	}
}

// TestReplace: the next version is imported into what was read, and what was read is deleted.
func TestReplace(t *testing.T) {
	_, _, p := office(t)
	var made wire.ImportedPortfolio
	p.want(201, p.call("POST", "/api/v1/portfolios", book(t, "One"))).into(t, &made)
	at := "/api/v1/portfolios/" + made.ID
	p.want(200, p.call("PUT", at, book(t, "Two"), header("If-Match", `"1"`)))
	p.want(412, p.call("PUT", at, book(t, "Three"), header("If-Match", `"1"`)))
	p.want(412, p.call("DELETE", at, nil, header("If-Match", `"1"`)))
	var one wire.Portfolio
	p.want(200, p.call("GET", at, nil)).into(t, &one)
	if one.Name != "Two" {
		t.Errorf("it is called %q", one.Name)
	}
	p.want(422, p.call("PUT", at, faultyBook(t)))
	p.want(204, p.call("DELETE", at, nil, header("If-Match", `"2"`)))
	p.want(404, p.call("GET", at, nil))
}

// TestRefused: exposure with faults leaves nothing but where its faults are; mended, it is imported. The request leaves one entry.
func TestRefused(t *testing.T) {
	a, tenant, p := office(t)
	r := p.want(422, p.call("POST", "/api/v1/portfolios", faultyBook(t)))
	problem := r.problem(t)
	e := problem.Exposure
	if problemName(problem) != "exposure-faults" || e == nil || e.FaultCount < 2 || len(e.Faults) != e.FaultCount {
		t.Fatalf("%.2000s", r)
	}
	for _, f := range e.Faults {
		if f.File == "" || f.Line == 0 || f.Reason == "" || f.Fix == "" {
			t.Errorf("%+v", f)
		}
	}
	if entries := a.ofRequest(r.Header.Get("X-Request-Id"), tenant); len(entries) != 1 || entries[0].Action != "portfolio.import" {
		t.Errorf("%d entries: %+v", len(entries), entries)
	}
	var list wire.Page[wire.Portfolio]
	p.want(200, p.call("GET", "/api/v1/portfolios", nil)).into(t, &list)
	if len(list.Items) != 0 {
		t.Errorf("%d portfolios", len(list.Items))
	}
	bad := ""
	for _, at := range e.Files {
		if got := p.want(200, p.call("GET", at, nil)); strings.HasSuffix(at, "/bad-location") {
			bad = string(got.Body)
		}
	}
	if !strings.Contains(bad, "OED_reason") || strings.Count(bad, "\n") < 2 || !strings.Contains(bad, "-250000") {
		t.Errorf("the rows with faults are\n%s", bad)
	}
	p.want(201, p.call("POST", "/api/v1/portfolios", book(t, "Mended")))
}

// TestFormula: in the rows with faults nothing is a formula for a spreadsheet, and numbers are numbers.
func TestFormula(t *testing.T) {
	_, _, p := office(t)
	lines := strings.Split(sample(t, "location.csv"), "\n")
	row := strings.Replace(lines[1], "A0000001", "=HYPERLINK(1)", 1)
	row = strings.Replace(row, "307000", "-307000", 1)
	r := p.want(422, p.call("POST", "/api/v1/portfolios", form(t, part{"location", "l.csv", lines[0] + "\n" + row + "\n"})))
	got := p.want(200, p.call("GET", "/api/v1/refused-imports/"+r.problem(t).Exposure.ID+"/files/bad-location", nil))
	if text := string(got.Body); !strings.Contains(text, ",'=HYPERLINK(1),") || !strings.Contains(text, ",-307000,") {
		t.Errorf("%s", text)
	}
}

// TestArchive: a zip is as good as its files, Excel, paths, bombs and reinsurance are refused, and each refusal says what to do.
func TestArchive(t *testing.T) {
	a, tenant, p := office(t)
	location, account := part{"", "OED_Location.csv", sample(t, "location.csv")}, part{"", "oed_acc.csv", sample(t, "account.csv")}
	archive := func(name string, all ...part) parts { return form(t, part{"archive", name, zipped(t, all...)}) }
	p.want(201, p.call("POST", "/api/v1/portfolios", archive("book.zip", location, account)))
	many := slices.Repeat([]part{location}, 11)
	for what, c := range map[string]struct {
		body parts
		want string
	}{
		"path":        {archive("a.zip", part{"", "../location.csv", location.content}), "path"},
		"folder":      {archive("a.zip", part{"", "book/location.csv", location.content}), "path"},
		"bomb":        {archive("a.zip", part{"", "location.csv", strings.Repeat("0", 64<<20)}), "100 times"},
		"many":        {archive("a.zip", many...), "at most 10"},
		"directory":   {archive("a.zip", slices.Repeat([]part{{"", strings.Repeat("x", 60000) + ".csv", ""}}, 40)...), "holds too much"},
		"two":         {archive("a.zip", location, location), "two location files"},
		"other":       {archive("a.zip", part{"", "readme.txt", "x"}), "location.csv"},
		"reinsurance": {archive("a.zip", location, part{"", "ri_info.csv", "x"}), "reinsurance"},
		"zip in zip":  {archive("a.zip", part{"", "location.zip", zipped(t, location)}), ".csv"},
		"no zip":      {form(t, part{"archive", "a.zip", "PK nothing"}), "not a zip"},
		"cut zip":     {form(t, part{"archive", "a.zip", zipped(t, location)[:20000]}), "not a zip"},
		"excel":       {form(t, part{"location", "book.xlsx", "x"}), ".csv"},
		"part":        {form(t, part{"ri_scope", "ri.csv", "x"}), "reinsurance"},
		"unknown":     {form(t, part{"portfolio", "a.csv", "x"}), "no such part"},
		"twice":       {form(t, part{"location", "a.csv", location.content}, part{"location", "b.csv", location.content}), "twice"},
		"none":        {form(t, part{"name", "", "x"}), "no location file"},
		"empty":       {form(t, part{"location", "a.csv", ""}), "is empty"},
		"parts":       {form(t, manyParts(20)...), "no such part"},
		"name":        {form(t, part{"name", "", "a\x00b"}, part{"location", "a.csv", location.content}), "printed"},
	} {
		r := p.want(400, p.call("POST", "/api/v1/portfolios", c.body))
		if problem := r.problem(t); !strings.Contains(problem.Detail+fmt.Sprint(problem.Errors), c.want) {
			t.Errorf("%s: %s, want %q", what, r, c.want)
		}
		if n := len(a.ofRequest(r.Header.Get("X-Request-Id"), tenant)); n != 1 {
			t.Errorf("%s: %d entries", what, n)
		}
	}
	if r := p.want(415, p.call("POST", "/api/v1/portfolios", "{}")); problemName(r.problem(t)) != "unsupported-media-type" {
		t.Errorf("%s", r)
	}
}

func manyParts(n int) (all []part) {
	for i := range n {
		all = append(all, part{fmt.Sprint("p", i), "a.csv", "x"})
	}
	return all
}

// TestImportTwice: under one Idempotency-Key the same upload is imported once, whatever its boundaries, and another is refused.
func TestImportTwice(t *testing.T) {
	_, _, p := office(t)
	var ids []string
	for range 2 {
		var made wire.ImportedPortfolio
		p.want(201, p.call("POST", "/api/v1/portfolios", book(t, "Once"), header("Idempotency-Key", "k1"))).into(t, &made)
		ids = append(ids, made.ID)
	}
	if ids[0] != ids[1] {
		t.Errorf("imported as %q", ids)
	}
	p.want(409, p.call("POST", "/api/v1/portfolios", book(t, "Another"), header("Idempotency-Key", "k1")))
	var list wire.Page[wire.Portfolio]
	p.want(200, p.call("GET", "/api/v1/portfolios", nil)).into(t, &list)
	if len(list.Items) != 1 {
		t.Errorf("%d portfolios", len(list.Items))
	}
}

// TestForeignPortfolio: another tenant's portfolio and refused import are not there, in every way of asking.
func TestForeignPortfolio(t *testing.T) {
	a, _, p := office(t)
	var made wire.ImportedPortfolio
	p.want(201, p.call("POST", "/api/v1/portfolios", book(t, "Ours"))).into(t, &made)
	refusedID := p.want(422, p.call("POST", "/api/v1/portfolios", faultyBook(t))).problem(t).Exposure.ID
	other := a.tenant("Other Mutual")
	q := a.join(other, "eve@example.com", store.Admin)
	one, refused := "/api/v1/portfolios/"+made.ID, "/api/v1/refused-imports/"+refusedID
	for _, at := range []string{one, one + "/summary", one + "/sites", one + "/files/location", refused, refused + "/files/report"} {
		q.want(http.StatusNotFound, q.call("GET", at, nil))
	}
	q.want(404, q.call("PUT", one, book(t, "Mine now")))
	q.want(404, q.call("DELETE", one, nil))
	p.want(200, p.call("GET", one+"/files/location", nil))
}

// TestPortfolioVersionOnce: an import under a key that is sent again makes one version, and is told what the first was told, though the ETag that it
// names is no longer that of the portfolio.
func TestPortfolioVersionOnce(t *testing.T) {
	_, _, p := office(t)
	var first wire.ImportedPortfolio
	p.want(201, p.call("POST", "/api/v1/portfolios", book(t, "One"))).into(t, &first)
	at := "/api/v1/portfolios/" + first.ID
	send := func(name string) answer {
		return p.call("PUT", at, book(t, name), header("Idempotency-Key", "next"), header("If-Match", `"1"`))
	}
	for range 2 {
		var next wire.ImportedPortfolio
		if p.want(200, send("Two")).into(t, &next); next.Version != 2 || next.Name != "Two" {
			t.Errorf("imported is %+v", next)
		}
	}
	if other := p.want(409, send("Three")); problemName(other.problem(t)) != "idempotency-key-reused" {
		t.Errorf("something else under the same key: %s", other)
	}
	var all wire.Page[wire.PortfolioVersion]
	if p.want(200, p.call("GET", at+"/versions", nil)).into(t, &all); len(all.Items) != 2 {
		t.Errorf("%d versions", len(all.Items))
	}
}

// TestPortfolioVersions: each import into a portfolio is its next version and says what it has more; earlier ones are read as they were, by their
// number; runs are of the latest unless they name another, and stay of it.
func TestPortfolioVersions(t *testing.T) {
	_, _, p := office(t)
	rows := strings.SplitAfter(locations, "\n")
	send := func(method, at, name string, n int) (made wire.ImportedPortfolio) {
		t.Helper()
		want := map[string]int{"POST": 201, "PUT": 200}[method]
		p.want(want, p.call(method, at, form(t, part{"name", "", name}, part{"location", "book.csv", strings.Join(rows[:n+1], "")}))).into(t, &made)
		return made
	}
	first := send("POST", "/api/v1/portfolios", "Book", 3)
	at := "/api/v1/portfolios/" + first.ID
	submit := func(body string) string {
		t.Helper()
		var made wire.SubmittedRun
		p.want(201, p.call("POST", "/api/v1/runs", fmt.Sprintf(`{"portfolio": %q, "years": 100, "samples": 0%s}`, first.ID, body))).into(t, &made)
		return made.ID
	}
	before := submit("")
	second := send("PUT", at, "", 2)
	third := send("PUT", at, "Book, mended", 3)
	if first.Version != 1 || second.Version != 2 || second.Name != "Book" || third.Version != 3 || third.ID != first.ID {
		t.Errorf("imported are %+v, %+v, %+v", first, second, third)
	}
	for run, want := range map[string]int{before: 1, submit(""): 3, submit(`, "portfolio_version": 2`): 2} {
		var r wire.Run
		p.want(200, p.call("GET", "/api/v1/runs/"+run, nil)).into(t, &r)
		digest := map[int]string{1: first.Digest, 2: second.Digest, 3: third.Digest}[want]
		if r.PortfolioVersion != want || r.PortfolioDigest != digest {
			t.Errorf("the run of version %d is of %d, %s", want, r.PortfolioVersion, r.PortfolioDigest)
		}
	}

	var page wire.Page[wire.PortfolioVersion]
	p.want(200, p.call("GET", at+"/versions?limit=2", nil)).into(t, &page)
	if len(page.Items) != 2 || page.NextCursor == "" {
		t.Fatalf("%+v", page)
	}
	if v := page.Items[0]; v.Version != 3 || v.Change == nil || !v.Change.Exposure || v.Change.Locations != 1 || *v.Change.TIV != 9e5 {
		t.Errorf("the third is %+v with %+v", v, v.Change)
	}
	if v := page.Items[1]; v.Version != 2 || v.Change == nil || v.Change.Locations != -1 || *v.Change.TIV != -9e5 || v.TIV != 7e5 {
		t.Errorf("the second is %+v with %+v", v, v.Change)
	}
	var rest wire.Page[wire.PortfolioVersion]
	p.want(200, p.call("GET", at+"/versions?cursor="+page.NextCursor, nil)).into(t, &rest)
	if len(rest.Items) != 1 || rest.Items[0].Version != 1 || rest.Items[0].Change != nil || rest.NextCursor != "" {
		t.Errorf("the rest is %+v", rest)
	}

	var old wire.Portfolio
	got := p.want(200, p.call("GET", at+"?version=2", nil))
	got.into(t, &old)
	if old.Version != 2 || old.Locations != 2 || got.Header.Get("ETag") != `"3"` {
		t.Errorf("%+v with %s", old, got.Header.Get("ETag"))
	}
	var sum wire.PortfolioSummary
	p.want(200, p.call("GET", at+"/summary?version=2", nil)).into(t, &sum)
	var sites wire.PortfolioSites
	p.want(200, p.call("GET", at+"/sites?version=2", nil)).into(t, &sites)
	file := p.want(200, p.call("GET", at+"/files/location?version=2", nil))
	if sum.Version != 2 || sum.Locations != 2 || sites.Locations != 2 || string(file.Body) != strings.Join(rows[:3], "") {
		t.Errorf("%+v, %+v, %s", sum, sites, file.Body)
	}
	for _, path := range []string{"", "/summary", "/sites", "/files/location"} {
		p.want(404, p.call("GET", at+path+"?version=4", nil))
		p.want(400, p.call("GET", at+path+"?version=0", nil))
	}
	p.want(404, p.call("POST", "/api/v1/runs", fmt.Sprintf(`{"portfolio": %q, "portfolio_version": 4}`, first.ID)))
	p.want(400, p.call("POST", "/api/v1/runs", fmt.Sprintf(`{"portfolio": %q, "portfolio_version": 0}`, first.ID)))
	p.want(409, p.call("DELETE", at, nil))
}
