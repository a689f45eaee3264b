// Package exposure turns OED files (Open Exposure Data 3, 4 and 5) into a Portfolio.
//
// It holds the column table of OED for US wind, the readers, the row checks and
// their faults (file, line, column, value, reason, fix), and geocoding by ZIP and
// county. It does not apply terms (engine/terms) and knows no hazard. Reading
// Parquet is in exposure/parquet, because the Parquet library links net/http.
//
// Begin with Portfolio in portfolio.go.
package exposure
