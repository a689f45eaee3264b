// Package parquet reads OED files in Parquet as sources of package exposure.
//
// It turns a flat Parquet table of any physical and logical types into the text
// rows that exposure checks, so that a portfolio is the same whichever format it came
// in. It makes no checks of its own beyond the shape of the table. It is apart from
// exposure because the Parquet library links net/http.
//
// Begin with Open.
package parquet
