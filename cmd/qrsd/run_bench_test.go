package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// BenchmarkRun times whole runs of the program: reading, curves, years, figures and files. It reports wall time, peak
// memory and site-event-samples a second of wall time, all coverages of a site being one.
//
// By default the sample portfolio only; QRSD_BENCH=full adds 100,000 locations and takes about an hour on two cores.
func BenchmarkRun(b *testing.B) {
	folder := b.TempDir()
	program := buildProgram(b, filepath.Join(folder, "qrsd"))
	sizes := []string{"../../examples/florida"}
	if os.Getenv("QRSD_BENCH") == "full" {
		large := filepath.Join(folder, "large")
		generate := exec.Command("go", "run", "../../examples/florida/generate", "-n", "100000", "-o", large, "-geography", "../../engine/modelpack/florida")
		if out, err := generate.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		sizes = append(sizes, large)
	}
	for _, portfolio := range sizes {
		for _, years := range []int{10_000, 50_000} {
			for _, samples := range []int{1, 10} {
				for _, cores := range []int{1, 2} {
					name := fmt.Sprintf("%s/years=%d/samples=%d/cores=%d", filepath.Base(portfolio), years, samples, cores)
					b.Run(name, func(b *testing.B) { benchmarkRun(b, program, portfolio, years, samples, cores) })
				}
			}
		}
	}
}

func benchmarkRun(b *testing.B, program, portfolio string, years, samples, cores int) {
	out := b.TempDir()
	var peak, work float64
	for b.Loop() {
		run := exec.Command(program, "run", "--location", filepath.Join(portfolio, "location.csv"), "--account", filepath.Join(portfolio, "account.csv"),
			"--years", strconv.Itoa(years), "--samples", strconv.Itoa(samples), "--workers", strconv.Itoa(cores), "-o", out, "--json")
		run.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(cores))
		printed, err := run.Output()
		if err != nil {
			b.Fatal(err)
		}
		var result struct {
			SiteEvents int64 `json:"site_events"`
		}
		if err := json.Unmarshal(printed, &result); err != nil {
			b.Fatal(err)
		}
		work += float64(result.SiteEvents) * float64(samples)
		if usage, ok := run.ProcessState.SysUsage().(*syscall.Rusage); ok {
			peak = max(peak, float64(usage.Maxrss)/1024)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s")
	b.ReportMetric(peak, "MiB")
	b.ReportMetric(work/b.Elapsed().Seconds(), "site-event-samples/s")
}
