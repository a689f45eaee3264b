package results

import (
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
)

// Codes of the reference implementation.
const (
	sampleTypeMean   = 1  // analytical mean
	sampleTypeSample = 2  // from the samples
	sampleIDMean     = -1 // the "sample" that is the mean
)

// Tables are all tables of a run, in a fixed order; r is the report of t. They read t and r when their
// rows are asked for: neither may change before.
func Tables(t *loss.Table, r *metrics.Report) []Table {
	list := []Table{summaryInfo(r)}
	for p := range loss.NumPerspectives {
		list = append(list,
			sampleTable(t, p, false), sampleTable(t, p, true),
			momentTable(t, p, false), momentTable(t, p, true),
			ept(r, p), palt(r, p), aal(r, p), bands(r, p))
	}
	return list
}

func summaryInfo(r *metrics.Report) Table {
	var rows [][]any
	add := func(id int32, s loss.Summary) {
		rows = append(rows, []any{id, s.Level.String(), s.Key, s.Name, s.TIV})
	}
	for _, s := range r.Summaries {
		add(s.ID, s.Summary)
	}
	for _, list := range [][]metrics.MomentMetrics{r.ZIPs, r.Accounts} {
		for _, s := range list {
			add(s.ID, s.Summary)
		}
	}
	return New("summary-info", []Column{{"SummaryId", Int32}, {"Level", String}, {"Key", String}, {"Name", String}, {"TIV", Float64}}, rows)
}

func sampleType(r *metrics.Report) int32 {
	if r.Samples == 0 {
		return sampleTypeMean
	}
	return sampleTypeSample
}

// ept is ORD's exceedance probability table: the losses of a curve, then its TVaRs.
func ept(r *metrics.Report, p loss.Perspective) Table {
	var rows [][]any
	for _, s := range r.Summaries {
		for _, c := range s.Perspectives[p].Curves {
			for _, tvar := range []bool{false, true} {
				for _, pt := range c.Points {
					if !pt.Available {
						continue
					}
					kind, x := c.Type, pt.Loss
					if tvar {
						kind, x = kind+1, pt.TVaR
					}
					rows = append(rows, []any{s.ID, int32(c.Calc), int32(kind), pt.ReturnPeriod, x})
				}
			}
		}
	}
	return New(p.String()+"_ept", []Column{{"SummaryId", Int32}, {"EPCalc", Int32}, {"EPType", Int32}, {"ReturnPeriod", Float32}, {"Loss", Float32}}, rows)
}

// bands are the curves in words, with the band of each point.
func bands(r *metrics.Report, p loss.Perspective) Table {
	var rows [][]any
	for _, s := range r.Summaries {
		for _, c := range s.Perspectives[p].Curves {
			for _, pt := range c.Points {
				if !pt.Available || !c.Banded {
					continue
				}
				rows = append(rows,
					[]any{s.ID, c.Calc.String(), c.Type.String(), pt.ReturnPeriod, pt.Loss, pt.LossBand.Low, pt.LossBand.High, unbounded(pt.LossBand)},
					[]any{s.ID, c.Calc.String(), (c.Type + 1).String(), pt.ReturnPeriod, pt.TVaR, pt.TVaRBand.Low, pt.TVaRBand.High, unbounded(pt.TVaRBand)})
			}
		}
	}
	return New(p.String()+"_bands", []Column{{"SummaryId", Int32}, {"Calculation", String}, {"Type", String}, {"ReturnPeriod", Float64},
		{"Loss", Float64}, {"LowerCI", Float64}, {"UpperCI", Float64}, {"UpperCIUnbounded", Int32}}, rows)
}

func unbounded(b metrics.Band) int32 {
	if b.Unbounded {
		return 1
	}
	return 0
}

// palt is ORD's period average loss table, of all summaries, ZIPs and accounts.
func palt(r *metrics.Report, p loss.Perspective) Table {
	var rows [][]any
	kind := sampleType(r)
	for _, s := range r.Summaries {
		a := s.Perspectives[p].Annual
		rows = append(rows, []any{s.ID, kind, a.AAL, a.SD})
	}
	for _, list := range [][]metrics.MomentMetrics{r.ZIPs, r.Accounts} {
		for _, s := range list {
			m := s.Perspectives[p]
			rows = append(rows, []any{s.ID, kind, m.AAL, m.SD})
		}
	}
	return New(p.String()+"_palt", []Column{{"SummaryId", Int32}, {"SampleType", Int32}, {"MeanLoss", Float32}, {"SDLoss", Float32}}, rows)
}

// aal is the annual loss with its errors. For ZIPs and accounts only AAL, its largest
// possible standard error, and SD are known; the rest is 0.
func aal(r *metrics.Report, p loss.Perspective) Table {
	var rows [][]any
	for _, s := range r.Summaries {
		a := s.Perspectives[p].Annual
		rows = append(rows, []any{s.ID, a.AAL, a.AALStdErr, a.AALBand.Low, a.AALBand.High, a.SD, a.SDYears, a.SDStdErr, a.Largest})
	}
	for _, list := range [][]metrics.MomentMetrics{r.ZIPs, r.Accounts} {
		for _, s := range list {
			m := s.Perspectives[p]
			rows = append(rows, []any{s.ID, m.AAL, m.AALStdErr, 0.0, 0.0, m.SD, 0.0, 0.0, 0.0})
		}
	}
	return New(p.String()+"_aal", []Column{{"SummaryId", Int32}, {"AAL", Float64}, {"AALStandardError", Float64}, {"LowerCI", Float64}, {"UpperCI", Float64},
		{"SD", Float64}, {"SDOfYearMeans", Float64}, {"SDStandardError", Float64}, {"LargestYear", Float64}}, rows)
}
