package hazard

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

// ClimatologyFile is the climatology's name in a model pack.
const ClimatologyFile = "hazard-climatology.json"

// Climatology is what the record says about Florida's storms, as numbers: where and
// how they enter the domain, how they move, strengthen and weaken over water, and how
// often they strike which coast. engine/hazard/fit computes it from HURDAT2 and says
// beside each part how many observations stand behind it.
type Climatology struct {
	Source    string `json:"source"`
	FirstYear int    `json:"first_year"` // of the record that rates are taken from
	LastYear  int    `json:"last_year"`

	Entries      []Entry      `json:"entries"`
	Motion       Motion       `json:"motion"`
	Intensity    Intensity    `json:"intensity"`
	PressureWind PressureWind `json:"pressure_wind"`
	Landfall     LandfallFit  `json:"landfall"`

	lnMaxDP float64 // ln Intensity.MaxDP
}

// Entry is the state in which one storm of the record entered the domain or formed in it.
type Entry struct {
	Storm string  `json:"storm"` // ATCF id
	Day   int     `json:"day"`   // of the year
	Lat   float64 `json:"lat"`
	Lon   float64 `json:"lon"`
	U     float64 `json:"u"`      // eastward translation, m/s
	V     float64 `json:"v"`      // northward translation, m/s
	DP    float64 `json:"dp"`     // pressure deficit, hPa
	Trend float64 `json:"dln_dp"` // change of ln DP over the next 6 h
}

// Grid is a regular latitude-longitude grid; nodes run east within rows, rows north.
type Grid struct {
	Lat0 float64 `json:"lat0"`
	Lon0 float64 `json:"lon0"`
	Step float64 `json:"step"` // degrees
	Rows int     `json:"rows"`
	Cols int     `json:"cols"`
}

// mostWeight bounds the landfall weights: beyond it nearly all candidates would be thrown away.
const mostWeight = 50

// sound reports whether a position can be interpolated.
func (g Grid) sound() bool { return g.Rows >= 2 && g.Cols >= 2 && g.Step > 0 }

// Nodes is the number of nodes.
func (g Grid) Nodes() int { return g.Rows * g.Cols }

// Node is the position of node i.
func (g Grid) Node(i int) (lat, lon float64) {
	return g.Lat0 + float64(g.Step*float64(i/g.Cols)), g.Lon0 + float64(g.Step*float64(i%g.Cols))
}

// weights are the four nodes around a position and their bilinear weights; positions outside are
// taken to the edge.
func (g Grid) weights(lat, lon float64) (node [4]int, w [4]float64) {
	r := clamp((lat-g.Lat0)/g.Step, 0, float64(g.Rows-1)-1e-9)
	c := clamp((lon-g.Lon0)/g.Step, 0, float64(g.Cols-1)-1e-9)
	i, j := int(r), int(c)
	fr, fc := r-float64(i), c-float64(j)
	n := i*g.Cols + j
	return [4]int{n, n + 1, n + g.Cols, n + g.Cols + 1},
		[4]float64{(1 - fr) * (1 - fc), (1 - fr) * fc, fr * (1 - fc), fr * fc}
}

// Motion is the translation model: at each node and season the mean translation and
// the spread and persistence of departures from it (Hall and Jewson 2007, Tellus A 59:
// 486, with a fixed kernel). Departures follow a first-order autoregression per component.
type Motion struct {
	Grid    Grid     `json:"grid"`
	Seasons []Season `json:"seasons"` // in order of Day
	N       int      `json:"n"`       // 6-hour steps behind the fit
}

// Season is the motion around one day of the year. All slices are by node.
type Season struct {
	Day   int       `json:"day"`
	U     []float64 `json:"u"` // mean eastward translation, m/s
	V     []float64 `json:"v"`
	PhiU  []float64 `json:"phi_u"` // 6-h autoregression of the departure
	PhiV  []float64 `json:"phi_v"`
	NoisU []float64 `json:"noise_u"` // sd of the innovation, m/s
	NoisV []float64 `json:"noise_v"`
	N     []float64 `json:"n"` // kernel-weighted number of steps
}

// Intensity is the model of ln DP over water in steps of 6 h:
//
//	Δx' = Local(place) + B0 + B1·x + B2·Beyond(x) + C·Δx + Noise(x)·ε,   x = ln DP [hPa]
//
// an autoregression as in Vickery, Skerlj and Twisdale 2000 (J. Struct. Eng. 126: 1222), with a local
// term in place of sea temperature. ε is drawn from the fit's own standardised residuals.
type Intensity struct {
	B0    float64   `json:"b0"`
	B1    float64   `json:"b1"`
	B2    float64   `json:"b2"`
	C     float64   `json:"c"`
	Grid  Grid      `json:"grid"`
	Local []float64 `json:"local"` // by node
	// Noise is the residual's sd at the values of x in NoiseAt, linear between.
	NoiseAt []float64 `json:"noise_at"`
	Noise   []float64 `json:"noise"`
	// Residual is the quantile function of ε at equally spaced probabilities from 0 to 1.
	Residual []float64 `json:"residual"`
	MaxDP    float64   `json:"max_dp"` // hPa; the cap on DP
	N        int       `json:"n"`
}

