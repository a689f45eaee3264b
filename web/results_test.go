package web_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web/wire"
)

// studied is a finished run of a tenant, with what the engine gave.
type studied struct {
	*bench
	reader *person // a viewer of the tenant
	id     store.ID
	result *engine.Result
	path   string
}

func study(t *testing.T, s engine.Spec) studied {
	t.Helper()
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	b := newBench(a, tenant, "Coast", locations)
	id := b.submit(s)
	return studied{b, a.join(tenant, "viewer@example.com", store.Viewer), id, b.carryOut(id), "/api/v1/runs/" + id.String()}
}

// specs are a run with draws of damage and one of the mean alone.
func specs() map[string]engine.Spec {
	return map[string]engine.Spec{
		"drawn": {Years: 400, Samples: 3, Seed: 5, Correlation: loss.DefaultCorrelation(), ReturnPeriods: []float64{10, 50, 100}},
		"mean":  {Years: 400, Seed: 5, ReturnPeriods: []float64{10, 50, 500}},
	}
}

// TestMetricsAreTheEngines: figures over the API are those of the engine, to the last bit.
func TestMetricsAreTheEngines(t *testing.T) {
	for name, spec := range specs() {
		t.Run(name, func(t *testing.T) {
			s := study(t, spec)
			report := s.result.Report
			levels := "level=portfolio&level=lob&level=county&level=zip&level=account"
			all := walkMetrics(s.reader, s.path+"/metrics?limit=2&"+levels)
			if want := len(report.Summaries) + len(report.ZIPs) + len(report.Accounts); len(all) != want {
				t.Fatalf("%d summaries, want %d", len(all), want)
			}
			for i, m := range report.Summaries {
				got := all[i]
				if got.Summary.ID != int(m.ID) || got.Summary.Level != m.Summary.Level.String() || got.Summary.TIV != m.Summary.TIV || got.Summary.Key != m.Summary.Key {
					t.Errorf("summary %d is %+v, want %+v", i, got.Summary, m.Summary)
				}
				for p, a := range map[loss.Perspective]wire.AnnualLosses{loss.GroundUp: got.GroundUp, loss.Gross: got.Gross} {
					want := m.Perspectives[p].Annual
					if a.AAL != want.AAL || a.SD != want.SD || a.AALStandardError != want.AALStdErr || *a.AALLow != want.AALBand.Low || *a.AALHigh != want.AALBand.High ||
						*a.SDStandardError != want.SDStdErr || *a.LargestYear != want.Largest {
						t.Errorf("summary %d, %v: %+v, want %+v", i, p, a, want)
					}
				}
			}
			first := all[len(report.Summaries)]
			if zip := report.ZIPs[0]; first.GroundUp.AAL != zip.Perspectives[loss.GroundUp].AAL || first.GroundUp.AALLow != nil || first.Summary.Level != "zip" {
				t.Errorf("the first ZIP is %+v, want %+v", first, zip)
			}
			var usual wire.RunMetrics
			s.reader.want(200, s.reader.call("GET", s.path+"/metrics", nil)).into(t, &usual)
			if len(usual.Items) != len(report.Summaries) || usual.Basis != (wire.Basis{Run: s.id.String(), Years: 400, Samples: spec.Samples, Currency: "USD", Confidence: report.Confidence}) {
				t.Errorf("%d items on %+v", len(usual.Items), usual.Basis)
			}
		})
	}
}

func walkMetrics(p *person, path string) (all []wire.SummaryMetrics) {
	p.Helper()
	for cursor := ""; ; {
		var page wire.RunMetrics
		p.want(200, p.call("GET", path+"&cursor="+cursor, nil)).into(p.TB, &page)
		all = append(all, page.Items...)
		if cursor = page.NextCursor; cursor == "" {
			return all
		}
	}
}

