// Package metrics turns a loss.Table into figures: average annual loss, standard
// deviation, exceedance curves, tail value at risk, and how far each is known.
//
// # Rules
//
// A cell is one year and one sample; a table has N = Years x Samples of them (N =
// Years when mean-only). The annual loss of a cell is the sum of its events' losses
// (AEP) or their largest (OEP). The loss of return period T follows the reference
// implementation of ORD (Oasis pytools, lec): the i-th largest of N values has return
// period N/i, between two the loss is linear in the return period, and where the lower
// neighbour is zero the loss is zero. TVaR is the mean of the values at or above it,
// the interpolated one counted in place of the first below. Beyond Years a loss is not
// available, although samples would stretch the list further: samples of one year share
// its storms and say nothing of rarer years.
//
// # Bands
//
// Bands are for sampling error over years only: the catalogue is one draw of Years years.
// They know nothing of the model's own error. Years are independent, samples within a year
// are not, so every error is taken with the year as the unit.
//
//   - Loss at a return period: distribution-free, from order statistics (David and
//     Nagaraja, Order Statistics, 2003, §7.1). The number of cells above the true
//     quantile is binomial with N replaced by the effective number of independent
//     cells, N / design effect (Kish 1965; Korn and Graubard, Survey Methodology 24
//     (1998) 193), which lies between Years and N and is measured at the quantile.
//     With one sample, or mean-only, this is exact.
//   - TVaR: normal, with the asymptotic variance of Manistre and Hancock (North American
//     Actuarial Journal 9 (2005) 129) taken over years. For heavy tails it is too
//     short where few years lie beyond: a nominal 90 % holds the truth in about 82 % of
//     catalogues of 400 years at T = 20, lognormal events of log standard deviation 1.2.
//   - AAL and standard deviation: normal, from the variance over years (delta method).
//
// It writes no file (engine/results) and draws no number. Memory: one summary at a time,
// up to 64 bytes per active cell and worker, besides 4 bytes per table row.
//
// Begin with Summarise.
package metrics
