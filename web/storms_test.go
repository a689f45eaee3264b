package web_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/client"
	"github.com/qrsrisk/qrsd/web/wire"
)

// storms tries the operations on single storms of a run, on its largest.
func (d *desk) storms(p *person, run string) {
	d.Helper()
	var list wire.RunEvents
	d.try("listRunEvents", p, nil, run, "?tvar=50&perspective=gross").into(d.TB, &list)
	largest := fmt.Sprint(list.Items[0].Event)
	for _, operation := range []string{"getEventTrack", "getEventFootprint", "getEventLosses", "listEventSites"} {
		d.try(operation, p, nil, run, largest)
	}
	for _, query := range []string{"", "?table=sites&format=xlsx", "?table=losses&format=parquet", "?table=footprint&format=geojson"} {
		d.try("exportEvent", p, nil, run, largest, query)
	}
}

// TestStormsAreTheRuns: of each event of a run, way, wind and losses over the API are those of the engine, and fit one another.
func TestStormsAreTheRuns(t *testing.T) {
	s := study(t, specs()["drawn"])
	model, err := theModel()
	s.must(err)
	var list wire.RunEvents
	s.reader.want(200, s.reader.call("GET", s.path+"/events?limit=1000", nil)).into(t, &list)
	ashore := 0
	for _, e := range list.Items[:min(20, len(list.Items))] {
		storm, found := engine.Storm(model, s.result.Spec, int32(e.Event))
		if !found || e.Category == nil {
			t.Fatalf("event %+v: found %v", e, found)
		}
		path := fmt.Sprintf("%s/events/%d", s.path, e.Event)
		var track wire.StormTrack
		s.reader.want(200, s.reader.call("GET", path+"/track", nil)).into(t, &track)
		if len(track.Points) != len(storm.Points) || track.Year != e.Year || track.Category != *e.Category || len(track.Landfalls) != len(storm.Landfalls) || len(e.Landfalls) != len(storm.Landfalls) {
			t.Errorf("event %d: track of %d points and %d landfalls, the engine's has %d and %d", e.Event, len(track.Points), len(track.Landfalls), len(storm.Points), len(storm.Landfalls))
		}
		for i, p := range storm.Points {
			if got := track.Points[i]; got.Lat != p.Lat || got.Lon != p.Lon || got.Hour != p.Hour || got.Pressure != p.Pressure() || math.Abs(got.Wind/p.Wind-1.15078) > 1e-5 || math.Abs(got.Rmax*1.609344-p.Rmax) > 1e-9 {
				t.Fatalf("event %d, point %d: %+v, want %+v", e.Event, i, got, p)
			}
		}
		for i, l := range e.Landfalls {
			ashore++
			if l != track.Landfalls[i] || l.County == "" || l.Category < 1 || l.Region != storm.Landfalls[i].Region {
				t.Errorf("event %d, landfall %+v, the track has %+v", e.Event, l, track.Landfalls[i])
			}
		}
		s.wantLosses(t, path, e)
	}
	if ashore == 0 {
		t.Error("no storm made landfall")
	}
}

// wantLosses holds the losses and sites of a storm to its line in the list.
func (s studied) wantLosses(t *testing.T, path string, e wire.EventLoss) {
	t.Helper()
	var losses wire.StormLosses
	s.reader.want(200, s.reader.call("GET", path+"/losses", nil)).into(t, &losses)
	whole := losses.Items[0]
	if whole.Summary.Level != "portfolio" || whole.GroundUp.Mean != e.GroundUp.Mean || whole.FootprintTIV != e.FootprintTIV || (whole.Gross == nil) != (e.Gross == nil) {
		t.Errorf("event %d: losses %+v, in the list %+v", e.Event, whole, e)
	}
	var sites wire.StormSites
	s.reader.want(200, s.reader.call("GET", path+"/sites", nil)).into(t, &sites)
	byCounty, sum, last := map[string]float64{}, 0.0, math.Inf(1)
	for _, at := range sites.Items {
		byCounty[at.CountyFIPS] += at.GroundUp
		sum += at.GroundUp
		if at.GroundUp > last || at.Gust < 50 || at.TIV == 0 || at.Location == "" {
			t.Errorf("site %+v after a loss of %v", at, last)
		}
		last = at.GroundUp
	}
	if sites.Total != len(sites.Items) || !near(&sum, &e.GroundUp.Mean, 1e-6) {
		t.Errorf("event %d: %d sites of %d lose %v, the event %v", e.Event, len(sites.Items), sites.Total, sum, e.GroundUp.Mean)
	}
	for _, p := range losses.Items {
		if got := byCounty[p.Summary.Key]; p.Summary.Level == "county" && (!near(&got, &p.GroundUp.Mean, 1e-6) || p.Summary.Lat == nil || *p.Summary.Lat < 24 || *p.Summary.Lon > -79) {
			t.Errorf("event %d: sites in %s lose %v, the table has %+v", e.Event, p.Summary.Key, got, p)
		}
	}
	var print wire.StormFootprint
	s.reader.want(200, s.reader.call("GET", path+"/footprint", nil)).into(t, &print)
	if len(print.Cells) == 0 || math.Abs(print.Threshold-50) > 1e-9 || print.CellDegrees != 0.04 {
		t.Errorf("event %d: %d cells of %v degrees above %v", e.Event, len(print.Cells), print.CellDegrees, print.Threshold)
	}
}