// TestCurvesAreTheEngines: curves are those of the engine: at the run's return periods to the last bit, at others as the same rule
// gives them of the whole losses, to the digits that tables keep.
func TestCurvesAreTheEngines(t *testing.T) {
	for name, spec := range specs() {
		t.Run(name, func(t *testing.T) {
			s := study(t, spec)
			asked := []float64{1.5, 10, 33.3, 75, 400, 401}
			other, err := metrics.Summarise(s.result.Table, metrics.Options{ReturnPeriods: asked})
			if err != nil {
				t.Fatal(err)
			}
			for i := range s.result.Report.Summaries {
				own, computed := wire.RunCurves{}, wire.RunCurves{}
				s.reader.want(200, s.reader.call("GET", fmt.Sprintf("%s/curves?summary=%d", s.path, i+1), nil)).into(t, &own)
				s.reader.want(200, s.reader.call("GET", fmt.Sprintf("%s/curves?summary=%d&return_periods=75,1.5,%%2010,33.3,400,401,75", s.path, i+1), nil)).into(t, &computed)
				wantCurves(t, own, s.result.Report, i, spec.ReturnPeriods, 0)
				wantCurves(t, computed, other, i, asked, 3e-7)
				if own.Curves[0].Points[0] == (wire.CurvePoint{}) || *own.Curves[0].Points[0].Loss != *computed.Curves[0].Points[1].Loss {
					t.Errorf("summary %d: the run's own return period is %+v, asked for %+v", i, own.Curves[0].Points[0], computed.Curves[0].Points[1])
				}
			}
		})
	}
}

// wantCurves holds the curves of a summary to a report's.
func wantCurves(t *testing.T, got wire.RunCurves, r *metrics.Report, summary int, periods []float64, within float64) {
	t.Helper()
	if len(got.Curves) != 4 {
		t.Fatalf("%d curves", len(got.Curves))
	}
	for i, c := range got.Curves {
		p := map[string]loss.Perspective{"ground_up": loss.GroundUp, "gross": loss.Gross}[c.Perspective]
		kind := map[string]metrics.EPType{"oep": metrics.OEP, "aep": metrics.AEP}[c.Type]
		want := r.Summaries[summary].Perspectives[p].Curve(kind, r.Headline())
		if len(c.Points) != len(periods) {
			t.Fatalf("curve %d has %d points, want %d", i, len(c.Points), len(periods))
		}
		for k, at := range c.Points {
			w := want.Points[k]
			high, tvarHigh := &w.LossBand.High, &w.TVaRBand.High
			if w.LossBand.Unbounded {
				high = nil
			}
			if w.TVaRBand.Unbounded {
				tvarHigh = nil
			}
			if !w.Available {
				if at != (wire.CurvePoint{ReturnPeriod: w.ReturnPeriod}) {
					t.Errorf("beyond the years: %+v", at)
				}
				continue
			}
			if at.ReturnPeriod != w.ReturnPeriod || !near(at.Loss, &w.Loss, within) || !near(at.Low, &w.LossBand.Low, within) || !near(at.High, high, within) ||
				!near(at.TVaR, &w.TVaR, within) || !near(at.TVaRLow, &w.TVaRBand.Low, within) || !near(at.TVaRHigh, tvarHigh, within) {
				t.Errorf("%s %s of summary %d: %+v, want %+v", c.Perspective, c.Type, summary, at, w)
			}
		}
	}
}

// near reports whether two figures are both missing, or differ by no more than a share.
func near(got, want *float64, within float64) bool {
	if got == nil || want == nil {
		return got == want
	}
	return math.Abs(*got-*want) <= within*max(math.Abs(*want), 1)
}

// TestEventsLargestFirst walks the events of a run in parts: each once, largest first, with the moments of its draws.
func TestEventsLargestFirst(t *testing.T) {
	for name, spec := range specs() {
		t.Run(name, func(t *testing.T) {
			s := study(t, spec)
			table := s.result.Table
			for _, perspective := range []string{"ground_up", "gross"} {
				seen, last := map[int]bool{}, math.Inf(1)
				total := 0
				for cursor := ""; ; {
					var page wire.RunEvents
					s.reader.want(200, s.reader.call("GET", s.path+"/events?limit=7&perspective="+perspective+"&cursor="+cursor, nil)).into(t, &page)
					total = page.Total
					for _, e := range page.Items {
						mean := e.GroundUp.Mean
						if perspective == "gross" {
							mean = 0
							if e.Gross != nil {
								mean = e.Gross.Mean
							}
						}
						if seen[e.Event] || mean > last {
							t.Errorf("event %d with %v after %v", e.Event, mean, last)
						}
						seen[e.Event], last = true, mean
						wantStorm(t, table, e)
					}
					if cursor = page.NextCursor; cursor == "" {
						break
					}
				}
				if len(seen) != total || total == 0 {
					t.Errorf("%s: %d events in parts, %d in all", perspective, len(seen), total)
				}
			}
		})
	}
}

