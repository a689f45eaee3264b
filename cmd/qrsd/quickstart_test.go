package main

import (
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

// TestQuickStart runs the commands of docs/quickstart.md as they stand, on a free port and with few years.
func TestQuickStart(t *testing.T) {
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
	script, commands := consoleScript(strings.ReplaceAll(string(text), "8443", port))
	if commands < 8 {
		t.Fatalf("%d commands: is this the guide?", commands)
	}
	script = strings.Replace(script, "exec qrsd dev ", "dev --listen 127.0.0.1:"+port+" --years 200 ", 1)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "quickstart.txtar"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: dir, RequireExplicitExec: true, Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"dev": devInScript, "first-run": firstRunInScript,
	}})
}

// devInScript starts qrsd dev beside the script, and ends it with Ctrl-C after it. What it prints is in dev.out.
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
	ts.Defer(func() {
		_ = command.Process.Signal(syscall.SIGINT)
		if err := command.Wait(); err != nil {
			ts.Logf("after Ctrl-C: %v\n%s", err, ts.ReadFile("dev.out"))
		}
	})
	for deadline := time.Now().Add(time.Minute); !strings.Contains(ts.ReadFile("dev.out"), "sealed"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("not sealed in a minute:\n%s", ts.ReadFile("dev.out"))
		}
	}
}

// firstRunInScript sets $RUN as a reader does, from the terminal.
func firstRunInScript(ts *testscript.TestScript, neg bool, _ []string) {
	found := regexp.MustCompile(`first run ([0-9a-f]{32}): sealed`).FindStringSubmatch(ts.ReadFile("dev.out"))
	if neg || found == nil {
		ts.Fatalf("there is no id:\n%s", ts.ReadFile("dev.out"))
	}
	ts.Setenv("RUN", found[1])
}
