package exposure

import (
	_ "embed"
	"encoding/csv"
	"strconv"
	"strings"
	"sync"
)

//go:embed code-names.csv
var codeNamesCSV string

// The columns whose codes have names here.
const (
	OccupancyColumn    = "OccupancyCode"
	ConstructionColumn = "ConstructionCode"
)

type namedCode struct {
	column string
	code   int
}

// codeNames reads the embedded table once; it is constant, and a fault in it is ours.
var codeNames = sync.OnceValue(func() map[namedCode]string {
	records, err := csv.NewReader(strings.NewReader(codeNamesCSV)).ReadAll()
	if err != nil {
		panic("exposure: code-names.csv: " + err.Error())
	}
	names := make(map[namedCode]string, len(records))
	for _, rec := range records[1:] {
		code, err := strconv.Atoi(rec[1])
		if err != nil {
			panic("exposure: code-names.csv: " + err.Error())
		}
		names[namedCode{rec[0], code}] = rec[2]
	}
	return names
})

// CodeName is OED's name of a code of OccupancyColumn or ConstructionColumn, "" of what is no code of it.
func CodeName(column string, code int) string {
	return codeNames()[namedCode{column, code}]
}
