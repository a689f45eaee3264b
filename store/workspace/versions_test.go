package workspace_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// edition is a portfolio whose exposure and file differ by a number.
func edition(n int) workspace.NewPortfolio {
	p := portfolio(fmt.Sprint("Book, ", n))
	p.Digest, p.Locations, p.TIV = [32]byte{byte(n)}, n, float64(n)*1e5
	p.Files[0] = bytesFile("location", "location.csv", fmt.Sprintf("LocNumber\n%d\n", n))
	return p
}

// TestVersions: each import into a portfolio is its next version; a run is of the one that was the latest when it was submitted, or of that which it
// named, and reads its exposure whatever came later. Nothing of an earlier version changes.
func TestVersions(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Modeler)
	p := must(w.Import(t.Context(), edition(1)))(t)
	must(w.RegisterModel(t.Context(), modelDigest, "0.1.0"))(t)
	first := must(w.PortfolioVersion(t.Context(), p, 0))(t)
	submit := func(number int) store.ID {
		return must(w.Submit(t.Context(), workspace.NewRun{Portfolio: p, PortfolioVersion: number, Model: modelDigest, Spec: spec()}))(t)
	}
	before := submit(0)
	for n := 2; n <= 3; n++ {
		next := edition(n)
		if n == 3 {
			next.Name = ""
		}
		if made := must(w.ImportVersion(t.Context(), p, uint64(n-1), next))(t); made.Number != n || made.Name != "Book, 2" {
			t.Fatalf("version %d is %+v", n, made)
		}
	}
	after, second := submit(0), submit(2)
	for run, want := range map[store.ID]int{before: 1, after: 3, second: 2} {
		r := must(w.Run(t.Context(), run))(t).Value
		if r.PortfolioVersion != want || r.Exposure != edition(want).Digest {
			t.Errorf("the run of version %d is of %d with exposure %s", want, r.PortfolioVersion, r.Exposure)
		}
	}

	all := must(w.PortfolioVersions(t.Context(), p, 0, 10))(t)
	if got := numbers(all); !slices.Equal(got, []int{3, 2, 1}) {
		t.Errorf("versions are %v", got)
	}
	if kept := must(w.PortfolioVersion(t.Context(), p, 1))(t); kept.ID != p || kept.Value.Name != first.Value.Name || !slices.Equal(kept.Value.Files, first.Value.Files) || !kept.Value.Imported.Equal(first.Value.Imported) {
		t.Errorf("the first version is %+v, was %+v", kept, first)
	}
	for number, want := range map[int]string{0: "LocNumber\n3\n", 1: "LocNumber\n1\n", 2: "LocNumber\n2\n", 3: "LocNumber\n3\n"} {
		from, err := w.OpenFile(t.Context(), p, number, "location")
		if got := readAll(t, from, err); got != want {
			t.Errorf("the location file of version %d is %q", number, got)
		}
	}
	if page := must(w.Portfolios(t.Context(), "", 10))(t); len(page.Records) != 1 || page.Records[0].Value.Number != 3 {
		t.Errorf("portfolios are %+v", page.Records)
	}
	leaves := must(b.admin.Ledger(t.Context(), -1, 10))(t)
	var notes []string
	for _, l := range leaves {
		if l.Lineage.Kind == ledger.ExposureImported {
			notes = append(notes, l.Lineage.Note)
		}
	}
	if !slices.Equal(notes, []string{"", "version 2", "version 3"}) {
		t.Errorf("the leaves of imports are of %q", notes)
	}
}

func numbers(all []workspace.Portfolio) (out []int) {
	for _, v := range all {
		out = append(out, v.Number)
	}
	return out
}

