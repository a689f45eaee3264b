// Package evaluation compares a catalogue with the record: landfall rates by coast, the
// distributions of landfalling storms, hurricanes near cities, design wind speeds, and gusts measured in storms.
//
// It holds the published targets with their sources and the comparison itself. It draws no picture
// and prints nothing; it changes nothing in the model.
//
// Begin with Run.
package evaluation
