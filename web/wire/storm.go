package wire

// StormTrack is the way of one simulated storm of a run: GET /api/v1/runs/{id}/events/{event}/track. It is recomputed from model, spec and
// event, to the bits that the run used; units are made miles and miles per hour here.
type StormTrack struct {
	Run       string       `json:"run"`
	Event     int          `json:"event"`          // EventId of the tables
	Name      string       `json:"name,omitempty"` // of a storm of the record
	Year      int          `json:"year"`           // simulated, from 1
	Month     int          `json:"month"`          // of the day from whose start, 00 UTC, hours count
	Day       int          `json:"day"`
	Category  int          `json:"category"` // the highest at a landfall; 0: it made none as a hurricane
	Points    []TrackPoint `json:"points"`   // hourly, of a storm of the record also at its fixes
	Landfalls []Landfall   `json:"landfalls"`
}

// TrackPoint is a storm at one time.
type TrackPoint struct {
	Hour     float64 `json:"hour"` // since 00 UTC of the track's day
	Lat      float64 `json:"lat"`  // degrees, WGS 84
	Lon      float64 `json:"lon"`
	Wind     float64 `json:"wind_mph"`     // maximum sustained (1-minute, 10 m)
	Pressure float64 `json:"pressure_hpa"` // central
	Rmax     float64 `json:"rmax_miles"`   // radius of maximum wind
	Category int     `json:"category"`     // Saffir-Simpson; 0 below hurricane strength
	Land     bool    `json:"land"`         // its centre is over land
}

// Landfall is an entry of a storm's centre into Florida as a hurricane.
type Landfall struct {
	Hour       float64 `json:"hour"` // as of a TrackPoint
	Lat        float64 `json:"lat"`
	Lon        float64 `json:"lon"`
	Region     string  `json:"region"`                // of the coast: NW, SW, SE, NE
	County     string  `json:"county,omitempty"`      // its name; absent: none is near
	CountyFIPS string  `json:"county_fips,omitempty"` // such as 12086
	Category   int     `json:"category"`              // 1 to 5
	Wind       float64 `json:"wind_mph"`              // maximum sustained, the last value over water
	Pressure   float64 `json:"pressure_hpa"`          // central, the last value over water
	Rmax       float64 `json:"rmax_miles"`
	Heading    float64 `json:"heading"`   // degrees clockwise from north, towards
	Speed      float64 `json:"speed_mph"` // of the storm's centre
}

// StormFootprint is the peak wind of one simulated storm over the land of Florida: GET /api/v1/runs/{id}/events/{event}/footprint.
// Cells lie on the grid on which the run computed wind; those that no damaging gust reaches are absent.
type StormFootprint struct {
	Run         string     `json:"run"`
	Event       int        `json:"event"`
	CellDegrees float64    `json:"cell_degrees"`  // side of a cell
	Threshold   float64    `json:"threshold_mph"` // the least gust that damages
	Cells       []GustCell `json:"cells"`
}

// GustCell is the peak gust in a cell.
type GustCell struct {
	Lat  float64 `json:"lat"` // of its centre, degrees
	Lon  float64 `json:"lon"`
	Gust float64 `json:"gust_mph"` // peak 3-second gust in open terrain at 10 m
}

// StormLosses are the losses of one simulated storm by parts of the portfolio, as the tables of the run have them:
// GET /api/v1/runs/{id}/events/{event}/losses.
type StormLosses struct {
	Basis Basis           `json:"basis"`
	Event int             `json:"event"`
	Items []StormPartLoss `json:"items"` // the portfolio, then lines of business, then counties
}

// StormPartLoss is the loss of one simulated storm to a part of the portfolio.
type StormPartLoss struct {
	Summary      Summary    `json:"summary"`
	FootprintTIV float64    `json:"footprint_tiv"` // insured value of sites with damaging wind
	GroundUp     StormLoss  `json:"ground_up"`
	Gross        *StormLoss `json:"gross,omitempty"` // absent: there is none
}

// StormSites is a part of the insured sites with damaging wind of one simulated storm, the largest loss ground-up first:
// GET /api/v1/runs/{id}/events/{event}/sites. They are recomputed from the portfolio as it was imported.
type StormSites struct {
	Basis      Basis       `json:"basis"`
	Event      int         `json:"event"`
	Total      int         `json:"total"` // sites with damaging wind
	Items      []StormSite `json:"items"`
	NextCursor string      `json:"next_cursor,omitempty"`
}

// StormSite is what one storm does to one insured site. Losses are means over the draws of damage.
type StormSite struct {
	Portfolio  string  `json:"portfolio,omitempty"` // OED PortNumber
	Account    string  `json:"account"`             // OED AccNumber
	Location   string  `json:"location"`            // OED LocNumber
	Lat        float64 `json:"lat"`
	Lon        float64 `json:"lon"`
	CountyFIPS string  `json:"county_fips"`
	ZIP        string  `json:"zip,omitempty"`
	TIV        float64 `json:"tiv"`
	Gust       float64 `json:"gust_mph"` // peak 3-second gust in open terrain at 10 m
	GroundUp   float64 `json:"ground_up"`
	Gross      float64 `json:"gross"`
}
