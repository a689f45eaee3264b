package evaluation

import (
	"math"
	"sort"

	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/internal/fmath"
)

// Rate is how often hurricanes strike a coast, in the record and in the model.
type Rate struct {
	Region     string  `json:"region"`
	Major      bool    `json:"major"`
	Recorded   int     `json:"recorded"`
	RecordRate float64 `json:"record_rate"` // per year
	Low        float64 `json:"low"`         // 95 % Poisson interval of the record's rate
	High       float64 `json:"high"`
	ModelRate  float64 `json:"model_rate"`
	Within     bool    `json:"within"`
}

func newRate(h hit, recorded, recordYears, modelled, years int) Rate {
	low, high := Interval(recorded)
	n := float64(recordYears)
	r := Rate{Region: h.region, Major: h.major, Recorded: recorded, RecordRate: float64(recorded) / n,
		Low: low / n, High: high / n, ModelRate: float64(modelled) / float64(years)}
	r.Within = r.ModelRate >= r.Low && r.ModelRate <= r.High
	return r
}

// Count is the share of years with a number of landfalling hurricanes (Form S-1).
type Count struct {
	Landfalls int     `json:"landfalls"`
	Record    float64 `json:"record"`
	Model     float64 `json:"model"`
}

func annualCounts(record *hazard.Record, counts [11]int, years int) []Count {
	inYear := map[int]int{}
	for _, s := range record.Strikes {
		if s.First {
			inYear[s.Year]++
		}
	}
	var recorded [11]int
	for y := record.FirstYear; y <= record.LastYear; y++ {
		recorded[min(inYear[y], 10)]++
	}
	var out []Count
	for k := range counts {
		out = append(out, Count{k, float64(recorded[k]) / float64(record.Years()), float64(counts[k]) / float64(years)})
	}
	return out
}

// Distribution compares a quantity at storms' first landfall. Distance is the largest
// difference of the two distribution functions, P its probability if both were the same
// (Kolmogorov-Smirnov, asymptotic, the model's sample taken as exact).
type Distribution struct {
	Name     string    `json:"name"`
	Unit     string    `json:"unit"`
	N        int       `json:"n"` // in the record
	At       []float64 `json:"at"`
	Record   []float64 `json:"record"`
	Model    []float64 `json:"model"`
	Distance float64   `json:"ks_distance"`
	P        float64   `json:"ks_p"`
}

var quantiles = []float64{0.05, 0.25, 0.5, 0.75, 0.95}

func distributions(record *hazard.Record, first []hazard.Landfall) []Distribution {
	var pressure, speed, wind []float64
	for _, s := range record.Strikes {
		if !s.First {
			continue
		}
		if s.Pressure > 0 {
			pressure = append(pressure, s.Pressure)
		}
		speed = append(speed, s.Speed)
		wind = append(wind, s.Wind)
	}
	column := func(get func(hazard.Landfall) float64) []float64 {
		var v []float64
		for _, l := range first {
			v = append(v, get(l))
		}
		return v
	}
	if len(first) == 0 || len(pressure) == 0 {
		return nil // nothing to compare
	}
	return []Distribution{
		compare("central pressure", "hPa", pressure, column(func(l hazard.Landfall) float64 { return l.Pressure })),
		compare("maximum wind", "kt", wind, column(func(l hazard.Landfall) float64 { return l.Wind })),
		compare("translation speed", "m/s", speed, column(func(l hazard.Landfall) float64 { return l.Speed })),
	}
}

func compare(name, unit string, record, model []float64) Distribution {
	sort.Float64s(record)
	sort.Float64s(model)
	d := Distribution{Name: name, Unit: unit, N: len(record), At: quantiles}
	for _, p := range quantiles {
		d.Record = append(d.Record, quantile(record, p))
		d.Model = append(d.Model, quantile(model, p))
	}
	for i, v := range record {
		below := float64(sort.SearchFloat64s(model, v)) / float64(max(len(model), 1))
		upTo := float64(sort.Search(len(model), func(k int) bool { return model[k] > v })) / float64(max(len(model), 1))
		n := float64(len(record))
		d.Distance = max(d.Distance, math.Abs(float64(i)/n-below), math.Abs(float64(i+1)/n-upTo))
	}
	d.P = kolmogorov(d.Distance, len(record))
	return d
}

// quantile is the linear-interpolation quantile of sorted values (R type 7).
func quantile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := float64(p * float64(len(sorted)-1))
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	f := at - float64(i)
	return float64((1-f)*sorted[i]) + float64(f*sorted[i+1])
}

// kolmogorov is the probability of a distance at least d between n draws and their
// distribution (Stephens' form of the asymptotic series, Numerical Recipes 14.3.18).
func kolmogorov(d float64, n int) float64 {
	if n == 0 {
		return math.NaN()
	}
	root := math.Sqrt(float64(n))
	x := (root + 0.12 + 0.11/root) * d
	if x < 0.2 {
		return 1 // the series converges too slowly to show the 1e-12 that is missing
	}
	sum, sign := 0.0, 1.0
	for k := 1; k <= 100; k++ {
		sum += float64(sign * fmath.Exp(-2*x*x*float64(k*k)))
		sign = -sign
	}
	return min(1, max(0, 2*sum))
}

// Share compares the shares of first landfalls by month or by direction of motion.
type Share struct {
	Kind   string  `json:"kind"` // month or heading
	Name   string  `json:"name"`
	Record float64 `json:"record"`
	Model  float64 `json:"model"`
	N      int     `json:"n"` // storms of the record in the class
}

func shares(record *hazard.Record, first []hazard.Landfall, months []int) []Share {
	var recordMonths, recordOctants, octants []int
	for _, s := range record.Strikes {
		if s.First {
			recordMonths = append(recordMonths, s.Month)
			recordOctants = append(recordOctants, int(s.Heading/45)%8)
		}
	}
	for _, l := range first {
		octants = append(octants, int(l.Heading/45)%8)
	}
	names := [...]string{"", "", "", "", "", "May", "June", "July", "August", "September", "October", "November", "December"}
	var out []Share
	for m := 5; m <= 12; m++ {
		out = append(out, newShare("month", names[m], m, recordMonths, months))
	}
	sectors := [...]string{"N-NE", "NE-E", "E-SE", "SE-S", "S-SW", "SW-W", "W-NW", "NW-N"}
	for k, s := range sectors {
		out = append(out, newShare("heading", s, k, recordOctants, octants))
	}
	return out
}

func newShare(kind, name string, value int, record, model []int) Share {
	count := func(vs []int) int {
		n := 0
		for _, v := range vs {
			if v == value {
				n++
			}
		}
		return n
	}
	n := count(record)
	return Share{kind, name, float64(n) / float64(max(len(record), 1)), float64(count(model)) / float64(max(len(model), 1)), n}
}
