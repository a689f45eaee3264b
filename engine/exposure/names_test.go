package exposure

import "testing"

// Every code that an import accepts in these columns has a name, and nothing else has.
func TestCodeName(t *testing.T) {
	lists, err := parseCodes()
	if err != nil {
		t.Fatal(err)
	}
	for _, column := range []string{OccupancyColumn, ConstructionColumn} {
		if len(lists[column]) == 0 {
			t.Fatalf("OED has no codes for %s", column)
		}
		for _, code := range lists[column] {
			if CodeName(column, code) == "" {
				t.Errorf("%s %d has no name", column, code)
			}
		}
	}
	for _, c := range []struct {
		column string
		code   int
		want   string
	}{
		{OccupancyColumn, 1051, "Residential, Permanent dwelling: single-family"},
		{ConstructionColumn, 5105, "Masonry, Reinforced masonry"},
		{ConstructionColumn, 1051, ""},
		{OccupancyColumn, 9999, ""},
		{"RoofCover", 1, ""},
	} {
		if got := CodeName(c.column, c.code); got != c.want {
			t.Errorf("CodeName(%s, %d) = %q, want %q", c.column, c.code, got, c.want)
		}
	}
}