// wantStorm holds an event of the portfolio to the loss table.
func wantStorm(t *testing.T, table *loss.Table, e wire.EventLoss) {
	t.Helper()
	for row, i := range table.RowEvent {
		if int(table.Events[i].ID) != e.Event || table.RowSummary[row] != 0 {
			continue
		}
		width := table.Width()
		draws := table.Loss[loss.GroundUp][row*width : (row+1)*width]
		mean := 0.0
		for _, x := range draws {
			mean += x / float64(width)
		}
		if !near(&e.GroundUp.Mean, &mean, 1e-6) || e.Year != int(table.Events[i].Year) || e.Month != int(table.Events[i].Month) {
			t.Errorf("event %+v, of %v in year %d", e, draws, table.Events[i].Year)
		}
		if largest := slices.Max(draws); (e.GroundUp.Largest == nil) != (table.Samples == 0) || e.GroundUp.Largest != nil && !near(e.GroundUp.Largest, &largest, 1e-6) {
			t.Errorf("event %d: largest draw %v, want %v", e.Event, e.GroundUp.Largest, largest)
		}
		return
	}
	t.Errorf("there is no event %d", e.Event)
}

// TestTables: every table comes in parts of JSON with the rows of its CSV, and as the kept files; small ones as a workbook.
func TestTables(t *testing.T) {
	s := study(t, specs()["drawn"])
	var list wire.RunTables
	s.reader.want(200, s.reader.call("GET", s.path+"/tables", nil)).into(t, &list)
	tables := results.Tables(s.result.Table, s.result.Report)
	if len(list.Tables) != len(tables) || len(list.Files) != 1 {
		t.Fatalf("%d tables and %d files, want %d and 1", len(list.Tables), len(list.Files), len(tables))
	}
	analyst := s.join(s.reader.tenant, "analyst@example.com", store.Analyst)
	for i, table := range tables {
		if list.Tables[i].Name != table.Name || list.Tables[i].Digest != fmt.Sprintf("%x", results.Digest(table)) || len(list.Tables[i].Files) != 2 {
			t.Errorf("%+v, want %s", list.Tables[i], table.Name)
		}
		var want bytes.Buffer
		s.must(results.WriteCSV(&want, table))
		csv := analyst.want(200, analyst.call("GET", s.path+"/tables/"+table.Name+"/export", nil))
		if !bytes.Equal(csv.Body, want.Bytes()) || !strings.HasPrefix(csv.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %d bytes of CSV, want %d", table.Name, len(csv.Body), want.Len())
		}
		if kept := analyst.want(200, analyst.call("GET", s.path+"/files/"+table.Name+".parquet", nil)); string(kept.Body[:4]) != "PAR1" {
			t.Errorf("%s as Parquet begins with %q", table.Name, kept.Body[:4])
		}
		lines := strings.Split(strings.TrimSuffix(want.String(), "\n"), "\n")
		if got := s.rows(table.Name); !slices.Equal(got, lines[1:]) {
			t.Errorf("%s: %d rows of JSON, want %d; the first %q and %q", table.Name, len(got), len(lines)-1, got[:1], lines[1:2])
		}
	}
	wantWorkbook(t, analyst.want(200, analyst.call("GET", s.path+"/tables/gu_ept/export?format=xlsx", nil)).Body)
	for path, status := range map[string]int{
		"/tables/none": 404, "/tables/none/export": 404, "/tables/none/export?format=xlsx": 404, "/files/none": 404, "/tables/manifest": 404,
		"/tables/gu_ept/export?format=pdf": 400, "/tables/gu_ept?cursor=x": 400, "/curves?summary=0": 400, "/curves?summary=100000": 404, "/curves?return_periods=0.5": 400,
		"/curves?return_periods=ten": 400, "/events?perspective=net": 400, "/metrics?level=state": 400, "/events?summary=100000": 404, "/files/..%2f..%2fetc": 404,
	} {
		analyst.want(status, analyst.call("GET", s.path+path, nil))
	}
	last := len(s.result.Report.Summaries) + 1
	for _, path := range []string{"/curves?summary=", "/events?summary="} {
		analyst.want(400, analyst.call("GET", s.path+path+fmt.Sprint(last), nil))
	}
	s.reader.want(403, s.reader.call("GET", s.path+"/files/manifest.json", nil)) // a viewer reads here and takes nothing away
}

