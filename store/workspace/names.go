package workspace

import (
	"strconv"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

// OccupancyName and ConstructionName are OED's names of the codes that are keys of a Summary; "" of a key that is no code. They are not kept
// with the portfolio: its summary is counted, the names are the specification's.
func OccupancyName(key string) string { return codeName(exposure.OccupancyColumn, key) }

// ConstructionName is that of a construction.
func ConstructionName(key string) string { return codeName(exposure.ConstructionColumn, key) }

func codeName(column, key string) string {
	code, err := strconv.Atoi(key)
	if err != nil {
		return "" // the rest of a long list, which goes under a word
	}
	return exposure.CodeName(column, code)
}
