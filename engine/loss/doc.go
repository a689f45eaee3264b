// Package loss draws ground-up losses of sites from a footprint and keeps them in a Table.
//
// It holds the damage draw with its event-wide and local correlation, the block
// kernel over years, and the event and year loss Table that metrics and results
// read. It knows no OED rule (engine/terms) and makes no figure (engine/metrics).
//
// Begin with Table in table.go, then Kernel in block.go.
package loss
