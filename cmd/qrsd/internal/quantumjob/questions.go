package quantumjob

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
	if err != nil {
		return nil, err
	}
	return text, f.matches(digestOf(text))
}

// matches holds the estimate to the digest in the run's manifest, where there is one.
func (f ResultsFolder) matches(digest string) error {
	path := filepath.Join(string(f), "manifest.json")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var manifest struct {
		Estimate string `json:"estimate"`
	}
	if err == nil {
		err = json.Unmarshal(text, &manifest)
	}
	if err != nil {
		return fmt.Errorf("reading the run's manifest %s: %w", path, err)
	}
	if manifest.Estimate != digest {
		return fmt.Errorf("%s: its digest is %.19s, and the run's manifest has %.19q: one of them was changed since the run; run it again",
			filepath.Join(string(f), runner.EstimateFile), digest, manifest.Estimate)
	}
	return nil
}

// Questions are, for each loss distribution and return period of the run, the probability of exceedance, the mean excess and the
// layer's expected loss: the answers of the panel that are one amplitude. The value at risk is a bisection over
// the first, the tail value at risk a ratio of the first two.
func (f ResultsFolder) Questions(context.Context) ([]Question, error) {
	text, err := f.read()
	if err != nil {
		return nil, err
	}
	all, err := QuestionsOf(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(string(f), runner.EstimateFile), err)
	}
	return all, nil
}

// QuestionsOf are the questions of a run by the text of its estimate file; see ResultsFolder.Questions.
func QuestionsOf(text []byte) ([]Question, error) {
	report, err := quantum.ReadReport(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	currency := cmp.Or(report.Currency, "currency") // "" would be a probability
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
				if q.amplitude.Scale == 0 {
					continue // the answer is 0 for certain: nothing to ask a device for money
				}
				all = append(all, Question{
					Run: digestOf(text), Name: slug(p.Name) + "/" + q.kind + "/" + years, Text: strings.ReplaceAll(p.Name, "_", " ") + ": " + q.text,
					Table: q.amplitude.Table, Scale: q.amplitude.Scale, Unit: q.unit,
				})
			}
		}
	}
	return all, nil
}

// slug is a name as it is typed: lower case, hyphens for what is neither letter nor digit.
func slug(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
}

// Pick is the question with a name. The error names the nearest that there are.
func Pick(ctx context.Context, from Questions, name string) (Question, error) {
	all, err := from.Questions(ctx)
	if err != nil {
		return Question{}, err
	}
	return Named(all, name)
}

// Named is the one of a name. The error names the nearest that there are.
func Named(all []Question, name string) (Question, error) {
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
	return Question{}, fmt.Errorf("question %q: the run has none of that name; near it are %s; qrsd quantum preview RUN lists all %d",
		name, strings.Join(nearest(name, names, 4), ", "), len(names))
}

// nearest are the names that share most with what was typed: the longest common parts at the beginning and at the end.
func nearest(typed string, names []string, most int) []string {
	shared := func(name string) int {
		n, m := 0, 0
		for n < len(typed) && n < len(name) && typed[n] == name[n] {
			n++
		}
		for m < len(typed)-n && m < len(name)-n && typed[len(typed)-1-m] == name[len(name)-1-m] {
			m++
		}
		return n + m
	}
	near := slices.Clone(names)
	slices.SortStableFunc(near, func(a, b string) int { return shared(b) - shared(a) })
	return near[:min(most, len(near))]
}
