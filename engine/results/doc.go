// Package results lays a run's figures out as tables: those of the Open Results Data
// standard (ORD) with its columns and types, and a few of our own.
//
// A Table is columns and row groups made on demand, so that a table of ten million rows
// needs the memory of one group. WriteCSV writes it as CSV, results/parquet as Parquet,
// and Digest is the canonical digest that a seal covers: over the full float64 bits,
// never over the bytes of a file.
//
// ORD tables, one set for each perspective (gu_ ground-up, gr_ gross), names and codes as
// the reference implementation writes them (Oasis pytools 2.x):
//
//	selt  event losses by sample           splt  the same by period
//	melt  event moments over samples       mplt  the same by period
//	ept   exceedance curves                palt  AAL and standard deviation
//
// Our own: summary-info (what each SummaryId is), aal (AAL and standard deviation with
// their errors) and bands (the exceedance curves with confidence bands and with type and
// calculation in words). The last two carry float64.
//
// Where ORD leaves room: SampleId -1 is the mean of a mean-only run, whose SampleType is 1
// and whose ChanceOfLoss, SDLoss and MaxLoss, not known, are 0; else SampleType is 2 and
// MaxLoss is the largest sample, not the largest possible loss. Samples, events and return
// periods without a loss have no row in the loss tables; a return period beyond the simulated
// years has none in ept and bands. EventRate and PeriodWeight are 1/Years.
//
// Not written: ALCT, whose standard error in the reference implementation leaves
// the years out (see aal instead), and the quantile tables QELT, QPLT.
//
// Begin with Tables.
package results
