package main

import (
	"fmt"
	"net"
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

// TestBackupGuide runs the commands of docs/backup.md, up to the restored store.
func TestBackupGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/backup.md")
	if err != nil {
		t.Fatal(err)
	}
	script, commands := consoleScript(string(guide))
	if commands < 9 {
		t.Fatalf("%d commands: is this the guide?", commands)
	}
	dir := t.TempDir()
	script = "chmod 600 ada.password\n" + script + "exec qrsd drill --json\nstdout '\"tables\": [1-9]'\n-- ada.password --\nseven marble lamps sing\n-- location.csv --\n" +
		"PortNumber,AccNumber,LocNumber,CountryCode,AreaCode,PostalCode,Latitude,Longitude,OccupancyCode,ConstructionCode,YearBuilt,BuildingTIV,LocCurrency,LocPerilsCovered,LocPeril\n" +
		"Book,Home,1,US,FL,33139,25.7905,-80.1390,1051,5100,1958,400000,USD,WTC,WTC\n"
	if err := os.WriteFile(filepath.Join(dir, "guide.txtar"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: dir, RequireExplicitExec: true, Cmds: backupCommands()})
}

// consoleScript turns a guide's console blocks into a script, and counts its commands.
func consoleScript(guide string) (script string, commands int) {
	within := false
	for line := range strings.SplitSeq(guide, "\n") {
		command, isCommand := strings.CutPrefix(line, "$ ")
		variable, isVariable := strings.CutPrefix(command, "export ")
		aside, isAside := strings.CutPrefix(line, "<!-- test: ") // what a reader does in a browser
		switch {
		case strings.HasPrefix(line, "```"):
			within = line == "```console"
		case isAside:
			script += strings.TrimSuffix(aside, " -->") + "\n"
		case !within:
		case isVariable:
			script += "env " + variable + "\n"
		case isCommand:
			script += scripted(command) + "\n"
			commands++
		default:
			script += fmt.Sprintf("stdout '%s'\n", strings.ReplaceAll(regexp.QuoteMeta(line), "'", "''"))
		}
	}
	return script, commands
}

// scripted is a command of a guide as a line of a script: the server runs beside the others.
func scripted(command string) string {
	if command == "qrsd server" {
		return "serve"
	}
	if name, ok := strings.CutPrefix(command, "kill -"); ok {
		name, _, _ = strings.Cut(name, " ")
		return "signal " + name + map[string]string{"HUP": "\nawait '\"reloaded\"'", "TERM": "\nended 0"}[name]
	}
	if first, _, _ := strings.Cut(command, " "); first == "mkdir" || first == "mv" {
		return command // testscript's own, for hosts of every kind
	}
	return "exec " + strings.ReplaceAll(command, `"`, `'`)
}

// TestServerGuide runs the commands of docs/server.md, with the configuration that stands in it, on a free port.
func TestServerGuide(t *testing.T) { runServerGuide(t, "server", 9, "") }

// TestOperationsGuide runs those of docs/operations.md in the same way, as a monitor has the token of metrics.
func TestOperationsGuide(t *testing.T) {
	runServerGuide(t, "operations", 13, "-- token --\na long random word\n-- metrics.header --\nAuthorization: Bearer a long random word\n")
}

// runServerGuide runs a guide that configures and starts a server. files are more of them, as txtar.
func runServerGuide(t *testing.T, name string, least int, files string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + name + ".md")
	if err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	guide := strings.ReplaceAll(string(text), "8443", port)
	_, rest, _ := strings.Cut(guide, "```hcl\n")
	configuration, _, found := strings.Cut(rest, "```")
	script, commands := consoleScript(guide)
	if commands < least || !found {
		t.Fatalf("%d commands, configuration %v: is this the guide?", commands, found)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name+"-guide.txtar"), []byte(script+"-- qrsd.hcl --\n"+configuration+files), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: dir, RequireExplicitExec: true, Cmds: serverCommands(), Setup: func(e *testscript.Env) error {
		e.Values[serverKey{}] = new(scriptServer)
		return nil
	}})
}
