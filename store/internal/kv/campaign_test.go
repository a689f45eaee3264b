//go:build linux

package kv_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFaultCampaign builds this package's tests once more, with the tag kvfaults, against a copy of bbolt whose writes and
// syncs pass through a function of ours, and runs what faults_test.go has. bbolt has no such door itself (its failpoints
// are for its own build), and module sources cannot be overlaid in place. KVFAULTS_* variables reach the campaign; see there.
func TestFaultCampaign(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs the go command to build the campaign")
	}
	if testing.Short() {
		t.Skip("builds and runs a program of its own")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "campaign.test")
	build := exec.Command("go", "test", "-c", "-tags", "kvfaults", "-vet=off",
		"-modfile", interceptedModule(t, dir), "-overlay", interceptedSteps(t, dir), "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the campaign: %v\n%s", err, out)
	}
	run := exec.Command(program, "-test.run", "^TestFaults", "-test.v", "-test.timeout", "60m")
	out, err := run.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "count:") || err != nil {
			t.Log(strings.TrimRight(line, "\n"))
		}
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: TestFaults") {
		t.Errorf("the campaign: %v", err)
	}
}

// interceptedModule is a go.mod like ours whose bbolt is a copy with Intercept.
func interceptedModule(t *testing.T, dir string) (modfile string) {
	t.Helper()
	list, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}\n{{.GoVersion}}", "go.etcd.io/bbolt").Output()
	if err != nil {
		t.Fatalf("finding bbolt: %v", err)
	}
	from, _, _ := strings.Cut(string(list), "\n")
	to := filepath.Join(dir, "bbolt")
	copySources(t, from, to)
	edit(t, filepath.Join(to, "db.go"), map[string]string{
		"db.ops.writeAt = db.file.WriteAt":       "db.ops.writeAt = interceptedWriteAt(db.file)",
		"db.file.Truncate(int64(sz))":            `intercept("truncate", db.file.Name(), nil, int64(sz), func() error { return db.file.Truncate(int64(sz)) })`,
		"if err := db.file.Sync(); err != nil {": `if err := intercept("sync", db.file.Name(), nil, 0, db.file.Sync); err != nil {`,
	})
	edit(t, filepath.Join(to, "bolt_linux.go"), map[string]string{
		"return syscall.Fdatasync(int(db.file.Fd()))": `return intercept("sync", db.file.Name(), nil, 0, func() error { return syscall.Fdatasync(int(db.file.Fd())) })`,
	})
	copyFile(t, "testdata/intercept/bbolt.go.txt", filepath.Join(to, "intercept.go"))

	modfile = filepath.Join(dir, "go.mod")
	copyFile(t, "../../../go.mod", modfile)
	copyFile(t, "../../../go.sum", filepath.Join(dir, "go.sum"))
	text, err := os.ReadFile(modfile)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, modfile, append(text, "\nreplace go.etcd.io/bbolt => "+to+"\n"...))
	return modfile
}

// interceptedSteps is an overlay that stands in front of the package's own durable steps.
func interceptedSteps(t *testing.T, dir string) (overlay string) {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	durable, steps := filepath.Join(dir, "durable.go"), filepath.Join(dir, "steps.go")
	copyFile(t, "durable.go", durable)
	edit(t, durable, map[string]string{"func syncPath(": "func durableSyncPath(", "func rename(": "func durableRename("})
	copyFile(t, "testdata/intercept/durable.go.txt", steps)
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(here, "durable.go"):             durable,
		filepath.Join(here, "durable_intercepted.go"): steps,
	}})
	if err != nil {
		t.Fatal(err)
	}
	overlay = filepath.Join(dir, "overlay.json")
	writeFile(t, overlay, text)
	return overlay
}

// copySources copies a module's go.mod and Go files without tests.
func copySources(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "cmd" || d.Name() == "tests"):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		case name == "go.mod" || strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			copyFile(t, path, filepath.Join(to, name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// edit replaces each text, which must be there exactly once: another version of bbolt must not pass untouched.
func edit(t *testing.T, path string, replace map[string]string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for old, now := range replace {
		if n := strings.Count(string(text), old); n != 1 {
			t.Fatalf("%s has %q %d times, need once: see what this version does and mend the campaign", path, old, n)
		}
		text = []byte(strings.Replace(string(text), old, now, 1))
	}
	writeFile(t, path, text)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, to, text)
}
