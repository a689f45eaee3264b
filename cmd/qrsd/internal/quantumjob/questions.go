package quantumjob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/quantum"
)

// ResultsFolder is the folder that `qrsd run -o` wrote.
type ResultsFolder string

var _ Questions = ResultsFolder("")

// Digest is the run's identity: that of its estimate file, "sha256:...". A folder that was moved is the same run.
func (f ResultsFolder) Digest() (string, error) {
	text, err := f.read()
	if err != nil {
		return "", err
	}
	return digestOf(text), nil
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (f ResultsFolder) read() ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(string(f), runner.EstimateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the run: %w; RUN is the folder that qrsd run -o wrote, with its quantum estimate", err)
	}
	return text, err
}

// Questions are, for each loss distribution and return period of the run, the probability of exceedance, the mean excess and the
// layer's expected loss: the answers of the panel that are one amplitude. The value at risk is a bisection over
// the first, the tail value at risk a ratio of the first two.
func (f ResultsFolder) Questions(context.Context) ([]Question, error) {
	text, err := f.read()
	if err != nil {
		return nil, err
	}
	report, err := quantum.ReadReport(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(string(f), runner.EstimateFile), err)
	}
	var all []Question
	for _, panel := range report.Panels {
		p := panel.Problem
		for _, t := range p.Periods {
			years := strconv.FormatFloat(t.ReturnPeriod, 'f', -1, 64)
			for _, q := range []struct {
				kind, text, unit string
				amplitude        quantum.Amplitude
			}{
				{"exceedance", "probability that a year's loss reaches the loss of " + years + " years", "", p.Exceedance(t.Bin)},
				{"excess", "mean of a year's loss beyond the loss of " + years + " years", currency, p.Excess(t.Bin)},
				{"layer", "expected annual loss of the layer from the loss of " + years + " years to the next return period's", currency, p.Layer(t.Loss, t.Limit)},
			} {
				all = append(all, Question{
					Run: digestOf(text), Name: slug(p.Name) + "/" + q.kind + "/" + years, Text: strings.ReplaceAll(p.Name, "_", " ") + ": " + q.text,
					Table: q.amplitude.Table, Scale: q.amplitude.Scale, Unit: q.unit,
				})
			}
		}
	}
	return all, nil
}

// currency is the unit of an amount: an estimate file does not say more.
const currency = "the portfolio's currency"

// slug is a name as it is typed: lower case, hyphens for what is neither letter nor digit.
func slug(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
}

// Pick is the question with a name. The error lists what there is.
func Pick(ctx context.Context, from Questions, name string) (Question, error) {
	all, err := from.Questions(ctx)
	if err != nil {
		return Question{}, err
	}
	var names []string
	for _, q := range all {
		if q.Name == name {
			return q, nil
		}
		names = append(names, q.Name)
	}
	if len(names) == 0 {
		return Question{}, errors.New("the run has no question for a device: no return period of it has a loss")
	}
	return Question{}, fmt.Errorf("question %q: the run has %s", name, strings.Join(names, ", "))
}
