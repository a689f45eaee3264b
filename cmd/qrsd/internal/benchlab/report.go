package benchlab

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"html/template"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed report.html
var pageText string

// Report is what WriteReport wrote.
type Report struct {
	Folder     string
	Digest     string // of ReportFile
	Evaluation *Evaluation
}

// WriteReport writes the evaluation into the folder: as JSON with its digest (what a meta-seal binds), as a page that
// needs nothing but itself, and the replicates as CSV. standing is the state of the sign-off, in the words of
// Evidence.Standing.
func WriteReport(folder string, p *Plan, e *Evaluation, standing string) (*Report, error) {
	var rows, page bytes.Buffer
	if err := WriteRows(&rows, e.Rows); err != nil {
		return nil, err
	}
	if err := writePage(&page, p, e, standing); err != nil {
		return nil, fmt.Errorf("writing the page: %w", err)
	}
	digest, err := write(folder, ReportFile, e)
	if err != nil {
		return nil, err
	}
	if err := WriteWhole(filepath.Join(folder, RowsFile), rows.Bytes()); err != nil {
		return nil, err
	}
	return &Report{folder, digest, e}, WriteWhole(filepath.Join(folder, PageFile), page.Bytes())
}

// WriteRows writes the table of replicates as CSV (RFC 4180), money in USD, numbers to the last bit.
func WriteRows(w io.Writer, rows []Row) error {
	c := csv.NewWriter(w)
	if err := c.Write([]string{"replicate", "seed", "aal", "aal_standard_error", "oep_100", "oep_250", "aep_250", "tvar_99",
		"aal_population_weighted", "landfalls", "majors", "seconds", "memory_bytes", "results", "file"}); err != nil {
		return err
	}
	for _, r := range rows {
		record := []string{strconv.Itoa(r.Number), strconv.FormatUint(r.Seed, 10)}
		for _, x := range []float64{r.AAL, r.AALError, r.OEP100, r.OEP250, r.AEP250, r.TVaR99, r.AALPeople} {
			record = append(record, number(x))
		}
		record = append(record, strconv.Itoa(r.Landfalls), strconv.Itoa(r.Majors), number(r.Seconds), strconv.FormatUint(r.Memory, 10), r.Results, r.File)
		if err := c.Write(record); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// pageData is what the page's template sees.
type pageData struct {
	*Evaluation
	Approved  *Plan
	Standing  string
	Fails     []Check
	Misses    []Check
	Variants  []Variant
	LowImpact []County
	Others    []County
}

func writePage(w io.Writer, p *Plan, e *Evaluation, standing string) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"money": money, "percent": percent, "share": func(x float64) string { return fmt.Sprintf("%.3f", x) },
		"figure": figure, "duration": func(s float64) string { return time.Duration(s * float64(time.Second)).Round(time.Second).String() },
		"mib": func(b uint64) string { return fmt.Sprintf("%d MiB", b>>20) }, "short": short, "count": count, "kind": CoastRate.kind,
		"verdict": func(v Verdict) string { return strings.ReplaceAll(string(v), " ", "-") },
	}).Parse(pageText)
	if err != nil {
		return err
	}
	data := pageData{Evaluation: e, Approved: p, Standing: standing, Variants: Variants()}
	for _, c := range e.Checks {
		switch c.Verdict {
		case Fail:
			data.Fails = append(data.Fails, c)
		case Missed:
			data.Misses = append(data.Misses, c)
		}
	}
	for _, c := range e.Counties {
		if c.LowImpact {
			data.LowImpact = append(data.LowImpact, c)
		} else {
			data.Others = append(data.Others, c)
		}
	}
	return t.Execute(w, data)
}

func percent(x float64) string { return fmt.Sprintf("%.2f %%", 100*x) }

// figure writes a number of a unit.
func figure(unit string, x float64) string {
	if unit == "USD" {
		return money(x)
	}
	return fmt.Sprintf("%.4g", x)
}

// money writes dollars in thousands where that is enough.
func money(x float64) string {
	if math.Abs(x) < 1e6 {
		return count(int64(math.Round(x)))
	}
	return count(int64(math.Round(x/1000))) + "k"
}

// count writes an integer of any type in groups of three digits.
func count(n any) string {
	s := fmt.Sprint(n)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return sign + s
}

// short is the beginning of a digest.
func short(digest string) string { return digest[:min(19, len(digest))] }