// TestSharesOfTVaR: the shares of all events add up to 1, and TVaR is the curve's.
func TestSharesOfTVaR(t *testing.T) {
	for name, spec := range specs() {
		s := study(t, spec)
		for p, perspective := range map[loss.Perspective]string{loss.GroundUp: "ground_up", loss.Gross: "gross"} {
			var list wire.RunEvents
			for range 2 { // computed, and kept
				s.reader.want(200, s.reader.call("GET", s.path+"/events?limit=1000&tvar=50&perspective="+perspective, nil)).into(t, &list)
				sum := 0.0
				for _, e := range list.Items {
					sum += *e.ShareOfTVaR
				}
				want, err := metrics.Shares(s.result.Table, 0, p, 50)
				s.must(err)
				if list.TVaR == nil || !near(&list.TVaR.Loss, &want.TVaR, 1e-6) || list.TVaR.Perspective != perspective || math.Abs(sum-1) > 1e-9 {
					t.Errorf("%s, %s: %+v, shares of %v, want a TVaR of %v", name, perspective, list.TVaR, sum, want.TVaR)
				}
			}
		}
		for _, query := range []string{"0.5", "50,100", "nan", "500", "x"} {
			if got := s.reader.want(400, s.reader.call("GET", s.path+"/events?tvar="+url.QueryEscape(query), nil)); !strings.Contains(string(got.Body), `"parameter":"tvar"`) {
				t.Errorf("tvar=%s: %s", query, got.Body)
			}
		}
	}
}

// TestStormFiles: the files of a storm have its figures; GeoJSON is as RFC 7946 wants it, and no cell of CSV is a formula.
func TestStormFiles(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	b := newBench(a, tenant, "Coast", strings.Replace(locations, "Book,Tower,1", "Book,Tower,=1+1", 1))
	id := b.submit(specs()["mean"])
	result := b.carryOut(id)
	analyst := a.join(tenant, "analyst@example.com", store.Analyst)
	var event int32
	for row, at := range result.Table.RowEvent { // one that damages both places
		if result.Table.RowSummary[row] == 0 && result.Table.Footprint[row] == 1_600_000 {
			event = result.Table.Events[at].ID
		}
	}
	path := fmt.Sprintf("/api/v1/runs/%s/events/%d/", id, event)
	rows, err := csv.NewReader(bytes.NewReader(analyst.want(200, analyst.call("GET", path+"export?table=sites", nil)).Body)).ReadAll()
	a.must(err)
	if text := fmt.Sprint(rows); len(rows) != 4 || rows[0][2] != "LocNumber" || !strings.Contains(text, "'=1+1") {
		t.Errorf("sites as CSV: %v", rows)
	}
	for _, table := range []string{"track", "landfalls", "footprint", "sites"} {
		got := analyst.want(200, analyst.call("GET", path+"export?format=geojson&table="+table, nil))
		wantFeatures(t, table, got.Body)
		if name := got.Header.Get("Content-Disposition"); !strings.Contains(name, fmt.Sprintf("event-%d-%s.geojson", event, table)) {
			t.Errorf("%s is named %s", table, name)
		}
	}
	for _, form := range []string{"parquet", "xlsx"} {
		begin := map[string]string{"parquet": "PAR1", "xlsx": "PK"}[form]
		for _, table := range []string{"track", "landfalls", "footprint", "sites", "losses"} {
			if got := analyst.want(200, analyst.call("GET", path+"export?format="+form+"&table="+table, nil)); !bytes.HasPrefix(got.Body, []byte(begin)) {
				t.Errorf("%s as %s begins with %.4q", table, form, got.Body)
			}
		}
	}
	for _, query := range []string{"table=ways", "format=kml", "format=geojson&table=losses"} {
		analyst.want(400, analyst.call("GET", path+"export?"+query, nil))
	}
	viewer := a.join(tenant, "viewer@example.com", store.Viewer)
	viewer.want(403, viewer.call("GET", path+"export", nil))
	wantByClient(t, analyst.signedIn(), id.String(), int(event))
}