// PressureWind relates the best-track wind to the pressure deficit: V = A·DP^P·exp(η),
// V in knots, with η constant for a storm, normal with sd SD.
type PressureWind struct {
	A  float64 `json:"a"`
	P  float64 `json:"p"`
	SD float64 `json:"sd"`
	N  int     `json:"n"`
}

// Wind is the median best-track wind (knots, 1-min) at a pressure deficit (hPa).
func (pw PressureWind) Wind(dp float64) float64 { return pw.A * fmath.Pow(dp, pw.P) }

// DP is the inverse of Wind.
func (pw PressureWind) DP(wind float64) float64 { return fmath.Pow(wind/pw.A, 1/pw.P) }

// LandfallFit holds the rates of the record and the weights that bring the model to them.
// A storm that makes the hits h has weight exp(Σ Lambda[h]); it is kept with probability
// weight / MaxWeight, and candidates are drawn MaxWeight times as often as the record
// has entries, so that every kept event counts once. The weights are those nearest to
// one (in Kullback-Leibler divergence) that give the target rates.
type LandfallFit struct {
	Hits      []HitFit `json:"hits"`
	MaxWeight float64  `json:"max_weight"`
	Trials    int      `json:"trial_years"` // simulated years behind Model
}

// HitFit is one kind of strike: a hurricane, or a major one, that made landfall on one coast or passed near a city.
type HitFit struct {
	Region string  `json:"region"` // NW, SW, SE, NE, FL for any of them, or a city of geography.Cities
	Major  bool    `json:"major"`
	Record int     `json:"record"`        // storms in the record's years
	Model  float64 `json:"model_rate"`    // per year, before weighting
	Target float64 `json:"target_rate"`   // per year: the record shrunk towards the model
	Lambda float64 `json:"lambda"`        // log weight
	Prior  float64 `json:"prior_years"`   // years of record that the model counts for in Target
	Rate   float64 `json:"weighted_rate"` // per year, after weighting
}

// ReadClimatology reads and checks the climatology of a model pack.
func ReadClimatology(fsys fs.FS) (*Climatology, error) {
	text, err := fs.ReadFile(fsys, ClimatologyFile)
	if err != nil {
		return nil, fmt.Errorf("reading the climatology: %w", err)
	}
	c := new(Climatology)
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("reading %s: %w", ClimatologyFile, err)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%s: %w; derive it again with engine/hazard/fit", ClimatologyFile, err)
	}
	c.Prepare()
	return c, nil
}

// Prepare computes what the simulation needs beyond the file; ReadClimatology calls it.
func (c *Climatology) Prepare() { c.lnMaxDP = fmath.Log(c.Intensity.MaxDP) }

func (c *Climatology) check() error {
	n, k := c.Motion.Grid.Nodes(), c.Intensity.Grid.Nodes()
	switch {
	case c.LastYear <= c.FirstYear:
		return fmt.Errorf("years %d to %d", c.FirstYear, c.LastYear)
	case len(c.Entries) == 0:
		return fmt.Errorf("no entries")
	case n == 0 || len(c.Motion.Seasons) == 0 || k == 0 || len(c.Intensity.Local) != k:
		return fmt.Errorf("grids of %d and %d nodes", n, k)
	case len(c.Intensity.Noise) < 2 || len(c.Intensity.Noise) != len(c.Intensity.NoiseAt) || len(c.Intensity.Residual) < 2:
		return fmt.Errorf("the intensity's residuals are not complete")
	case !c.Motion.Grid.sound() || !c.Intensity.Grid.sound():
		return fmt.Errorf("a grid needs two rows, two columns and a step above zero")
	case !(c.Landfall.MaxWeight >= 1 && c.Landfall.MaxWeight <= mostWeight):
		return fmt.Errorf("maximum weight %g: must be 1 to %d", c.Landfall.MaxWeight, mostWeight)
	case !(c.Intensity.MaxDP > minDP && c.Intensity.MaxDP < 200):
		return fmt.Errorf("largest deficit %g hPa: must be %g to 200", c.Intensity.MaxDP, minDP)
	case !(c.PressureWind.A > 0 && c.PressureWind.P > 0 && c.PressureWind.SD >= 0):
		return fmt.Errorf("pressure-wind relation %g, %g, %g", c.PressureWind.A, c.PressureWind.P, c.PressureWind.SD)
	case !slices.IsSorted(c.Intensity.NoiseAt):
		return fmt.Errorf("the deficits of the intensity's noise are not in order")
	case !slices.IsSortedFunc(c.Motion.Seasons, func(a, b Season) int { return a.Day - b.Day }):
		return fmt.Errorf("the seasons are not in order")
	}
	for _, s := range c.Motion.Seasons {
		for _, column := range [][]float64{s.U, s.V, s.PhiU, s.PhiV, s.NoisU, s.NoisV} {
			if len(column) != n {
				return fmt.Errorf("season %d has %d of %d nodes", s.Day, len(column), n)
			}
		}
	}
	return nil
}

// CandidateRate is how many storms a year are drawn at the domain's edge or forming within.
func (c *Climatology) CandidateRate() float64 {
	return float64(len(c.Entries)) / float64(c.LastYear-c.FirstYear+1) * c.Landfall.MaxWeight
}