// rows are the rows of a table as CSV writes them, read in parts of JSON.
func (s studied) rows(table string) (all []string) {
	s.Helper()
	for cursor := ""; ; {
		var page wire.TablePage
		s.reader.want(200, s.reader.call("GET", s.path+"/tables/"+table+"?limit=300&cursor="+cursor, nil)).into(s.TB, &page)
		for _, r := range page.Rows {
			cells := make([]string, len(r))
			for i, v := range r {
				cells[i] = fmt.Sprint(v)
				if x, ok := v.(float64); ok {
					cells[i] = plain(x)
				}
			}
			all = append(all, strings.Join(cells, ","))
		}
		if cursor = page.NextCursor; cursor == "" {
			if int(page.Total) != len(all) {
				s.Errorf("%s: %d rows, %d are told", table, len(all), page.Total)
			}
			return all
		}
	}
}

// plain is a number without exponent.
func plain(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// wantWorkbook looks for a sheet of the table's cells; engine/results/excel tests what is in it.
func wantWorkbook(t *testing.T, content []byte) {
	t.Helper()
	book, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	sheet, err := fs.ReadFile(book, "xl/worksheets/sheet2.xml")
	if err != nil || !bytes.Contains(sheet, []byte("ReturnPeriod")) {
		t.Errorf("a sheet %.200s, %v", sheet, err)
	}
}

// TestCompare puts two runs beside a baseline: one of other settings, one of other exposure. Of itself there is no difference.
func TestCompare(t *testing.T) {
	s := study(t, specs()["drawn"])
	spec := specs()["drawn"]
	spec.Seed, spec.ReturnPeriods = 6, []float64{10, 25, 100}
	reseeded := s.submit(spec)
	again := s.carryOut(reseeded)
	larger := newBench(s.appliance, s.reader.tenant, "Coast, larger", strings.ReplaceAll(locations, "400000", "500000"))
	grown := larger.submit(specs()["drawn"])
	larger.carryOut(grown)
	var c wire.Comparison
	path := "/api/v1/runs/compare?baseline=" + s.id.String()
	s.reader.want(200, s.reader.call("GET", path+"&with="+reseeded.String()+"&with="+grown.String(), nil)).into(t, &c)
	if len(c.With) != 2 || c.Baseline.Basis.Run != s.id.String() || c.Baseline.TIV != 1600000 {
		t.Fatalf("%+v", c.Baseline)
	}
	if got := names(c.With[0].Settings); got != "seed return_periods" || len(c.With[0].Exposure)+len(c.With[0].Model) > 0 {
		t.Errorf("another seed: %+v %+v %+v", c.With[0].Settings, c.With[0].Exposure, c.With[0].Model)
	}
	if got := names(c.With[1].Exposure); got != "portfolio digest tiv" || len(c.With[1].Settings) > 0 {
		t.Errorf("other exposure: %+v %+v", c.With[1].Exposure, c.With[1].Settings)
	}
	aal := figure(t, c.With[0].Figures, "ground_up", "aal", 0)
	want := again.Report.Summaries[0].Perspectives[loss.GroundUp].Annual.AAL
	base := s.result.Report.Summaries[0].Perspectives[loss.GroundUp].Annual.AAL
	if *aal.Baseline != base || *aal.With != want || *aal.Absolute != want-base || *aal.Relative != (want-base)/base {
		t.Errorf("%+v, want %v and %v", aal, base, want)
	}
	if only := figure(t, c.With[0].Figures, "gross", "oep", 25); only.Baseline != nil || only.With == nil || only.Absolute != nil {
		t.Errorf("a return period of one run alone: %+v", only)
	}
	if both := figure(t, c.With[0].Figures, "gross", "aep_tvar", 100); both.Baseline == nil || both.With == nil || both.Relative == nil {
		t.Errorf("a return period of both runs: %+v", both)
	}
	wantBands(t, c)
	wantComparisonBook(s, path+"&with="+reseeded.String()+"&with="+grown.String(), c)
	waiting := s.submit(spec).String()
	for query, status := range map[string]int{
		"": 400, "&with=" + s.id.String(): 400, "&with=x": 400, "&with=" + s.reader.id.String(): 404, "&with=" + waiting: 409,
		strings.Repeat("&with="+reseeded.String(), 2): 400,
	} {
		s.reader.want(status, s.reader.call("GET", path+query, nil))
	}
	s.reader.want(400, s.reader.call("GET", "/api/v1/runs/compare?with="+reseeded.String(), nil))
	wantForeignRefused(s, reseeded)
}

// wantBands: average annual losses and points of curves have the bands of both runs, and the differences that these leave hold the difference itself.
func wantBands(t *testing.T, c wire.Comparison) {
	t.Helper()
	banded := 0
	for _, with := range c.With {
		for _, d := range with.Figures {
			if d.AbsoluteLow == nil || d.AbsoluteHigh == nil {
				continue
			}
			banded++
			if *d.AbsoluteLow != *d.WithLow-*d.BaselineHigh || *d.AbsoluteHigh != *d.WithHigh-*d.BaselineLow || *d.AbsoluteLow > *d.Absolute || *d.AbsoluteHigh < *d.Absolute {
				t.Errorf("the bands of %+v", d)
			}
			if d.Figure == "tiv" || d.Figure == "sd" {
				t.Errorf("a band of %s", d.Figure)
			}
		}
	}
	if aal := figure(t, c.With[0].Figures, "gross", "aal", 0); aal.AbsoluteLow == nil || banded < 10 {
		t.Errorf("%d figures have bands; the average annual loss is %+v", banded, aal)
	}
}

// wantComparisonBook: the workbook has the numbers of the comparison, and whoever exports nothing gets none.
func wantComparisonBook(s studied, path string, c wire.Comparison) {
	s.Helper()
	path = strings.Replace(path, "/compare?", "/compare/export?", 1)
	s.reader.want(403, s.reader.call("GET", path, nil))
	analyst := s.join(s.reader.tenant, "exporter@example.com", store.Analyst)
	got := analyst.want(200, analyst.call("GET", path, nil))
	if entries := s.ofRequest(got.Header.Get("X-Request-Id"), s.reader.tenant); len(entries) != 1 || entries[0].Action != "run.export" {
		s.Errorf("entries %+v", entries)
	}
	book, err := zip.NewReader(bytes.NewReader(got.Body), int64(len(got.Body)))
	s.must(err)
	read := func(name string) string {
		text, err := fs.ReadFile(book, name)
		s.must(err)
		return string(text)
	}
	aal := figure(s.TB, c.With[0].Figures, "gross", "aal", 0)
	for sheet, all := range map[string][]string{
		"xl/worksheets/sheet1.xml": {c.Baseline.Basis.Run, c.With[1].Run.Basis.Run, "Coast, larger, version 1", "90 %"},
		"xl/worksheets/sheet2.xml": {"return_periods", "exposure"},
		"xl/worksheets/sheet3.xml": {"Difference, low", "Run 2", strconv.FormatFloat(*aal.AbsoluteLow, 'f', -1, 64), strconv.FormatFloat(*aal.With, 'f', -1, 64)},
	} {
		text := read(sheet)
		for _, want := range all {
			if !strings.Contains(text, want) {
				s.Errorf("%s has no %q", sheet, want)
			}
		}
	}
}

// wantForeignRefused compares as somebody of another tenant: neither run is there, and nothing of it in the other's log.
func wantForeignRefused(s studied, other store.ID) {
	s.Helper()
	elsewhere := s.tenant("Other Mutual")
	stranger := s.join(elsewhere, "viewer@other.example.com", store.Viewer)
	got := stranger.want(404, stranger.call("GET", "/api/v1/runs/compare?baseline="+s.id.String()+"&with="+other.String(), nil))
	request := got.Header.Get("X-Request-Id")
	if found := s.ofRequest(request, elsewhere); len(found) != 1 || found[0].Outcome != store.Failed || found[0].Action != "run.read" {
		s.Errorf("a foreign comparison left %+v", found)
	}
	if found := s.ofRequest(request, s.reader.tenant); len(found) != 0 {
		s.Errorf("a foreign comparison is in the owner's log: %+v", found)
	}
}

func names(all []wire.Change) string {
	var list []string
	for _, c := range all {
		list = append(list, c.Name)
	}
	return strings.Join(list, " ")
}

// figure finds one of the portfolio's.
func figure(t testing.TB, all []wire.FigureDifference, perspective, name string, period float64) wire.FigureDifference {
	t.Helper()
	for _, f := range all {
		if f.Level == "portfolio" && f.Perspective == perspective && f.Figure == name && (f.ReturnPeriod == nil && period == 0 || f.ReturnPeriod != nil && *f.ReturnPeriod == period) {
			return f
		}
	}
	t.Fatalf("there is no %s %s at %v", perspective, name, period)
	return wire.FigureDifference{}
}
