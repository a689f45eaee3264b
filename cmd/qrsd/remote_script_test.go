package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// Commands of testdata/script/remote*.txtar, besides testscript's own.
func remoteCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"appliance": applianceInScript, "interrupted": interrupted, "id": idInScript,
	}
}

// appliance [YEARS] starts qrsd dev in the folder try, on a free port, with a first run of so many years, and waits until that is sealed. $URL is its
// address, $RUN the run.
func applianceInScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: appliance [YEARS]")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	address := free.Addr().String()
	ts.Check(free.Close())
	devInScript(ts, false, append([]string{"--keep", "try", "--listen", address, "--years"}, append(args, "40")[0]))
	firstRunInScript(ts, false, nil)
	_, port, _ := net.SplitHostPort(address)
	ts.Setenv("URL", "https://localhost:"+port)
}

// interrupted FILE args... runs qrsd until it says something on standard error, stops it as Ctrl-C does, and wants exit code 1. What it said is in FILE.
func interrupted(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: interrupted FILE args...")
	}
	program, err := exec.LookPath(filepath.Join(strings.Split(ts.Getenv("PATH"), string(filepath.ListSeparator))[0], "qrsd"))
	ts.Check(err)
	command := exec.Command(program, args[1:]...)
	command.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "PATH", "QRSD_HOME", "QRSD_SERVER", "QRSD_CA", "QRSD_API_KEY_FILE"} {
		command.Env = append(command.Env, name+"="+ts.Getenv(name))
	}
	said, err := command.StderrPipe()
	ts.Check(err)
	ts.Check(command.Start())
	ts.Defer(func() { _ = command.Process.Kill() })
	from := bufio.NewReader(said)
	first, err := from.ReadString('\n')
	ts.Check(err)
	ts.Check(command.Process.Signal(syscall.SIGINT))
	rest, err := io.ReadAll(from)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(first+string(rest)), 0o600))
	var exit *exec.ExitError
	if err := command.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitError {
		ts.Fatalf("it ended with %v: %s%s", err, first, rest)
	}
}

// id NAME sets a variable to the first line of what the last command printed.
func idInScript(ts *testscript.TestScript, neg bool, args []string) {
	line, _, _ := strings.Cut(ts.ReadFile("stdout"), "\n")
	if neg || len(args) != 1 || !isID(line) {
		ts.Fatalf("usage: id NAME, after a command that printed an id: %q", line)
	}
	ts.Setenv(args[0], line)
}
