package main

import (
	"debug/buildinfo"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// notLinked are packages of which no function is in the program, and notModules what none of its modules begins with. The
// import policy (cmd/qrsd/deps_test.go) says the same of our sources; this says it of the program and so of what others import.
var (
	notLinked  = []string{"net/http.", "net.", "crypto/tls.", "crypto/x509.", "os/exec."}
	notModules = []string{"go.etcd.io/bbolt", "github.com/parquet-go/", "github.com/xuri/", "github.com/gofiber/", "github.com/aws/", "github.com/valyala/"}
	notOurs    = []string{"store.", "store/internal/", "store/workspace.", "web", "internal/outbound.", "cmd/qrsd"}
)

// builtProgram is the program as `make build` makes it.
func builtProgram(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("links the program: left out with -short")
	}
	path := filepath.Join(t.TempDir(), "qrs-replay")
	vcs := "-buildvcs=true"
	if _, err := os.Stat("../../.git"); err != nil {
		vcs = "-buildvcs=false"
	}
	command := exec.CommandContext(t.Context(), "go", "build", vcs, "-trimpath", "-o", path, ".")
	command.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// TestProgram: what is in the program, not only what its sources say: static, no network code, no store, and
// the commit that a seal names.
func TestProgram(t *testing.T) {
	path := builtProgram(t)
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range info.Deps {
		for _, banned := range notModules {
			if strings.HasPrefix(m.Path, banned) {
				t.Errorf("the program has module %s", m.Path)
			}
		}
	}
	checkCommit(t, info)
	if runtime.GOOS != "linux" {
		t.Skip("symbols are read from ELF: elsewhere only the modules were looked at")
	}
	checkSymbols(t, path)
}

func checkCommit(t *testing.T, info *buildinfo.BuildInfo) {
	t.Helper()
	if _, err := os.Stat("../../.git"); err != nil {
		t.Log("no repository here: the commit is not looked for")
		return
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 40 {
			return
		}
	}
	t.Errorf("built with -buildvcs=true the program does not say its commit: %v", info.Settings)
}

func checkSymbols(t *testing.T, path string) {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // it was read
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program is not static: it asks for a dynamic linker")
		}
	}
	symbols, err := file.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	const ours = "github.com/qrsrisk/qrsd/"
	ofEngine := 0
	for _, s := range symbols {
		if strings.HasPrefix(s.Name, ours+"engine") {
			ofEngine++
		}
		own, isOurs := strings.CutPrefix(s.Name, ours)
		for _, banned := range notLinked {
			if strings.HasPrefix(s.Name, banned) {
				t.Fatalf("the program has %s", s.Name)
			}
		}
		for _, banned := range notOurs {
			if isOurs && strings.HasPrefix(own, banned) {
				t.Fatalf("the program has %s", s.Name)
			}
		}
	}
	if ofEngine < 100 {
		t.Errorf("%d symbols of the engine among %d: this reads no symbols", ofEngine, len(symbols))
	}
}
