package main

import (
	"encoding/csv"
	"fmt"
	"go/ast"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// asvsSections are the sections of OWASP ASVS 5.0.0 that have requirements of levels 1 and 2, each with the number of them. Within a section
// those of level 3 come last.
const asvsSections = `
	1.1: 2   1.2: 9   1.3: 11  1.4: 3   1.5: 2
	2.1: 3   2.2: 3   2.3: 4   2.4: 1
	3.2: 2   3.3: 4   3.4: 6   3.5: 5   3.7: 2
	4.1: 3   4.2: 1   4.3: 2   4.4: 4
	5.1: 1   5.2: 3   5.3: 2   5.4: 3
	6.1: 3   6.2: 12  6.3: 4   6.4: 4   6.5: 5   6.6: 3   6.8: 4
	7.1: 3   7.2: 4   7.3: 2   7.4: 5   7.5: 2   7.6: 2
	8.1: 2   8.2: 3   8.3: 1   8.4: 1
	9.1: 3   9.2: 4
	10.1: 2  10.2: 2  10.3: 4  10.4: 11 10.5: 5  10.6: 2  10.7: 3
	11.1: 2  11.2: 3  11.3: 3  11.4: 4  11.5: 1  11.6: 1
	12.1: 3  12.2: 2  12.3: 4
	13.1: 1  13.2: 5  13.3: 2  13.4: 5
	14.1: 2  14.2: 4  14.3: 3
	15.1: 3  15.2: 3  15.3: 7
	16.1: 1  16.2: 5  16.3: 4  16.4: 3  16.5: 3
	17.1: 1  17.2: 4  17.3: 2
`

// asvsOfDocuments are the sections that ask for documentation: a section of ours is evidence there.
var asvsOfDocuments = []string{"2.1", "6.1", "7.1", "8.1", "11.1", "13.1", "14.1", "15.1", "16.1"}

// TestASVS holds docs/asvs.csv to the standard and to the tree: every requirement is there once, in order; what is met names tests, or where
// documentation is asked for sections of it, that exist; what is not met says why.
func TestASVS(t *testing.T) {
	file, err := os.Open("../../docs/asvs.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(rows[0], ","); got != "requirement,level,what,state,evidence,note" {
		t.Fatalf("columns %s", got)
	}
	evidence := existing(t)
	states := map[string]int{}
	var ids []string
	for i, row := range rows[1:] {
		ids = append(ids, row[0])
		states[row[3]]++
		for _, fault := range asvsFaults(row, evidence) {
			t.Errorf("docs/asvs.csv:%d: %s: %s", i+2, row[0], fault)
		}
	}
	if want := asvsRequirements(); !slices.Equal(ids, want) {
		for i := range min(len(ids), len(want)) {
			if ids[i] != want[i] {
				t.Errorf("docs/asvs.csv:%d: requirement %s, want %s", i+2, ids[i], want[i])
				break
			}
		}
		t.Errorf("%d requirements, want %d", len(ids), len(want))
	}
	t.Logf("%d requirements: %v", len(ids), states)
}

// asvsRequirements are all numbers in order.
func asvsRequirements() (ids []string) {
	fields := strings.Fields(asvsSections)
	for i := 0; i < len(fields); i += 2 {
		n, err := strconv.Atoi(fields[i+1])
		if err != nil {
			panic("qrsd: asvsSections: " + err.Error())
		}
		for k := range n {
			ids = append(ids, fmt.Sprintf("%s%d", strings.Replace(fields[i], ":", ".", 1), k+1))
		}
	}
	return ids
}

// asvsFaults are what is wrong with a row.
func asvsFaults(row []string, evidence map[string]bool) (faults []string) {
	id, level, what, state, named, note := row[0], row[1], row[2], row[3], strings.Fields(row[4]), row[5]
	tests := 0
	for _, name := range named {
		if !evidence[name] {
			faults = append(faults, name+" does not exist")
		}
		if !strings.HasPrefix(name, "docs/") {
			tests++
		}
	}
	documents := slices.ContainsFunc(asvsOfDocuments, func(section string) bool { return strings.HasPrefix(id, section+".") })
	switch {
	case level != "1" && level != "2":
		faults = append(faults, "level "+level)
	case what == "":
		faults = append(faults, "it does not say what is asked")
	}
	switch state {
	case "met":
		if tests == 0 && (!documents || len(named) == 0) {
			faults = append(faults, "met, and no test is named")
		}
	case "planned":
		if note == "" {
			faults = append(faults, "planned, and it does not say what is missing")
		}
	case "not applicable":
		if note == "" || len(named) > 0 {
			faults = append(faults, "not applicable: say why, and name no test")
		}
	default:
		faults = append(faults, "state "+state)
	}
	return faults
}

// existing are all tests, as folder:Name, scripts of this folder, as folder:TestScripts/name, and sections of documents, as file#heading.
func existing(t *testing.T) map[string]bool {
	t.Helper()
	files, err := parseModule(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, f := range files {
		if !f.test {
			continue
		}
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && regexp.MustCompile(`^(Test|Fuzz)[A-Z0-9]`).MatchString(fn.Name.Name) {
				all[f.folder+":"+fn.Name.Name] = true
			}
		}
	}
	maps.Copy(all, named(t, "testdata/script/*.txtar", func(path string, _ []byte) []string {
		return []string{"cmd/qrsd:TestScripts/" + strings.TrimSuffix(filepath.Base(path), ".txtar")}
	}))
	maps.Copy(all, named(t, "../../docs/*.md", func(path string, text []byte) (headings []string) {
		for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(text), -1) {
			headings = append(headings, "docs/"+filepath.Base(path)+"#"+strings.ReplaceAll(strings.ToLower(m[1]), " ", "-"))
		}
		return headings
	}))
	return all
}

