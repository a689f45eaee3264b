package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Storms computes single simulated storms of finished runs again, from model, spec and the storm's number. Nothing of them is kept with a
// run but their losses. Errors are *Unavailable where a storm cannot be computed here, store.ErrNotFound where the run has
// no such storm, and ctx's.
type Storms interface {
	// Landfalls gives where storms made landfall, in the order of the numbers; nil of those that the run does not have.
	Landfalls(ctx context.Context, r *KeptStorms, storms []StormNumber) ([]*StormLandfalls, error)
	// Track gives the way of a storm.
	Track(ctx context.Context, r *KeptStorms, storm StormNumber) (wire.StormTrack, error)
	// Footprint gives its wind over the land.
	Footprint(ctx context.Context, r *KeptStorms, storm StormNumber) (wire.StormFootprint, error)
	// Sites gives the insured sites that it damages, from a place on. It needs the exposure.
	Sites(ctx context.Context, r *KeptStorms, storm StormNumber, from, limit int) (wire.StormSites, error)
	// Write writes a table of a storm (track, landfalls, footprint, sites, losses) in a form (csv, parquet, xlsx, geojson). It needs the exposure
	// where the table is of sites, and the tables of losses for these and for losses.
	Write(ctx context.Context, w io.Writer, r *KeptStorms, storm StormNumber, table, form string) error
}

// KeptStorms is a finished run as its storms are computed again.
type KeptStorms struct {
	*KeptRun
	Run       workspace.Run
	Portfolio workspace.Portfolio
	Exposure  map[string]ExposureFile // the files of the portfolio by their role; nil: they are not needed
	Engine    string                  // version that computed the run; "": not known
}

// StormLandfalls is where a storm came ashore.
type StormLandfalls struct {
	Category  int // the highest at a landfall; 0: there is none
	Landfalls []wire.Landfall
}

// Unavailable says why something cannot be computed here, in words for the user.
type Unavailable struct{ Reason string }

func (e *Unavailable) Error() string { return e.Reason }

// StormNumber is the number of a simulated storm of a run: EventId of the tables.
type StormNumber int32

// UnmarshalText reads a number as tables write it: digits, without a sign or zeros before them.
func (n *StormNumber) UnmarshalText(text []byte) error {
	v, err := strconv.ParseInt(string(text), 10, 32)
	if err != nil || v < 1 || strconv.FormatInt(v, 10) != string(text) {
		return fmt.Errorf("%q is no number of an event; take one of the list of events", clipped(string(text)))
	}
	*n = StormNumber(v)
	return nil
}

// stormRoutes are single storms of finished runs.
func stormRoutes() []route {
	const one = api + "/runs/{id}/events/{event}"
	read := func(path, operation string, e endpoint) route {
		return route{Route{Method: "GET", Path: one + path, Operation: operation, Access: Permitted, Verb: "run.read"}, e}
	}
	return []route{
		read("/track", "getEventTrack", do((*Server).getEventTrack)),
		read("/footprint", "getEventFootprint", do((*Server).getEventFootprint)),
		read("/losses", "getEventLosses", do((*Server).getEventLosses)),
		read("/sites", "listEventSites", do((*Server).listEventSites)),
		{Route{Method: "GET", Path: one + "/export", Operation: "exportEvent", Access: Permitted, Verb: "run.export", Bulk: true}, do((*Server).exportEvent)},
	}
}

// Tables of a storm, and the forms that they are written in.
var (
	stormTables = []string{"track", "landfalls", "footprint", "sites", "losses"}
	stormForms  = map[string]string{"csv": "text/csv", "parquet": tableForms["parquet"], "xlsx": tableForms["xlsx"], "geojson": "application/geo+json"}
)

// stormLossTables are what the losses of one storm are read from.
var stormLossTables = []string{"summary-info", "gu_mplt", "gr_mplt"}

// stormPatience is how long a storm may take to be computed, waiting for others included.
const stormPatience = 20 * time.Second

// ofStorm is the input of a route about one storm.
type ofStorm struct {
	ID    store.ID    `path:"id"`
	Event StormNumber `path:"event"`
}

// storms opens a finished run to compute storms of it again, with loss tables and the exposure where they are needed.
func (s *Server) storms(ctx context.Context, c *Call, id store.ID, tables []string, exposure, export bool) (*KeptStorms, func(), error) {
	if s.options.Storms == nil {
		return nil, nil, refuse(kindConflict, "this appliance computes no storms again")
	}
	return s.runOfStorms(ctx, c, id, tables, exposure, export)
}

