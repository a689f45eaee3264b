package terms

import "strings"

// coversWind reports whether a list of OED peril codes, separated by semicolons,
// contains wind of tropical cyclones (WTC, or one of the groups WW2, WW1, AA1 that
// contain it). An empty list names no restriction.
func coversWind(perils string) bool {
	if strings.TrimSpace(perils) == "" {
		return true
	}
	for _, code := range strings.Split(perils, ";") {
		switch strings.TrimSpace(code) {
		case "WTC", "WW2", "WW1", "AA1":
			return true
		}
	}
	return false
}