// TestRunOfEarlierVersion carries a run out of a version that is no longer the latest: who works on it, who reads its result, and who replays it
// all have the exposure that it is of.
func TestRunOfEarlierVersion(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Modeler)
	p := must(w.Import(t.Context(), edition(1)))(t)
	must(w.RegisterModel(t.Context(), modelDigest, "0.1.0"))(t)
	run := must(w.Submit(t.Context(), workspace.NewRun{Portfolio: p, Model: modelDigest, Spec: spec()}))(t)
	must(w.ImportVersion(t.Context(), p, 0, edition(2)))(t)

	k := b.appliance(worker)
	if next := must(k.Waiting(t.Context()))(t); len(next) != 1 || next[0].Locations != 1 {
		t.Fatalf("next is %+v", next)
	}
	j := must(k.Claim(t.Context(), b.tenant, run, lease))(t)
	from, err := j.OpenFile(t.Context(), "location")
	if got := readAll(t, from, err); got != "LocNumber\n1\n" || j.Portfolio().Value.Number != 1 {
		t.Errorf("who works has %q of version %d", got, j.Portfolio().Value.Number)
	}
	must(j.Finish(t.Context(), resultFiles()))(t)
	f := must(w.FinishedWithExposure(t.Context(), func(workspace.File) bool { return false }, false, run))(t)
	if got := readAll(t, f.Exposure("location"), nil); got != "LocNumber\n1\n" || f.Portfolio.Value.Number != 1 {
		t.Errorf("its result is with %q of version %d", got, f.Portfolio.Value.Number)
	}
	replays := must(workspace.Replays(t.Context(), b.db, modelDigest))(t)
	if len(replays) != 1 || replays[0].Portfolio().Value.Number != 1 {
		t.Fatalf("%d replays", len(replays))
	}
	from, err = replays[0].OpenFile(t.Context(), "location")
	if got := readAll(t, from, err); got != "LocNumber\n1\n" {
		t.Errorf("a replay has %q", got)
	}
}

// TestApprovalOfVersion: a request says which version of the portfolio it is about, also when there is a later one, which voids it.
func TestApprovalOfVersion(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Modeler)
	p := must(w.Import(t.Context(), edition(1)))(t)
	for n := 2; n <= 3; n++ {
		asked := must(w.RequestApproval(t.Context(), workspace.OfPortfolio, p, ""))(t)
		must(w.ImportVersion(t.Context(), p, 0, edition(n)))(t)
		if r := must(w.Approval(t.Context(), asked))(t).Value; r.PortfolioVersion != n-1 || r.Decision != workspace.Void {
			t.Errorf("the request about version %d is %+v", n-1, r)
		}
	}
	run := b.done(w)
	asked := must(w.RequestApproval(t.Context(), workspace.OfRun, run, ""))(t)
	if r := must(w.Approval(t.Context(), asked))(t).Value; r.PortfolioVersion != 0 {
		t.Errorf("the request about a run is %+v", r)
	}
}

// TestVersionsInParts: a long history is listed in parts, what is not there is not found, and a deletion takes all of it away.
func TestVersionsInParts(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Modeler)
	p := must(w.Import(t.Context(), edition(1)))(t)
	for n := 2; n <= 5; n++ {
		must(w.ImportVersion(t.Context(), p, 0, edition(n)))(t)
	}
	for _, c := range []struct {
		below, limit int
		want         []int
	}{{0, 2, []int{5, 4}}, {4, 2, []int{3, 2}}, {2, 2, []int{1}}, {1, 2, nil}, {9, 1, []int{5}}} {
		if got := numbers(must(w.PortfolioVersions(t.Context(), p, c.below, c.limit))(t)); !slices.Equal(got, c.want) {
			t.Errorf("%d below %d are %v", c.limit, c.below, got)
		}
	}
	for _, number := range []int{-1, 6} {
		if _, err := w.PortfolioVersion(t.Context(), p, number); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("version %d: %v", number, err)
		}
		if _, err := w.Submit(t.Context(), workspace.NewRun{Portfolio: p, PortfolioVersion: number, Model: modelDigest, ModelVersion: "1", Spec: spec()}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a run of version %d: %v", number, err)
		}
	}
	if _, err := w.ImportVersion(t.Context(), p, 1, edition(6)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("an import into what was changed meanwhile: %v", err)
	}
	must(0, w.DeletePortfolio(t.Context(), p, 0))(t)
	if _, err := w.PortfolioVersion(t.Context(), p, 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a version of what was deleted: %v", err)
	}
	if _, used, err := w.Quotas(t.Context()); err != nil || used.Portfolios != 0 || used.Bytes != 0 {
		t.Errorf("used are %+v, %v", used, err)
	}
	if page := must(w.Portfolios(t.Context(), "", 10))(t); len(page.Records) != 0 {
		t.Errorf("left are %+v", page.Records)
	}
}
