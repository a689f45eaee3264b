package intake

import (
	"strings"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/web/wire"
)

// shown is how much of a value of a file is shown back, in characters.
const shown = 200

// reportView is a report as the API gives it.
func reportView(r *exposure.Report) wire.ExposureReport {
	out := wire.ExposureReport{
		Files: []wire.ExposureFile{}, Currency: r.Currency, Locations: r.Locations, Accounts: r.Accounts, Policies: r.Policies,
		TIV: tivOf(r.TIV), NotWind: r.NotWind, FaultCount: r.FaultCount, Warnings: []wire.ExposureWarning{}, Faults: []wire.ExposureFault{},
		Geocoded: wire.Geocoded{Given: r.Geocoded[exposure.GeocodeGiven], ZIP: r.Geocoded[exposure.GeocodeZIP], County: r.Geocoded[exposure.GeocodeCounty]},
	}
	for _, f := range r.Files {
		out.Files = append(out.Files, wire.ExposureFile(f))
	}
	for _, w := range r.Warnings[:min(len(r.Warnings), maxWarnings)] {
		out.Warnings = append(out.Warnings, wire.ExposureWarning{
			File: w.File, Column: clip(w.Column), Line: w.Line, Value: clip(w.Value), Reason: clip(w.Reason), Count: w.Count,
		})
	}
	for _, f := range r.Faults[:min(len(r.Faults), maxFaults)] {
		out.Faults = append(out.Faults, wire.ExposureFault{
			File: f.File, Line: f.Line, Column: clip(f.Column), Value: clip(f.Value), Reason: clip(f.Reason), Fix: clip(f.Fix),
		})
	}
	return out
}

// clip bounds a text that comes out of a file, which may hold anything.
func clip(text string) string {
	if len(text) <= shown {
		return strings.ToValidUTF8(text, "�")
	}
	all := []rune(strings.ToValidUTF8(text[:min(len(text), 4*shown)], "�"))
	if len(all) <= shown {
		return string(all)
	}
	return string(all[:shown]) + "…"
}
