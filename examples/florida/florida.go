// Package florida holds the synthetic sample portfolio within the program, for appliances that are made to try the product. What it is and how it
// was made stands in README.md; the program that makes it is in generate. Nothing of it is real but the places.
package florida

import "embed"

//go:embed location.csv account.csv faulty-location.csv
var files embed.FS

// Name is what the sample portfolio is called wherever it is imported: nobody is to take it for an insurer's.
const Name = "Florida sample, synthetic"

// Names of the files.
const (
	Location = "location.csv"        // 5,000 locations
	Account  = "account.csv"         // their policies
	Faulty   = "faulty-location.csv" // a location file with faults in it, to try an import with
)

// Read gives the bytes of one of the files. An error names a file that there is not.
func Read(name string) ([]byte, error) { return files.ReadFile(name) }
