package runner

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/engine/results/excel"
)

// WorkbookFile holds every table that fits into a sheet.
const WorkbookFile = "results.xlsx"

// Workbook asks for WorkbookFile beside the other files.
type Workbook struct {
	// Limits are said on the first sheet: whoever is sent the workbook has nothing else.
	Limits []string
}

// addWorkbook writes the workbook, if it is wanted. One of an earlier run does not stay beside results that have none.
func (m *Manifest) addWorkbook(folder string, wanted *Workbook, r *engine.Result, tables []results.Table) error {
	if folder == "" {
		return nil
	}
	if wanted == nil {
		if err := os.Remove(filepath.Join(folder, WorkbookFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the workbook of an earlier run: %w", err)
		}
		return nil
	}
	facts := m.facts(r)
	for _, limit := range wanted.Limits {
		facts = append(facts, excel.Fact{Name: "Limit", Value: limit})
	}
	file, err := writeFile(folder, WorkbookFile, func(w io.Writer) error { return excel.Write(w, facts, tables) })
	if err != nil {
		return fmt.Errorf("writing %s: %w", WorkbookFile, err)
	}
	m.Files = append(m.Files, file)
	return nil
}

// facts say what the figures belong to.
func (m *Manifest) facts(r *engine.Result) []excel.Fact {
	build := m.Build.Commit
	if m.Build.Modified {
		build += ", with changes"
	}
	return []excel.Fact{
		{Name: "Program", Value: "qrsd " + m.Engine},
		{Name: "Commit", Value: build},
		{Name: "Model", Value: m.Model},
		{Name: "Portfolio", Value: m.Portfolio},
		{Name: "Years", Value: strconv.Itoa(r.Spec.Years)},
		{Name: "Draws of damage an event", Value: strconv.Itoa(r.Spec.Samples)},
		{Name: "Seed", Value: strconv.FormatUint(r.Spec.Seed, 10)},
		{Name: "Perspectives", Value: "gu_ ground-up, gr_ gross"},
		{Name: "Digests of the tables", Value: "in " + ManifestFile + ", over full float64 values"},
	}
}
