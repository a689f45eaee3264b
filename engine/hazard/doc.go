// Package hazard makes hurricanes: the stochastic catalogue, the storms of the record, and a user's own track.
//
// It holds the climatology fitted to HURDAT2, the track and intensity model that draws
// events from it, the radius of maximum wind and the Holland parameter, filling over
// land, landfall facts, and the events of given tracks. The wind that an event brings
// is in hazard/windfield; reading track files in hazard/besttrack; the comparison with
// the record in hazard/evaluation. The program that fits the climatology is hazard/fit.
//
// Begin with Catalog in catalog.go, then simulate in simulate.go.
package hazard
