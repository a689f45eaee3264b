package main

import (
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestQuickStart runs the commands of docs/quickstart.md as they stand, each in a shell of its own, on a free port and with few years; only what a
// person reads off a screen, the codes of an authenticator application, is computed.
func TestQuickStart(t *testing.T) {
	for _, program := range []string{"curl", "sh", "sed"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the guide uses %s, which is not here: %v", program, err)
		}
	}
	text, err := os.ReadFile("../../docs/quickstart.md")
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
	script, commands := shellScript(strings.ReplaceAll(string(text), "8443", port), port)
	if commands < 60 {
		t.Fatalf("%d commands: is this the guide?", commands)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "quickstart.txtar"), []byte("build-replay\n"+script), 0o600); err != nil {
		t.Fatal(err)
	}
	all := map[string]func(*testscript.TestScript, bool, []string){
		"dev": devInScript, "end-dev": endDev, "first-run": firstRunInScript, "let": let, "one-time-code": oneTimeCodeInScript,
	}
	maps.Copy(all, serverCommands())
	maps.Copy(all, sealCommands())
	testscript.Run(t, testscript.Params{Dir: dir, RequireExplicitExec: true, Cmds: all, Setup: func(e *testscript.Env) error {
		e.Values[serverKey{}], e.Values[devKey{}], e.Values[codesKey{}] = new(scriptServer), new(scriptDev), map[string]int{}
		e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
		e.Setenv("PATH", e.Getenv("PATH")+string(filepath.ListSeparator)+e.WorkDir) // where build-replay puts the program
		return nil
	}})
}

// shellScript turns a guide into a script. Of its console blocks, lines that begin with $ are run by a shell, and a line below one is what its output must
// have in it; blocks with a file's name are that file; asides are commands of the script.
func shellScript(guide, port string) (script string, commands int) {
	var files strings.Builder
	kind, name := "", ""
	for line := range strings.SplitSeq(guide, "\n") {
		command, isCommand := strings.CutPrefix(line, "$ ")
		aside, isAside := strings.CutPrefix(line, "<!-- test: ")
		switch {
		case strings.HasPrefix(line, "```"):
			kind, name, _ = strings.Cut(strings.TrimPrefix(line, "```"), " ") // both "" at a block's end
			if name != "" {
				fmt.Fprintf(&files, "-- %s --\n", name)
			}
		case isAside:
			script += strings.TrimSuffix(aside, " -->") + "\n"
		case name != "":
			files.WriteString(line + "\n")
		case strings.HasPrefix(line, "#"):
			script += "# " + strings.TrimLeft(line, "# ") + "\n" // its time is told with -v
		case kind != "console":
		case isCommand:
			script += inShell(command, port) + "\n"
			commands++
		default:
			script += fmt.Sprintf("stdout '%s'\n", strings.ReplaceAll(regexp.QuoteMeta(line), "'", "''"))
		}
	}
	return script + files.String(), commands
}

// inShell is a command of the guide as a line of a script: servers run beside the others, and variables are the script's.
func inShell(command, port string) string {
	quote := func(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
	variable, isVariable := strings.CutPrefix(command, "export ")
	switch {
	case strings.HasPrefix(command, "qrsd dev "):
		return "dev --listen 127.0.0.1:" + port + " --years 200 " + strings.TrimPrefix(command, "qrsd dev ")
	case strings.HasPrefix(command, "qrsd server "):
		return "serve"
	case strings.HasPrefix(command, "kill -TERM "):
		return "signal TERM\nended 0"
	case isVariable:
		name, value, _ := strings.Cut(variable, "=")
		return "let " + name + " " + quote(value)
	}
	return "exec sh -c " + quote(command)
}

// let NAME WORD sets a variable to what a shell makes of a word.
func let(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: let NAME WORD")
	}
	ts.Check(ts.Exec("sh", "-c", "printf %s "+args[1]))
	value := ts.ReadFile("stdout")
	if value == "" || strings.ContainsAny(value, "{}\n") {
		ts.Fatalf("%s is no value for %s: %q", args[1], args[0], value)
	}
	ts.Setenv(args[0], value)
}

type codesKey struct{}

// one-time-code FILE sets $CODE to what an authenticator application shows for the secret in an answer of the API. A code is good once, and for
// half a minute before and after its own: the first is that of now, so that a slow host does not outlive it, and the second the next one.
func oneTimeCodeInScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: one-time-code FILE")
	}
	found := regexp.MustCompile(`"secret":"([A-Z2-7]+)"`).FindStringSubmatch(ts.ReadFile(args[0]))
	if found == nil {
		ts.Fatalf("%s has no secret: %s", args[0], ts.ReadFile(args[0]))
	}
	taken := ts.Value(codesKey{}).(map[string]int)
	if taken[args[0]] > 1 {
		ts.Fatalf("%s: no more codes are good now", args[0])
	}
	ts.Setenv("CODE", oneTimeCode(ts, found[1], time.Now().Add(time.Duration(taken[args[0]])*30*time.Second)))
	taken[args[0]]++
}

type devKey struct{}

// scriptDev is the qrsd dev of a script.
type scriptDev struct{ end func() }

// dev args... starts qrsd dev beside the script, and waits until its first run is sealed; it ends with the script at the latest. What it prints is in dev.out.
func devInScript(ts *testscript.TestScript, neg bool, args []string) {
	program, err := exec.LookPath(filepath.Join(strings.Split(ts.Getenv("PATH"), string(filepath.ListSeparator))[0], "qrsd"))
	ts.Check(err)
	out, err := os.Create(ts.MkAbs("dev.out"))
	ts.Check(err)
	defer out.Close()
	command := exec.Command(program, append([]string{"dev"}, args...)...)
	command.Dir, command.Stdout, command.Stderr = ts.MkAbs("."), out, out
	command.Env = []string{"HOME=" + ts.Getenv("HOME"), "PATH=" + ts.Getenv("PATH")}
	ts.Check(command.Start())
	ended := false
	end := func() {
		if ended {
			return
		}
		ended = true
		_ = command.Process.Signal(syscall.SIGINT)
		if err := command.Wait(); err != nil {
			ts.Logf("after Ctrl-C: %v\n%s", err, ts.ReadFile("dev.out"))
		}
	}
	ts.Defer(end)
	if d, ok := ts.Value(devKey{}).(*scriptDev); ok {
		d.end = end
	}
	for deadline := time.Now().Add(time.Minute); !strings.Contains(ts.ReadFile("dev.out"), "sealed"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("not sealed in a minute:\n%s", ts.ReadFile("dev.out"))
		}
	}
}

// end-dev is Ctrl-C.
func endDev(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: end-dev")
	}
	ts.Value(devKey{}).(*scriptDev).end()
}

// firstRunInScript sets $RUN as a reader does, from the terminal.
func firstRunInScript(ts *testscript.TestScript, neg bool, _ []string) {
	found := regexp.MustCompile(`first run ([0-9a-f]{32}): sealed`).FindStringSubmatch(ts.ReadFile("dev.out"))
	if neg || found == nil {
		ts.Fatalf("there is no id:\n%s", ts.ReadFile("dev.out"))
	}
	ts.Setenv("RUN", found[1])
}
