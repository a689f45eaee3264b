package benchlab

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine"
)

var thisProgram = Program{Go: "go1.26.0", Platform: "linux/amd64", Commit: "0123abcd", SHA256: "sha256:77"}

// TestRun carries a small plan out, is stopped in its third replicate, goes on, is judged and reported; and refuses what
// was altered in between.
func TestRun(t *testing.T) {
	m, plan, folder := florida(t), trial(t, 50), t.TempDir()
	options := RunOptions{Folder: folder, Workers: 2, Program: thisProgram}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stopping := options
	stopping.Progress = func(p engine.Progress) {
		if p.All != K*2*plan.Years {
			t.Errorf("progress of %d, want %d years", p.All, K*2*plan.Years)
		}
		if p.Done > 5*plan.Years {
			cancel()
		}
	}
	if _, err := Run(ctx, m, plan, stopping); !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped: %v", err)
	}
	if _, _, err := Evaluate(folder, m); !errors.Is(err, ErrUnfinished) || !strings.Contains(err.Error(), "28 of 30") {
		t.Errorf("judged before the end: %v", err)
	}
	first, err := os.ReadFile(filepath.Join(folder, replicateFile(0)))
	if err != nil {
		t.Fatal(err)
	}

	most := 0
	options.Progress = func(p engine.Progress) { most = max(most, p.Done) } // read when all is done
	options.Workers = 1
	outcome, err := Run(t.Context(), m, plan, options)
	if err != nil {
		t.Fatal(err)
	}
	if outcome.Kept != 2 || outcome.Computed != K-2 || most > 2*(K-2)*plan.Years {
		t.Errorf("%+v, progress up to %d", outcome, most)
	}
	if again, err := os.ReadFile(filepath.Join(folder, replicateFile(0))); err != nil || !bytes.Equal(again, first) {
		t.Errorf("a finished replicate was written again: %v", err)
	}
	options.Progress = nil
	if outcome, err = Run(t.Context(), m, plan, options); err != nil || outcome.Kept != K {
		t.Errorf("a finished run: %+v, %v", outcome, err)
	}

	p, e, err := Evaluate(folder, m)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range e.Checks {
		if strings.HasPrefix(c.ID, "same-bits") && c.Verdict != Pass {
			t.Errorf("%+v", c)
		}
		if c.ID == "oep-250-"+string(Equal) && c.Verdict != Fail {
			t.Errorf("a 250-year loss of 50 years: %+v", c)
		}
	}
	reported(t, folder, p, e)
	sameAsRun(t, folder, plan)
	refused(t, folder, plan)
}

// reported writes the report and holds its three files to the evaluation.
func reported(t *testing.T, folder string, p *Plan, e *Evaluation) {
	t.Helper()
	r, err := WriteReport(folder, p, e, PendingSignoff)
	if err != nil {
		t.Fatal(err)
	}
	var back Evaluation
	if digest, err := read(filepath.Join(folder, ReportFile), &back); err != nil || digest != r.Digest || len(back.Checks) != len(e.Checks) {
		t.Errorf("report of digest %s, want %s: %v", digest, r.Digest, err)
	}
	text, err := os.ReadFile(filepath.Join(folder, RowsFile))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 1+K || rows[1][2] != number(e.Rows[0].AAL) {
		t.Errorf("%d rows: %v", len(rows), err)
	}
	page, err := os.ReadFile(filepath.Join(folder, PageFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"Not for sign-off", PendingSignoff, "checks failed", e.Plan, e.Rows[29].Results[:19], "Miami-Dade", "Not decided here", "too short to have this figure"} {
		if !bytes.Contains(page, []byte(word)) {
			t.Errorf("the page does not say %q", word)
		}
	}
	for _, outside := range []string{"<script", "http://", "https://", "src=", "ZgotmplZ", "%!"} {
		if bytes.Contains(page, []byte(outside)) {
			t.Errorf("the page has %q", outside)
		}
	}
}

// sameAsRun: a replicate's digests are those of the engine for the plan's spec, on other cores.
func sameAsRun(t *testing.T, folder string, plan *Plan) {
	t.Helper()
	var r Replicate
	if _, err := read(filepath.Join(folder, replicateFile(4)), &r); err != nil {
		t.Fatal(err)
	}
	result, err := engine.Run(t.Context(), florida(t), portfolioOf(t, Equal), plan.Spec(4), engine.Options{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(TableDigests(result), r.Tables) {
		t.Error("replicate 5 has other digests than a run of its spec")
	}
}

// refused alters one thing after the other; each is found and said.
func refused(t *testing.T, folder string, plan *Plan) {
	t.Helper()
	m := florida(t)
	change := func(name string, edit func(map[string]any)) (restore func()) {
		path := filepath.Join(folder, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var d struct {
			Content map[string]any `json:"content"`
			Digest  string         `json:"digest"`
		}
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatal(err)
		}
		edit(d.Content)
		altered, _, err := Marshal(d.Content)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, altered, 0o644); err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, x := range []struct {
		name, file string
		edit       func(map[string]any)
		want       error
		says       string
	}{
		{"limit", PlanFile, func(c map[string]any) { c["limits"].(map[string]any)["state_aal_se"] = 0.5 }, ErrAltered, `"state_aal_se":0.5`},
		{"seed of the plan", PlanFile, func(c map[string]any) { c["seeds"].([]any)[3] = 17 }, ErrAltered, "not as it was made"},
		{"model", PlanFile, func(c map[string]any) { c["model"] = "sha256:00" }, ErrOtherModel, "make a new plan"},
		{"replicate of another plan", replicateFile(2), func(c map[string]any) { c["plan"] = "sha256:00" }, ErrConflict, "plan is sha256:00"},
		{"replicate of another place", replicateFile(2), func(c map[string]any) { c["number"] = 4 }, ErrConflict, "number is 4"},
		{"no gusts", replicateFile(2), func(c map[string]any) { c["gusts"] = []any{} }, ErrAltered, "gusts of 0 cities"},
		{"no landfalls", replicateFile(2), func(c map[string]any) { c["landfalls"] = nil }, ErrAltered, "landfalls"},
		{"fewer quantities", replicateFile(2), func(c map[string]any) {
			l := c["landfalls"].(map[string]any)
			l["quantities"] = l["quantities"].([]any)[1:]
		}, ErrAltered, "landfalls"},
		{"no figures", replicateFile(2), func(c map[string]any) { c["figures"] = map[string]any{} }, ErrAltered, string(Equal)},
		{"fewer counties", replicateFile(2), func(c map[string]any) {
			f := c["figures"].(map[string]any)[string(Equal)].(map[string]any)
			f["counties"] = f["counties"].([]any)[1:]
		}, ErrAltered, "replicate 3"},
		{"unknown field", replicateFile(2), func(c map[string]any) { c["note"] = "x" }, nil, "note"},
		{"comparison of another plan", IdentityFile, func(c map[string]any) { c["plan"] = "sha256:00" }, ErrConflict, IdentityFile},
	} {
		restore := change(x.file, x.edit)
		_, _, err := Evaluate(folder, m)
		restore()
		if err == nil || x.want != nil && !errors.Is(err, x.want) || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v, want %v and %q", x.name, err, x.want, x.says)
		}
	}
	flipped(t, folder)
	other := RunOptions{Folder: folder, Program: thisProgram}
	other.Program.SHA256 = "sha256:78"
	if _, err := Run(t.Context(), m, plan, other); !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), "another program") {
		t.Errorf("another program: %v", err)
	}
	if _, err := Run(t.Context(), m, trial(t, 60), RunOptions{Folder: folder, Program: thisProgram}); !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), PlanFile+" has digest") {
		t.Errorf("another plan: %v", err)
	}
	if _, _, err := Evaluate(folder, m); err != nil {
		t.Errorf("at the end: %v", err)
	}
}

