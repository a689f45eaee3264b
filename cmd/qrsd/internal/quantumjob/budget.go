package quantumjob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/durablefile"
	"github.com/qrsrisk/qrsd/quantum/braket"
)

// Spending is what a home allows and what its jobs and errands were quoted at. The provider's bill decides; this is what was agreed to.
type Spending struct {
	Limit   *braket.USD // nil: none is set
	Quoted  braket.USD  // of every task that was created, those that ended without a result included
	Pending braket.USD  // agreed to for tasks that are being created, or whose creation was interrupted
}

// budgetFile is budget.json.
type budgetFile struct {
	Format int        `json:"format"` // 1
	Limit  braket.USD `json:"limit_microdollars"`
}

// Spending adds up what is kept.
func (h *Home) Spending(ctx context.Context) (Spending, error) { return h.spending(ctx, "") }

// spending leaves the job or errand of one id out.
func (h *Home) spending(ctx context.Context, except string) (Spending, error) {
	var s Spending
	var err error
	if s.Limit, err = h.limit(); err != nil {
		return s, err
	}
	jobs, err := h.Kept(ctx)
	if err != nil {
		return s, err
	}
	for _, k := range jobs {
		if k.ID != except {
			s.Quoted, s.Pending = s.Quoted+k.Quoted(), s.Pending+k.PendingUSD
		}
	}
	paths, err := filepath.Glob(filepath.Join(h.path, "errands", "*.json"))
	for _, path := range paths {
		nonce := filepath.Base(path[:len(path)-len(".json")])
		c, err := h.Open(ctx, nonce)
		if err != nil {
			return s, err
		}
		if c != nil && nonce != except {
			s.Quoted, s.Pending = s.Quoted+c.quoted(), s.Pending+c.PendingUSD
		}
	}
	return s, err
}

func (h *Home) limit() (*braket.USD, error) {
	path := filepath.Join(h.path, "budget.json")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var b budgetFile
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	if err == nil && (b.Format != 1 || b.Limit < 0) {
		err = fmt.Errorf("it has format %d and limit %v; this version reads format 1", b.Format, b.Limit)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the budget %s: %w; nothing is spent until it can be read", path, err)
	}
	return &b.Limit, nil
}

// SetLimit sets what may be spent in all from this home, what was spent before included.
func (h *Home) SetLimit(limit braket.USD) error {
	text, err := json.Marshal(budgetFile{1, limit})
	if err == nil {
		err = durablefile.Write(filepath.Join(h.path, "budget.json"), text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keeping the budget: %w", err)
	}
	return nil
}

// Room implements Budget.
func (h *Home) Room(ctx context.Context, id string) (braket.USD, error) {
	s, err := h.spending(ctx, id)
	if err != nil || s.Limit == nil {
		return Unlimited, err
	}
	return *s.Limit - s.Quoted - s.Pending, nil
}