// runOfStorms is what storms opens, on appliances too that do not compute them again.
func (s *Server) runOfStorms(ctx context.Context, c *Call, id store.ID, tables []string, exposure, export bool) (*KeptStorms, func(), error) {
	if s.options.Figures == nil {
		return nil, nil, refuse(kindConflict, "this appliance shows no results")
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	if exposure {
		if err := mayReadExposure(c); err != nil {
			return nil, nil, err
		}
	}
	of := tablesNamed(tables)
	pick := func(f workspace.File) bool { return f.Role == workspace.RoleBuild || of(f) }
	var f *workspace.Finished
	switch {
	case exposure:
		f, err = w.FinishedWithExposure(ctx, pick, export, id)
	case export:
		f, err = w.ExportFinished(ctx, pick, id)
	default:
		var all []*workspace.Finished
		if all, err = w.Finished(ctx, pick, id); err == nil {
			f = all[0]
		}
	}
	if err != nil {
		return nil, nil, err
	}
	r, err := keptStorms(f, tables)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return r, func() { _ = f.Close() }, nil // of files that were read
}

// mayReadExposure refuses whoever may read runs, and not the portfolios that they are of: sites are these, with gust and loss.
func mayReadExposure(c *Call) error {
	verb, err := store.ParseVerb("portfolio.read")
	if err == nil && !c.Principal.May(verb) {
		err = refuse(kindDenied, "sites are exposure, for which %s is needed as well: the scopes of the API key, or its owner's role, do not have it", verb)
	}
	return err
}

func keptStorms(f *workspace.Finished, tables []string) (*KeptStorms, error) {
	r := &KeptStorms{KeptRun: keptRun(f, tables), Run: f.Run.Value, Portfolio: f.Portfolio.Value, Exposure: map[string]ExposureFile{}}
	for _, file := range f.Portfolio.Value.Files {
		if from := f.Exposure(file.Role); from != nil {
			r.Exposure[file.Role] = ExposureFile{Name: file.Name, Size: from.Size(), Content: from}
		}
	}
	for _, file := range f.Result.Files {
		if file.Role != workspace.RoleBuild {
			continue
		}
		var build seal.Build
		if err := json.NewDecoder(io.LimitReader(f.File(file.Name), maxBuild)).Decode(&build); err != nil {
			return nil, fmt.Errorf("%s of run %s: %w", file.Name, f.Run.ID, err)
		}
		r.Engine = build.Engine
	}
	return r, nil
}

// maxBuild is how much is read of the file that says which program carried a run out.
const maxBuild = 4 << 20

func (s *Server) getEventTrack(ctx context.Context, c *Call, in ofStorm) (out wire.StormTrack, err error) {
	r, done, err := s.storms(ctx, c, in.ID, nil, false, false)
	if err != nil {
		return out, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, stormPatience)
	defer cancel()
	return s.options.Storms.Track(ctx, r, in.Event)
}

func (s *Server) getEventFootprint(ctx context.Context, c *Call, in ofStorm) (out wire.StormFootprint, err error) {
	r, done, err := s.storms(ctx, c, in.ID, nil, false, false)
	if err != nil {
		return out, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, stormPatience)
	defer cancel()
	return s.options.Storms.Footprint(ctx, r, in.Event)
}

func (s *Server) getEventLosses(ctx context.Context, c *Call, in ofStorm) (out wire.StormLosses, err error) {
	r, done, err := s.kept(ctx, c, in.ID, stormLossTables...)
	if err != nil {
		return out, err
	}
	defer done()
	return s.options.Figures.Storm(ctx, r, in.Event)
}

func (s *Server) listEventSites(ctx context.Context, c *Call, in struct {
	ID     store.ID    `path:"id"`
	Event  StormNumber `path:"event"`
	Cursor string      `query:"cursor"`
	Limit  *int        `query:"limit"`
}) (out wire.StormSites, err error) {
	from, limit, err := countedPage(in.Cursor, in.Limit)
	if err != nil {
		return out, err
	}
	r, done, err := s.storms(ctx, c, in.ID, stormLossTables, true, false)
	if err != nil {
		return out, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, stormPatience)
	defer cancel()
	out, err = s.options.Storms.Sites(ctx, r, in.Event, int(from), limit)
	c.Next(out.NextCursor)
	return out, err
}

// exportEvent gives a table of one storm as a file.
func (s *Server) exportEvent(ctx context.Context, c *Call, in struct {
	ID     store.ID    `path:"id"`
	Event  StormNumber `path:"event"`
	Table  string      `query:"table"`
	Format string      `query:"format"`
}) (*Stream, error) {
	table, form := cmp.Or(in.Table, "track"), cmp.Or(in.Format, "csv")
	media, known := stormForms[form]
	switch {
	case !slices.Contains(stormTables, table):
		return nil, badParameter("table", fmt.Sprintf("%q is none; they are %s", clipped(table), strings.Join(stormTables, ", ")))
	case !known:
		return nil, badParameter("format", fmt.Sprintf("%q is none; they are csv, parquet, xlsx and geojson", clipped(form)))
	case form == "geojson" && table == "losses":
		return nil, badParameter("format", "losses by parts of the portfolio lie nowhere on a map; take csv, parquet or xlsx")
	}
	r, done, err := s.storms(ctx, c, in.ID, stormLossTables, table == "sites", true)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("event-%d-%s.%s", in.Event, table, form)
	return &Stream{Type: media, Name: name, Write: func(ctx context.Context, w io.Writer) error {
		defer done()
		ctx, cancel := context.WithTimeout(ctx, stormPatience)
		defer cancel()
		if form != "csv" {
			return s.options.Storms.Write(ctx, w, r, in.Event, table, form)
		}
		return neutralised(w, func(w io.Writer) error { return s.options.Storms.Write(ctx, w, r, in.Event, table, form) })
	}}, nil
}

// addStorms adds to events of a list what is computed again of them. A run of another model or engine is no error: its list says why it
// has no more than losses.
func (s *Server) addStorms(ctx context.Context, r *KeptStorms, out *wire.RunEvents) error {
	if s.options.Storms == nil || len(out.Items) == 0 {
		return nil
	}
	numbers := make([]StormNumber, len(out.Items))
	for i := range out.Items {
		numbers[i] = StormNumber(out.Items[i].Event)
	}
	ctx, cancel := context.WithTimeout(ctx, stormPatience)
	defer cancel()
	all, err := s.options.Storms.Landfalls(ctx, r, numbers)
	var unavailable *Unavailable
	if errors.As(err, &unavailable) {
		out.Unknown = unavailable.Reason
		return nil
	}
	for i, at := range all {
		if at != nil {
			out.Items[i].Category, out.Items[i].Landfalls = &at.Category, at.Landfalls
		}
	}
	return err
}
