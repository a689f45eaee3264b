// Package exposure turns OED files (Open Exposure Data 3, 4 and 5) into a Portfolio.
//
// It holds the column table of OED for US wind, the reader of CSV, the row checks and
// their faults (file, line, column, value, reason, fix), geocoding by ZIP and
// county, and the portfolio's digest. It does not apply terms (engine/terms) and knows no
// hazard; the places of ZIP codes and counties come from a Geocoder (engine/geography). Reading
// Parquet is in exposure/parquet, because the Parquet library links net/http.
//
// # The way of a row
//
// A Source gives rows of text. readTable takes them one by one: table.parse checks each value
// against its column (columns.csv: type, length, range, codes; an empty cell has OED's
// default) and puts it into a scratch row; the checks of readlocation.go and readaccount.go
// then look at the row as a whole and at the rows before it, of which only hashes
// are remembered. A row without faults is stored, unless a fault was found before: then
// the rest is only checked. At the end the rows are sorted into canonical order (portfoliobuild.go).
//
// The account file is read first, so that each location can be held against it.
//
// # Memory
//
// Measured on 1,000,000 rows of 33 columns with their own addresses and limits
// (BenchmarkRead1M, BenchmarkValidate1M): Read peaks at 0.9 GB of heap, of which the
// Locations are half; Validate at 0.13 GB. Equal strings and equal terms are shared; text
// columns that nothing uses are kept as dictionary and codes; a CSV file whose size is known
// has its memory made once, since growing by copying costs twice the portfolio.
//
// Begin with Portfolio in portfolio.go, then Read.
package exposure
