package modelpack

import (
	"slices"

	"github.com/qrsrisk/qrsd/engine/registry"
)

// Parameters lists every stochastic variable and parameter that the pack's data stand for: those of the hazard, then
// those of the vulnerability, in which a judgement that Options switch off stays listed under its group. The wind
// field and the correlation of damage are no data of a pack but choices of a run; they list their own
// (windfield.Model, loss.Correlation).
func (m *Model) Parameters() []registry.Parameter {
	return slices.Concat(m.Climate.Parameters(), m.Curves.Parameters())
}
