package metrics

import "github.com/qrsrisk/qrsd/engine/loss"

// EPType is what an exceedance figure is of; the values are ORD's EPType.
type EPType int32

// The exceedance types of ORD.
const (
	OEP     EPType = 1 // largest event loss of the year
	OEPTVaR EPType = 2 // mean of the tail of OEP
	AEP     EPType = 3 // sum of the year's event losses
	AEPTVaR EPType = 4 // mean of the tail of AEP
)

// String is the type in words.
func (t EPType) String() string {
	return [...]string{"", "OEP", "OEP TVaR", "AEP", "AEP TVaR"}[t]
}

// EPCalc is how samples enter a curve; the values are ORD's EPCalc as the reference
// implementation writes them (the 2020 schema says otherwise).
type EPCalc int32

// The calculations of ORD.
const (
	MeanDR        EPCalc = 1 // from the mean loss of each event; mean-only runs
	Full          EPCalc = 2 // all samples as years of their own
	PerSampleMean EPCalc = 3 // a curve for each sample, averaged rank by rank
	MeanSample    EPCalc = 4 // one curve of the yearly losses averaged over samples
)

// String is the calculation in words.
func (c EPCalc) String() string {
	return [...]string{"", "MeanDR", "Full", "PerSampleMean", "MeanSample"}[c]
}

// Report holds the figures of a table. Money is in the portfolio's currency.
type Report struct {
	Years         int
	Samples       int // 0: mean-only
	ReturnPeriods []float64
	Confidence    float64          // of all bands, 0.9 for 90 %
	Summaries     []SummaryMetrics // of Table.Summaries, in that order
	ZIPs          []MomentMetrics
	Accounts      []MomentMetrics
}

// Headline is the calculation whose curves are reported first: Full, or MeanDR when mean-only.
func (r *Report) Headline() EPCalc {
	if r.Samples == 0 {
		return MeanDR
	}
	return Full
}

// SummaryMetrics are the figures of one summary.
type SummaryMetrics struct {
	ID           int32 // ORD SummaryId
	Summary      loss.Summary
	Perspectives [loss.NumPerspectives]Metrics
}

// Metrics are the figures of one summary and perspective.
type Metrics struct {
	Annual Annual
	Curves []Curve // by EPCalc with the headline first, OEP before AEP
}

// Curve is the curve of a type and calculation; nil when the report has none.
func (m *Metrics) Curve(t EPType, c EPCalc) *Curve {
	for i := range m.Curves {
		if m.Curves[i].Type == t && m.Curves[i].Calc == c {
			return &m.Curves[i]
		}
	}
	return nil
}

// Annual are the moments of the annual (aggregate) loss.
type Annual struct {
	AAL       float64 // average annual loss
	AALStdErr float64 // over years
	AALBand   Band
	// SD is the standard deviation over all years and samples; SDYears that of the
	// yearly means over samples, without the part that samples add.
	SD, SDYears float64
	SDStdErr    float64 // of SD, over years
	// Largest is the largest annual loss of any cell.
	Largest float64
}

// Band is a confidence interval. Unbounded says that the catalogue is too short for an
// upper limit at this confidence; High is then 0.
type Band struct {
	Low, High float64
	Unbounded bool
}

// Curve is an exceedance curve at the report's return periods.
type Curve struct {
	Type   EPType // OEP or AEP; each point carries its TVaR
	Calc   EPCalc
	Banded bool // false for PerSampleMean, whose ranks are averages
	Points []Point
}

// Point is a curve at one return period. Available is false, and all else zero, where
// the return period exceeds the simulated years.
type Point struct {
	ReturnPeriod float64 // years
	Available    bool
	Loss         float64
	LossBand     Band
	TVaR         float64
	TVaRStdErr   float64
	TVaRBand     Band
}

// MomentMetrics are the figures of a ZIP or account, for which only moments are kept.
type MomentMetrics struct {
	ID           int32 // ORD SummaryId: numbered on from Table.Summaries, ZIPs then accounts
	Summary      loss.Summary
	Perspectives [loss.NumPerspectives]Moment
}

// Moment is the AAL and SD from sums of powers. The moments do not tell the samples
// of one year apart, so AALStdErr is SD/sqrt(Years): the largest it can be,
// reached when all samples of a year agree.
type Moment struct {
	AAL, SD, AALStdErr float64
}