// wantByClient reads a storm with the Go client.
func wantByClient(t *testing.T, c *client.Client, run string, event int) {
	t.Helper()
	ctx := t.Context()
	track, err := c.EventTrack(ctx, run, event)
	must(t, err)
	print, err := c.EventFootprint(ctx, run, event)
	must(t, err)
	losses, err := c.EventLosses(ctx, run, event)
	must(t, err)
	sites, err := c.EventSites(ctx, run, event, client.Part{Limit: 1})
	must(t, err)
	list, err := c.RunEvents(ctx, run, client.EventQuery{TVaR: 12.5}, client.Part{Limit: 1})
	must(t, err)
	var file bytes.Buffer
	must(t, c.ExportEvent(ctx, run, event, "footprint", "geojson", &file, nil))
	if track.Event != event || print.Event != event || losses.Event != event || sites.Total != 3 || len(sites.Items) != 1 || sites.NextCursor == "" ||
		list.TVaR == nil || list.TVaR.ReturnPeriod != 12.5 || !json.Valid(file.Bytes()) {
		t.Errorf("track %+v, %d cells, losses %+v, sites %+v, TVaR %+v, a file of %d bytes", track, len(print.Cells), losses, sites, list.TVaR, file.Len())
	}
}

// wantFeatures holds a file to the form of GeoJSON: positions in Florida's surroundings, rings closed and counter-clockwise.
func wantFeatures(t *testing.T, table string, text []byte) {
	t.Helper()
	var all struct {
		Type     string
		Features []struct {
			Type     string
			Geometry struct {
				Type        string
				Coordinates json.RawMessage
			}
			Properties map[string]any
		}
	}
	if err := json.Unmarshal(text, &all); err != nil || all.Type != "FeatureCollection" || len(all.Features) == 0 {
		t.Fatalf("%s: %v, %d features", table, err, len(all.Features))
	}
	for _, f := range all.Features {
		var positions [][2]float64
		switch f.Geometry.Type {
		case "Point":
			positions = make([][2]float64, 1)
			must(t, json.Unmarshal(f.Geometry.Coordinates, &positions[0]))
		case "LineString":
			must(t, json.Unmarshal(f.Geometry.Coordinates, &positions))
		case "Polygon":
			var rings [][][2]float64
			must(t, json.Unmarshal(f.Geometry.Coordinates, &rings))
			positions = rings[0]
			if area := twiceArea(positions); len(positions) != 5 || positions[0] != positions[4] || area <= 0 {
				t.Errorf("%s: ring %v of twice the area %v", table, positions, area)
			}
		}
		for _, p := range positions {
			if p[0] < -100 || p[0] > -60 || p[1] < 15 || p[1] > 40 || f.Type != "Feature" || len(f.Properties) == 0 {
				t.Fatalf("%s: %+v", table, f)
			}
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func twiceArea(ring [][2]float64) (sum float64) {
	for i := range ring[:len(ring)-1] {
		sum += ring[i][0]*ring[i+1][1] - ring[i+1][0]*ring[i][1]
	}
	return sum
}

// TestSitesNeedBothScopes: an API key sees sites of a storm if it may read the portfolio too; whatever it is told leaves one entry.
func TestSitesNeedBothScopes(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	b := newBench(a, tenant, "Coast", locations)
	id := b.submit(specs()["mean"])
	b.carryOut(id)
	owner := a.join(tenant, "modeler@example.com", store.Modeler)
	one := "/api/v1/runs/" + id.String() + "/events"
	var list wire.RunEvents
	owner.want(200, owner.call("GET", one, nil)).into(t, &list)
	one += fmt.Sprintf("/%d", list.Items[0].Event)
	for _, c := range []struct {
		scope, path string
		exposure    bool
	}{
		{"run.read", one + "/track", false}, {"run.export", one + "/export?table=losses", false},
		{"run.read", one + "/sites", true}, {"run.export", one + "/export?table=sites", true},
	} {
		want := map[bool]int{true: 403, false: 200}[c.exposure]
		for _, key := range []string{owner.apiKey(c.scope), owner.apiKey(c.scope, "portfolio.read")} {
			by := *owner
			by.key, by.cookie = key, ""
			got := by.want(want, by.call("GET", c.path, nil))
			if n := len(a.ofRequest(got.Header.Get("X-Request-Id"), tenant)); n != 1 {
				t.Errorf("%s left %d entries", c.path, n)
			}
			want = 200
		}
	}
}

// TestNoSuchStorm: what is no number of an event, or that of none, is not there; a storm without a loss has its way all the same.
func TestNoSuchStorm(t *testing.T) {
	s := study(t, specs()["drawn"])
	for _, number := range []string{"0", "-1", "01", "+5", "1e3", "2147483648", "%31%37", "x", "127", "60000", "9223372036854775808"} {
		for _, part := range []string{"track", "footprint", "losses", "sites"} {
			s.reader.want(404, s.reader.call("GET", s.path+"/events/"+number+"/"+part, nil))
		}
	}
	lost := map[int32]bool{}
	for _, e := range s.result.Table.Events {
		lost[e.ID] = true
	}
	model, err := theModel()
	s.must(err)
	for id := int32(128); ; id++ {
		if _, found := engine.Storm(model, s.result.Spec, id); !found || lost[id] {
			continue
		}
		path := fmt.Sprintf("%s/events/%d/", s.path, id)
		s.reader.want(200, s.reader.call("GET", path+"track", nil))
		s.reader.want(404, s.reader.call("GET", path+"losses", nil))
		var sites wire.StormSites
		s.reader.want(200, s.reader.call("GET", path+"sites", nil)).into(t, &sites)
		if sites.Total != 0 {
			t.Errorf("event %d without a loss damages %+v", id, sites.Items)
		}
		return
	}
}

// TestStormsOfOtherVersions: storms of a run of another engine, or of results that are not what is computed here, are refused in words;
// its list says why it has losses alone.
func TestStormsOfOtherVersions(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	b := newBench(a, tenant, "Coast", locations)
	reader := a.join(tenant, "viewer@example.com", store.Viewer)

	build, err := json.Marshal(seal.Build{Engine: "0.9.0"})
	a.must(err)
	old := b.submit(specs()["mean"])
	b.carryOut(old, wholeFile("build.json", workspace.RoleBuild, build))
	var list wire.RunEvents
	reader.want(200, reader.call("GET", "/api/v1/runs/"+old.String()+"/events", nil)).into(t, &list)
	if !strings.Contains(list.Unknown, "version 0.9.0 of the engine") || list.Items[0].Category != nil {
		t.Errorf("%q, %+v", list.Unknown, list.Items[0])
	}
	path := fmt.Sprintf("/api/v1/runs/%s/events/%d/", old, list.Items[0].Event)
	for _, part := range []string{"track", "footprint", "sites"} {
		if got := reader.want(409, reader.call("GET", path+part, nil)); !strings.Contains(string(got.Body), "0.9.0") {
			t.Errorf("%s: %s", part, got.Body)
		}
	}
	reader.want(200, reader.call("GET", path+"losses", nil))

	// Results of another seed under this run: the sites do not add up to them.
	model, err := theModel()
	a.must(err)
	other := b.submit(engine.Spec{Years: 400, Samples: 2, Seed: 6, ReturnPeriods: []float64{10}})
	_, err = b.Claim(t.Context(), other, "test", time.Hour)
	a.must(err)
	result, err := engine.Run(t.Context(), model, b.exposure, engine.Spec{Years: 400, Samples: 2, Seed: 6, Correlation: loss.DefaultCorrelation(), ReturnPeriods: []float64{10}}, engine.Options{})
	a.must(err)
	_, err = b.Finish(t.Context(), other, "test", tableFiles(t, results.Tables(result.Table, result.Report)))
	a.must(err)
	reader.want(200, reader.call("GET", "/api/v1/runs/"+other.String()+"/events", nil)).into(t, &list)
	got := reader.want(409, reader.call("GET", fmt.Sprintf("/api/v1/runs/%s/events/%d/sites", other, list.Items[0].Event), nil))
	if !strings.Contains(string(got.Body), "does not compute what the run did") {
		t.Errorf("%s", got.Body)
	}
}

// FuzzStormNumber: what is taken is a positive number, and the one way of writing it.
func FuzzStormNumber(f *testing.F) {
	for _, text := range []string{"", "0", "1", "60411", "-7", "007", "2147483647", "2147483648", "1_000", "٣", "1e3", " 1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var n web.StormNumber
		err := n.UnmarshalText([]byte(text))
		if err == nil && (n < 1 || fmt.Sprint(int32(n)) != text) || err != nil && n != 0 {
			t.Errorf("%q is taken for %d, %v", text, n, err)
		}
	})
}
