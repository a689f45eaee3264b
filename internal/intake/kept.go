package intake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// Kept are the report and the sites of exposure without faults, as files that an import keeps beside the user's own: for those who
// import without a request.
func Kept(p *exposure.Portfolio, r *exposure.Report) ([]workspace.NewFile, error) {
	report := reportView(r)
	for i, f := range report.Files {
		report.Files[i].Name = path.Base(f.Name) // where the files lie is this host's own affair
	}
	var all []workspace.NewFile
	for _, one := range []struct {
		role string
		view any
	}{{"report", report}, {"sites", sitesOf(p)}} {
		text, err := json.Marshal(one.view)
		if err != nil {
			return nil, fmt.Errorf("the %s of the exposure: %w", one.role, err)
		}
		all = append(all, workspace.NewFile{Name: one.role + ".json", Role: one.role, Open: func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(append(text, '\n'))), nil
		}})
	}
	return all, nil
}
