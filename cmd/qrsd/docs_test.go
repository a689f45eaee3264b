package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestStoreGuide runs the commands of docs/store.md as they stand: of each block of the kind console, lines that begin with $ are
// run, and the line below one is what its output must have in it.
func TestStoreGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/store.md")
	if err != nil {
		t.Fatal(err)
	}
	script, commands := consoleScript(string(guide))
	if commands < 15 {
		t.Fatalf("%d commands: is this the guide?", commands)
	}
	dir := t.TempDir()
	script = "chmod 600 ada.password\n" + script + "-- ada.password --\nseven marble lamps sing\n-- location.csv --\n" +
		"PortNumber,AccNumber,LocNumber,CountryCode,AreaCode,PostalCode,Latitude,Longitude,OccupancyCode,ConstructionCode,YearBuilt,BuildingTIV,LocCurrency,LocPerilsCovered,LocPeril\n" +
		"Book,Home,1,US,FL,33139,25.7905,-80.1390,1051,5100,1958,400000,USD,WTC,WTC\n"
	if err := os.WriteFile(filepath.Join(dir, "guide.txtar"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: dir, RequireExplicitExec: true})
}

// consoleScript turns a guide's console blocks into a script, and counts its commands.
func consoleScript(guide string) (script string, commands int) {
	within := false
	for line := range strings.SplitSeq(guide, "\n") {
		command, isCommand := strings.CutPrefix(line, "$ ")
		variable, isVariable := strings.CutPrefix(command, "export ")
		switch {
		case strings.HasPrefix(line, "```"):
			within = line == "```console"
		case !within:
		case isVariable:
			script += "env " + variable + "\n"
		case isCommand:
			script += "exec " + strings.ReplaceAll(command, `"`, `'`) + "\n"
			commands++
		default:
			script += fmt.Sprintf("stdout '%s'\n", strings.ReplaceAll(regexp.QuoteMeta(line), "'", "''"))
		}
	}
	return script, commands
}
