package evaluation

import (
	"math"
)

// CityRate is how often a hurricane's centre comes within 50 nautical miles of a city.
type CityRate struct {
	City         string  `json:"city"`
	Major        bool    `json:"major"`
	Recorded     int     `json:"recorded"`
	RecordPeriod float64 `json:"record_return_period"` // years; 0 = never in the record
	ModelPeriod  float64 `json:"model_return_period"`
	Within       bool    `json:"within"` // the model's rate lies in the 95 % interval of the record's
}

func newCityRate(name string, major bool, recorded, recordYears, modelled, years int) CityRate {
	low, high := Interval(recorded)
	rate := float64(modelled) / float64(years) * float64(recordYears)
	c := CityRate{City: name, Major: major, Recorded: recorded, Within: rate >= low && rate <= high}
	if recorded > 0 {
		c.RecordPeriod = float64(recordYears) / float64(recorded)
	}
	if modelled > 0 {
		c.ModelPeriod = float64(years) / float64(modelled)
	}
	return c
}

// GustLevel is the 3-s gust (open terrain, 10 m) with a return period at a city.
type GustLevel struct {
	City      string  `json:"city"`
	Period    float64 `json:"return_period"` // years
	Gust      float64 `json:"gust_mph"`      // 0 where less than the damage threshold
	Low       float64 `json:"low_mph"`       // 90 % sampling interval by order statistics
	High      float64 `json:"high_mph"`
	Target    float64 `json:"target_mph,omitempty"` // ASCE 7-16; 0 = none
	Tolerance float64 `json:"tolerance,omitempty"`  // as a fraction
	Within    bool    `json:"within,omitempty"`
}

// designSpeeds are ASCE 7-16 basic wind speeds, mph, exposure C, at 700 and 1,700 years (risk categories
// II and III). Read off the maps: ±5 mph. Miami's 1,700-year value lies between ASCE's 180 and the
// Florida Building Code's 186; 180 is used.
var designSpeeds = map[string][2]float64{
	"Miami":        {169, 180},
	"Key West":     {180, 200},
	"Tampa":        {140, 150},
	"Orlando":      {131, 141},
	"Jacksonville": {119, 129},
	"Pensacola":    {148, 160},
}

// tolerance of the 700-year gust: closer where the record is richest.
func tolerance(city string) float64 {
	if city == "Miami" || city == "Key West" {
		return 0.10
	}
	return 0.12
}

const mph = 0.44704 // m/s

// gustLevels are the return levels from the sorted annual maxima above zero of a number of years.
func gustLevels(city string, maxima []float64, years int) []GustLevel {
	var out []GustLevel
	for _, period := range []float64{10, 50, 100, 700, 1700} {
		expected := float64(years) / period
		if expected < 1 {
			continue
		}
		// 90 %: the level lies between the order statistics expected ± 1.645·√expected from the top.
		spread := float64(1.645 * math.Sqrt(expected*(1-1/period)))
		g := GustLevel{City: city, Period: period,
			Gust: fromTop(maxima, expected) / mph,
			Low:  fromTop(maxima, expected+spread) / mph,
			High: fromTop(maxima, math.Max(expected-spread, 1)) / mph,
		}
		if d, ok := designSpeeds[city]; ok && period >= 700 {
			g.Target, g.Tolerance = d[0], tolerance(city)
			if period == 1700 {
				g.Target = d[1]
			}
			g.Within = math.Abs(g.Gust/g.Target-1) <= g.Tolerance
		}
		out = append(out, g)
	}
	return out
}

// fromTop is the value exceeded by rank − 1 to rank values: linear between order statistics.
func fromTop(sorted []float64, rank float64) float64 {
	at := float64(len(sorted)) - rank
	if at < 0 {
		return 0
	}
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	f := at - float64(i)
	return float64((1-f)*sorted[i]) + float64(f*sorted[i+1])
}
