package benchlab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/internal/rng"
)

// Identity is what the comparison of bits found: one short run, repeated under conditions that must not matter.
type Identity struct {
	Plan    string        `json:"plan"` // digest
	Program Program       `json:"program"`
	Spec    engine.Spec   `json:"spec"`
	Runs    []IdentityRun `json:"runs"` // the first is what the others are compared with
}

// IdentityRun is one of them.
type IdentityRun struct {
	Condition string            `json:"condition"`
	Kind      identityKind      `json:"kind"`
	Portfolio string            `json:"portfolio"` // digest of the exposure
	Tables    map[string]string `json:"tables"`    // digests of all result tables
}

// identityKind is what a run's condition changes.
type identityKind string

const (
	reference  identityKind = "reference"
	otherCores identityKind = "cores"
	otherOrder identityKind = "order"
)

// streamOrder shuffles the exposure's rows, apart from the seeds of replicates.
const streamOrder = 0x02DE

// identity compares the bits, unless the folder holds the comparison already.
func (l *laboratory) identity(ctx context.Context) error {
	id, err := loadIdentity(l.options.Folder, l.digest)
	if err == nil && id.Program == l.options.Program {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	id = &Identity{Plan: l.digest, Program: l.options.Program, Spec: l.plan.Spec(0)}
	id.Spec.Years = l.plan.IdentityYears
	shuffled, err := shuffledPortfolio(l.model.Ground, Equal, permutation(l.plan.MasterSeed, len(l.portfolio.Locations)))
	if err != nil {
		return err
	}
	for _, x := range []struct {
		condition string
		kind      identityKind
		cores     int
		portfolio *exposure.Portfolio
	}{
		{"GOMAXPROCS=1", reference, 1, l.portfolio},
		{"GOMAXPROCS=2", otherCores, 2, l.portfolio},
		{"rows of the exposure in another order", otherOrder, 2, shuffled},
	} {
		tables, portfolio, err := l.shortRun(ctx, id.Spec, x.cores, x.portfolio)
		if err != nil {
			return err
		}
		id.Runs = append(id.Runs, IdentityRun{x.condition, x.kind, portfolio, tables})
	}
	if _, err := write(l.options.Folder, IdentityFile, id); err != nil {
		return fmt.Errorf("keeping the comparison of bits: %w", err)
	}
	return nil
}

// shortRun runs with a number of processors for the whole program, and restores what it was.
func (l *laboratory) shortRun(ctx context.Context, s engine.Spec, cores int, p *exposure.Portfolio) (tables map[string]string, portfolio string, err error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
	r, err := engine.Run(ctx, l.model, p, s, engine.Options{Workers: cores})
	if err != nil {
		return nil, "", err
	}
	return TableDigests(r), hexDigest(r.Portfolio), nil
}

// permutation is an order of n rows drawn from the master seed (Fisher and Yates; Durstenfeld 1964).
func permutation(master uint64, n int) []int {
	s := rng.New(master).Derive(streamOrder).Stream()
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	for i := n - 1; i > 0; i-- {
		k := s.Intn(i + 1)
		order[i], order[k] = order[k], order[i]
	}
	return order
}

func loadIdentity(folder, plan string) (*Identity, error) {
	id := new(Identity)
	path := filepath.Join(folder, IdentityFile)
	if _, err := read(path, id); err != nil {
		return nil, err
	}
	if id.Plan != plan {
		return nil, fmt.Errorf("%w: %s belongs to the plan %s, not to %s; give another folder", ErrConflict, path, id.Plan, plan)
	}
	return id, nil
}