// flipped changes single bytes: the digest does not fit, or the file is no JSON.
func flipped(t *testing.T, folder string) {
	t.Helper()
	path := filepath.Join(folder, replicateFile(6))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	altered := bytes.Replace(text, []byte(`"aal":`), []byte(`"aal":1`), 1)
	for name, content := range map[string][]byte{"a digit more": altered, "cut off": text[:len(text)/2], "more after it": append(bytes.Clone(text), '1'), "empty": {}} {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		_, _, err := Evaluate(folder, florida(t))
		if err == nil || errors.Is(err, ErrAltered) != (name == "a digit more") || !strings.Contains(err.Error(), replicateFile(6)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestPlanOptions: what is no plan is refused with the value; what is not the protocol is not for sign-off.
func TestPlanOptions(t *testing.T) {
	m := florida(t)
	none, many, five := 0, 1001, defaultSamples
	for _, x := range []struct {
		o    PlanOptions
		says string
	}{
		{PlanOptions{}, `profile ""`},
		{PlanOptions{Profile: Trial, Years: 49}, "years 49: a trial needs at least 50"},
		{PlanOptions{Profile: Quick, Years: 100}, "years 100: the profile quick has its own"},
		{PlanOptions{Profile: Quick, MasterSeed: 1 << 53}, "master seed 9007199254740992: must be below"},
		{PlanOptions{Profile: Quick, Samples: &many}, "samples 1001"},
		{PlanOptions{Profile: Trial, Years: 1 << 30}, "years 1073741824"},
	} {
		if _, err := NewPlan(m, x.o); err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%+v: %v, want %q", x.o, err, x.says)
		}
	}
	for _, x := range []struct {
		o    PlanOptions
		want bool
	}{
		{PlanOptions{Profile: Record}, true}, {PlanOptions{Profile: Record, Samples: &five}, true}, {PlanOptions{Profile: Record, Samples: &none}, false},
		{PlanOptions{Profile: Quick}, false}, {PlanOptions{Profile: Trial, Years: recordYears}, false},
	} {
		p, err := NewPlan(m, x.o)
		if err != nil {
			t.Fatal(err)
		}
		if p.ForSignoff != x.want || len(p.Seeds) != K || !distinct(p.Seeds) || p.Check(m) != nil {
			t.Errorf("%+v: for sign-off %v, want %v; %v", x.o, p.ForSignoff, x.want, p.Check(m))
		}
	}
	p := trial(t, 50)
	path := filepath.Join(t.TempDir(), "p.json")
	digest, err := WritePlan(path, p)
	if err != nil {
		t.Fatal(err)
	}
	back, again, err := ReadPlan(path)
	if err != nil || again != digest || back.Check(m) != nil {
		t.Errorf("%s read back as %s: %v, %v", digest, again, err, back.Check(m))
	}
}