// named are the names in files.
func named(t *testing.T, pattern string, in func(path string, text []byte) []string) map[string]bool {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
	}
	all := map[string]bool{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range in(path, text) {
			all[name] = true
		}
	}
	return all
}

// TestASVSBites plants one fault of every kind.
func TestASVSBites(t *testing.T) {
	evidence := map[string]bool{"web:TestCookie": true, "docs/security.md#logs": true}
	for _, c := range []struct {
		row  string
		want string
	}{
		{"3.3.1|1|cookies|met|web:TestCookie|", ""},
		{"16.1.1|2|logs|met|docs/security.md#logs|", ""},
		{"3.3.1|1|cookies|met|web:TestBiscuit|", "web:TestBiscuit does not exist"},
		{"3.3.1|1|cookies|met||", "no test is named"},
		{"3.3.1|1|cookies|met|docs/security.md#logs|", "no test is named"},
		{"16.1.1|2|logs|met||", "no test is named"},
		{"3.3.1|3|cookies|met|web:TestCookie|", "level 3"},
		{"3.3.1|1||met|web:TestCookie|", "what is asked"},
		{"3.3.1|1|cookies|planned||", "what is missing"},
		{"3.3.1|1|cookies|not applicable||", "say why"},
		{"3.3.1|1|cookies|not applicable|web:TestCookie|there are none", "name no test"},
		{"3.3.1|1|cookies|partly|web:TestCookie|", "state partly"},
	} {
		got := strings.Join(asvsFaults(strings.Split(c.row, "|"), evidence), "; ")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.row, got, c.want)
		}
	}
	if n := len(asvsRequirements()); n != 253 {
		t.Errorf("%d requirements; levels 1 and 2 of ASVS 5.0.0 have 70 and 183", n)
	}
}

// TestProductStartsNoProgram wants no file of the product to be able to start another program, or to offer a profiler: what cannot be
// reached needs no encoding of commands and no switch for production.
func TestProductStartsNoProgram(t *testing.T) {
	files, err := parseModule(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.test || f.tool() || strings.HasPrefix(f.folder, "packaging/") { // what makes packages starts compilers
			continue
		}
		for _, spec := range f.syntax.Imports {
			target, _ := strconv.Unquote(spec.Path.Value)
			if slices.Contains([]string{"os/exec", "net/http/pprof", "expvar", "plugin"}, target) {
				t.Error(f.at(spec.Pos()) + "import of " + target)
			}
		}
	}
}
