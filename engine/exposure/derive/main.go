// Command derive writes three tables that package exposure embeds, columns.csv,
// codes.csv and code-names.csv, from the OED 5.0.0 specification tables for US wind (CC0,
// OasisLMF/ODS_OpenExposureData).
//
//	go run ./engine/exposure/derive SPECDIR engine/exposure
//
// SPECDIR holds OED_COLUMNS_US_WIND.csv and OED_CODES_US_WIND.csv. supplement.csv,
// beside this file, adds public OED columns which that selection leaves out: the
// step-policy columns (OEDCRFieldAppendix.csv, same source) and descriptive columns
// that no calculation uses.
package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: derive SPECDIR DESTDIR")
		os.Exit(2)
	}
	if err := derive(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "derive:", err)
		os.Exit(1)
	}
}

func derive(spec, dest string) error {
	columns, err := rows(filepath.Join(spec, "OED_COLUMNS_US_WIND.csv"))
	if err != nil {
		return err
	}
	more, err := rows(filepath.Join(dest, "derive", "supplement.csv"))
	if err != nil {
		return err
	}
	codes, err := rows(filepath.Join(spec, "OED_CODES_US_WIND.csv"))
	if err != nil {
		return err
	}
	lists := codeLists(codes)
	if err := write(filepath.Join(dest, "columns.csv"), columnTable(append(columns, more...), lists)); err != nil {
		return err
	}
	if err := write(filepath.Join(dest, "codes.csv"), codeTable(lists)); err != nil {
		return err
	}
	return write(filepath.Join(dest, "code-names.csv"), nameTable(codes))
}

// nameTable has OED's names of the codes that people meet: of what a building is for, and of what it is made. The names are OED's own but for
// doubled spaces.
func nameTable(codes []map[string]string) [][]string {
	table := [][]string{{"list", "code", "name"}}
	for _, row := range codes {
		if row["category"] == "OccupancyCode" || row["category"] == "ConstructionCode" {
			table = append(table, []string{row["category"], row["code"], strings.Join(strings.Fields(row["meaning"]), " ")})
		}
	}
	return table
}

// rows reads a CSV file as one map from column name to value per row.
func rows(path string) ([]map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	var out []map[string]string
	for _, rec := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = rec[i]
		}
		out = append(out, row)
	}
	return out, nil
}

// codeLists collects the codes of each category that is a closed list of numbers.
func codeLists(codes []map[string]string) map[string][]string {
	numeric := regexp.MustCompile(`^[0-9]+$`)
	lists := map[string][]string{}
	for _, row := range codes {
		if category := row["category"]; numeric.MatchString(row["code"]) && !strings.Contains(category, "/") && category != "Units" {
			lists[category] = append(lists[category], row["code"])
		}
	}
	// Of OED's units only those of the quantity make sense; the two lists are
	// Units 1-4 (distance) and 11-14 (area).
	lists["FloorAreaUnit"] = []string{"11", "12", "13", "14"}
	lists["BuildingHeightUnit"] = []string{"1", "2", "3", "4"}
	delete(lists, "CoverageID")
	return lists
}

var termColumn = regexp.MustCompile(`^(?:Loc|Pol|Acc|Cond)(DedCode|DedType|LimitCode|LimitType)[1-6]`)

// listOf names the code list of a column, "" if it has none.
func listOf(column string, lists map[string][]string) string {
	if m := termColumn.FindStringSubmatch(column); m != nil {
		return m[1]
	}
	if _, ok := lists[column]; ok {
		return column
	}
	return ""
}

var (
	sized   = regexp.MustCompile(`^n?(?:var)?char\((\d+)\)$`)
	bounded = regexp.MustCompile(`^[\[(]([^,]*),([^\])]*)[\])]$`)
)

func columnTable(columns []map[string]string, lists map[string][]string) [][]string {
	table := [][]string{{"file", "name", "kind", "length", "default", "min", "max", "codes", "required"}}
	for _, row := range columns {
		kind, length := kindOf(row["type"])
		if row["column"] == "OEDVersion" {
			length = "" // OED's own default, "latest version", is longer than its type
		}
		low, high := bounds(kind, row)
		required := ""
		if row["status"] == "R" {
			required = "R"
		}
		for _, file := range strings.Split(row["file"], "; ") {
			table = append(table, []string{file, row["column"], kind, length, defaultOf(row["default"]), low, high,
				listOf(row["column"], lists), required})
		}
	}
	return table
}

func kindOf(oedType string) (kind, length string) {
	if m := sized.FindStringSubmatch(oedType); m != nil {
		return "text", m[1]
	}
	switch oedType {
	case "tinyint", "smallint", "int":
		return "integer", ""
	case "float", "decimal":
		return "number", ""
	case "smalldatetime":
		return "date", ""
	}
	return "text", ""
}

// bounds gives the smallest and largest value: OED's valid range, else, for
// integers, that of the SQL type.
func bounds(kind string, row map[string]string) (low, high string) {
	if m := bounded.FindStringSubmatch(row["valid_range"]); m != nil {
		low, high = m[1], m[2]
	}
	if kind != "integer" {
		return low, high
	}
	limits := map[string][2]string{"tinyint": {"0", "255"}, "smallint": {"-32768", "32767"}, "int": {"-2147483648", "2147483647"}}[row["type"]]
	if low == "" {
		low = limits[0]
	}
	if high == "" {
		high = limits[1]
	}
	return low, high
}

func defaultOf(s string) string {
	if s == "n/a" || s == "latest version" {
		return ""
	}
	return strings.Trim(s, "(')")
}

func codeTable(lists map[string][]string) [][]string {
	var names []string
	for name := range lists {
		names = append(names, name)
	}
	sort.Strings(names)
	table := [][]string{{"list", "codes"}}
	for _, name := range names {
		table = append(table, []string{name, strings.Join(lists[name], " ")})
	}
	return table
}

func write(path string, table [][]string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := csv.NewWriter(f).WriteAll(table); err != nil {
		f.Close()
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return f.Close()
}
