package main

import (
	"crypto/tls"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// BenchmarkServerStart measures from the start of the process to its first answer over TLS, for the first start, which makes store,
// key and certificate, and for later ones. MiB-idle is the resident memory a second after that.
func BenchmarkServerStart(b *testing.B) {
	dir := b.TempDir()
	program := buildProgram(b, filepath.Join(dir, "qrsd"))
	const text = "listen = \"127.0.0.1:0\"\nstore {\n path = \"data/store\"\n key_file = \"key/store.key\"\n }\n"
	for _, c := range []struct {
		name  string
		fresh bool
	}{{"first", true}, {"later", false}} {
		b.Run(c.name, func(b *testing.B) {
			home := b.TempDir()
			idle := 0.0
			for b.Loop() {
				b.StopTimer()
				if c.fresh {
					home = b.TempDir()
				}
				if err := os.WriteFile(filepath.Join(home, "qrsd.hcl"), []byte(text), 0o600); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				command := startServer(b, program, home)
				b.StopTimer()
				time.Sleep(time.Second)
				idle += residentMiB(b, command.Process.Pid)
				if err := command.Process.Signal(os.Interrupt); err != nil {
					b.Fatal(err)
				}
				if err := command.Wait(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(idle/float64(b.N), "MiB-idle")
		})
	}
}

// startServer returns when the server has answered.
func startServer(b *testing.B, program, home string) *exec.Cmd {
	b.Helper()
	log := filepath.Join(home, "log")
	file, err := os.Create(log)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	command := exec.Command(program, "server")
	command.Dir, command.Stderr = home, file
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = command.Process.Kill() })
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	serving := regexp.MustCompile(`"@message":"serving".*"url":"(https://[^"]+)"`)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(log)
		if err != nil {
			b.Fatal(err)
		}
		found := serving.FindSubmatch(text)
		if found == nil {
			continue
		}
		reply, err := client.Get(string(found[1]) + "/healthz")
		if err != nil || reply.StatusCode != http.StatusOK {
			b.Fatalf("%v, %v", reply, err)
		}
		reply.Body.Close()
		return command
	}
	b.Fatal("the server does not serve")
	return nil
}

// residentMiB is the resident memory of a process, where the kernel says it.
func residentMiB(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		b.Skip("resident memory is read from /proc:", err)
	}
	found := regexp.MustCompile(`VmRSS:\s+([0-9]+) kB`).FindSubmatch(text)
	if found == nil {
		b.Fatalf("no VmRSS in %s", text)
	}
	kib, err := strconv.Atoi(string(found[1]))
	if err != nil {
		b.Fatal(err)
	}
	return float64(kib) / 1024
}
