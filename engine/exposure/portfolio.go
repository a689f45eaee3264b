package exposure

// Coverage is an OED coverage group: the suffix of every deductible and limit
// column (LocDed1Building … LocDed6All). The first four are things insured;
// PD is their sum without BI, All the sum of the four.
type Coverage uint8

// The coverage groups, by their OED numbers.
const (
	Building Coverage = 1
	Other    Coverage = 2
	Contents Coverage = 3
	BI       Coverage = 4
	PD       Coverage = 5
	All      Coverage = 6
)

// NumTIV is how many coverages carry an insured value of their own.
const NumTIV = 4

// AmountType says what a deductible or limit is a share of (OED DedType, LimitType).
type AmountType uint8

// The amount types of OED.
const (
	Amount       AmountType = 0 // an amount of money
	ShareOfLoss  AmountType = 1 // a fraction of the loss
	ShareOfValue AmountType = 2 // a fraction of the total insured value
)

// CoverageTerms are the deductible and limit of one coverage group at one level
// (location, condition, policy, account). Zero means "no term", as in OED.
type CoverageTerms struct {
	Coverage       Coverage
	DedCode        uint8
	DedType        AmountType
	LimitCode      uint8
	LimitType      AmountType
	Ded            float64
	MinDed, MaxDed float64
	Limit          float64 // 0 = none
}

// Portfolio is one imported OED exposure: nothing in it depends on the order of
// rows in the files it came from.
type Portfolio struct {
	Currency  string
	Locations []Location // sorted by PortNumber, AccNumber, LocNumber, CondTag; one account's are adjacent
	Accounts  []Account  // sorted by PortNumber, AccNumber
	Columns   []Column   // what became of every column of every file
}

// Account is one account with its locations and the rows of the account file that name it.
// A location file without an account file gives accounts without rows: no policy terms apply.
type Account struct {
	PortNumber, AccNumber string
	First, Count          int // Locations[First : First+Count] of the portfolio
	Rows                  []AccountRow
}

// LOB is the account's line of business: that of its rows where they agree,
// "mixed" where they do not, "unspecified" where none is given.
func (a Account) LOB() string {
	lob := ""
	for _, r := range a.Rows {
		switch {
		case r.LOB == "" || r.LOB == lob:
		case lob == "":
			lob = r.LOB
		default:
			return "mixed"
		}
	}
	if lob == "" {
		return "unspecified"
	}
	return lob
}

// AccountRow is one row of an OED account file: a policy layer, with the
// condition or the step it carries, if any. A policy with two layers and two
// conditions has four rows; terms.Compile finds the structure in them.
type AccountRow struct {
	Line                                 int // of the account file, for messages
	PolNumber, LOB                       string
	PolPerilsCovered, PolPeril, AccPeril string
	CoversWind                           bool // PolPerilsCovered contains WTC
	PolicyForWind, AccountForWind        bool // Policy, Account apply to WTC: their perils contain it, or are blank
	LayerNumber                          int
	LayerParticipation                   float64 // [0,1], default 1
	LayerLimit                           float64 // 0 = unlimited
	LayerAttachment                      float64
	AccParticipation                     float64 // [0,1], default 1
	Policy, Account                      []CoverageTerms
	Condition                            *Condition
	Step                                 *Step
}

// Condition is a special condition of OED: a sub-limit or deductible over the
// locations that carry its tag.
type Condition struct {
	Tag, Number, Name, Peril string
	Priority                 int
	Class                    uint8 // 1 = policy restriction: only tagged locations are covered
	ForWind                  bool  // the condition applies to WTC: Peril contains it, or is blank
	Terms                    []CoverageTerms
}

// Step is one step of a step policy: its columns by their OED names, as read.
// terms.Compile calculates those it knows and refuses the rest.
type Step struct {
	Columns map[string]string
}

// GeocodeQuality says how a location's coordinates were found.
type GeocodeQuality uint8

// Geocode qualities, best first.
const (
	GeocodeGiven  GeocodeQuality = iota // coordinates in the file
	GeocodeZIP                          // representative point of the ZIP code
	GeocodeCounty                       // representative point of the county
)

// Location is one row of an OED location file.
type Location struct {
	Line                             int // of the location file, for messages; no result depends on it
	PortNumber, AccNumber, LocNumber string
	Key                              uint64 // hash of the three numbers: the site's identity for random numbers

	CountryCode, AreaCode, PostalCode string
	CountyFIPS                        string // "12086"; of the coordinates. A ZIP+4 PostalCode is cut to its five digits
	Latitude, Longitude               float64
	Geocode                           GeocodeQuality

	OccupancyCode, ConstructionCode int
	YearBuilt                       int // 0 = unknown
	NumberOfStoreys                 int // 0 = unknown; -1 low, -2 mid, -3 high rise
	NumberOfBuildings               int
	IsAggregate                     bool
	FloorArea                       float64 // square metres; 0 = unknown
	BuildingHeight                  float64 // metres; 0 = unknown
	Modifiers                       Modifiers

	TIV             [NumTIV]float64 // building, other, contents, BI
	BIPOI           float64         // period of indemnity, days; default 365
	BIWaitingPeriod float64         // days
	Participation   float64         // [0,1], default 1

	PerilsCovered, Peril        string // LocPerilsCovered, LocPeril as given
	CoversWind                  bool   // PerilsCovered contains WTC; if not, this model gives the location no loss
	TermsForWind                bool   // Terms apply to WTC: Peril contains it, or is blank
	CondTag, LocGroup, ReinsTag string
	Terms                       []CoverageTerms
	PayoutBasis                 uint8
	TerrainRoughness            uint8 // TerrainRoughness as coded by OED, 0 = unknown
	InceptionDate, ExpiryDate   string
}

// Modifiers are the OED secondary modifiers that matter for wind, as codes; 0 = unknown.
type Modifiers struct {
	YearUpgraded, RoofYearBuilt                             int
	RoofCover, RoofGeometry, RoofFrame, RoofDeck, RoofPitch uint8
	RoofAnchorage, RoofDeckAttachment, RoofCoverAttachment  uint8
	RoofEquipment, RoofMaintenance, RoofAttachedStructures  uint8
	GlassType, WindowProtection, ExternalDoors, Cladding    uint8
	FoundationType, FoundationConnection, FEMACompliance    uint8
	BuildingCondition, ConstructionQuality, BuildingShape   uint8
	BuildingExteriorOpening, TreeExposure, SmallDebris      uint8
	BrickVeneer, Chimney, Flashing, WallAttachedStructure   uint8
	AppurtenantStructure, ContentsWindVuln, TallOneStory    uint8
	MultiStoryHall                                          uint8
}

// ColumnUse says what became of a column.
type ColumnUse uint8

// Column uses.
const (
	ColumnUsed    ColumnUse = iota // read into a field above
	ColumnKept                     // a public OED column that no calculation uses; kept as text
	ColumnUnknown                  // not an OED column; kept as text and reported
)

// Column is one column of one file.
type Column struct {
	File     string // "location" or "account"
	Name     string // as in the file
	Use      ColumnUse
	NonEmpty int // rows with a value
	// Dictionary and Codes hold the text of columns that are not used: Codes by location (in
	// the order of Portfolio.Locations) or by account row (account by account, in the
	// order of their Rows), each an index of Dictionary, whose first entry is "". Nil for
	// used and for empty columns. See Value.
	Dictionary []string
	Codes      []uint32
}

// Value is the kept text of row i, "" for a column without any.
func (c Column) Value(i int) string {
	if c.Codes == nil {
		return ""
	}
	return c.Dictionary[c.Codes[i]]
}
