package modelcard

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/qrsrisk/qrsd/web/wire"
)

//go:embed record.json
var recordText []byte

// record is what the benchmark's run of record measured; a test holds it to the rows of that run.
type record struct {
	Model   string `json:"model"` // digest, hexadecimal
	Source  string `json:"source"`
	Of      string `json:"of"`
	Figures []struct {
		Column string  `json:"column"` // of replicates.csv
		What   string  `json:"what"`
		Mean   float64 `json:"mean"` // USD
		Error  float64 `json:"relative_standard_error"`
	} `json:"figures"`
	Remarks []wire.Performance `json:"remarks"`
}

func readRecord() (r record) {
	if err := json.Unmarshal(recordText, &r); err != nil {
		panic("modelcard: record.json: " + err.Error())
	}
	return r
}

// performance is what was measured of a model; none where the run of record was made with another.
func performance(model string) []wire.Performance {
	r := readRecord()
	out := []wire.Performance{}
	if r.Model != model {
		return out
	}
	for _, f := range r.Figures {
		out = append(out, wire.Performance{What: f.What, Measured: fmt.Sprintf("%.3f million USD ± %.2f %%", f.Mean/1e6, 100*f.Error), Of: r.Of + " (" + r.Source + "/replicates.csv)"})
	}
	return append(out, r.Remarks...)
}
