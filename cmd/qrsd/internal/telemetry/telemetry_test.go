package telemetry_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/telemetry"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

func text(t *testing.T, m *telemetry.Metrics) string {
	t.Helper()
	got, err := m.Text()
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

// TestFigures wants what was told and what was asked, each under its name.
func TestFigures(t *testing.T) {
	now := telemetry.Standing{DiskFree: 12345, Mode: "hybrid", RunsInHand: 2, Store: store.Activity{Batches: 7}}
	m, err := telemetry.New(telemetry.Options{Version: "1.2.3", Standing: func() telemetry.Standing { return now },
		Token: func() (directory.Secret, error) { return directory.NewSecret("t"), nil }})
	if err != nil {
		t.Fatal(err)
	}
	if token, err := m.Token(); err != nil || token.Reveal() != "t" {
		t.Errorf("token %v, %v", token, err)
	}
	log := hclog.NewInterceptLogger(&hclog.LoggerOptions{Output: new(strings.Builder)})
	log.RegisterSink(m)
	log.Named("web").Error("x", "error", errors.New("y"))
	log.Info("z")
	m.Answered("getMe", 200, 3*time.Millisecond)
	m.Answered("getMe", 404, 3*time.Millisecond)
	m.Answered("", 404, 0)
	m.Panicked("getMe")
	m.Sent("traces", 5)
	m.Dropped("traces", 3)
	got := text(t, m)
	for _, line := range []string{
		`qrsd_requests_total{operation="getMe",status="2xx"} 1`, `qrsd_requests_total{operation="none",status="4xx"} 1`,
		`qrsd_request_seconds_bucket{operation="getMe",le="0.005"} 2`, `qrsd_panics_total{operation="getMe"} 1`,
		`qrsd_log_lines_total{level="error"} 1`, `qrsd_log_lines_total{level="warn"} 0`, `qrsd_store_disk_free_bytes 12345`, `qrsd_store_commits_total 7`,
		`qrsd_collector_sent_total{purpose="traces"} 5`, `qrsd_collector_dropped_total{purpose="traces"} 3`, `qrsd_collector_dropped_total{purpose="errors"} 0`,
		`qrsd_mode{mode="hybrid"} 1`, `qrsd_mode{mode="connected"} 0`, `qrsd_runs_in_hand 2`, `qrsd_store_locked 0`,
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if !regexp.MustCompile(`qrsd_build_info\{go="go[^"]+",version="1.2.3"\} 1`).MatchString(got) || !strings.Contains(got, "go_goroutines ") || !strings.Contains(got, "process_open_fds ") {
		t.Error("no figures of program or process")
	}
	if strings.Contains(got, "qrsd_certificate_end_seconds ") || strings.Contains(got, "qrsd_sign_in_check_failed ") {
		t.Error("what is not known has a figure")
	}
	now.Certificate, now.SignInAt, now.SignInFailed, now.Locked = time.Unix(1800000000, 0), time.Unix(1790000000, 0), true, true
	got = text(t, m)
	for _, line := range []string{"qrsd_certificate_end_seconds 1.8e+09", "qrsd_sign_in_check_failed 1", "qrsd_store_locked 1"} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	labels(t, got)
}

// labels holds the labels of our own figures to those that can hold no names.
func labels(t *testing.T, text string) {
	t.Helper()
	allowed := []string{"operation", "status", "level", "mode", "purpose", "version", "go", "le"}
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(line, "qrsd_") {
			continue
		}
		for _, found := range regexp.MustCompile(`([a-z_]+)="`).FindAllStringSubmatch(line, -1) {
			if !slices.Contains(allowed, found[1]) {
				t.Errorf("label %s in %s", found[1], line)
			}
		}
	}
}
