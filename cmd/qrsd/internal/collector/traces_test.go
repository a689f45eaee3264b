package collector_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/collector"
	"github.com/qrsrisk/qrsd/internal/outbound"
)

// TestTraces holds what is sent to the form of opentelemetry-proto v1 in JSON, byte by byte but for the ids, and what is left at the stop is
// sent. Of a request there is nothing but what stands here.
func TestTraces(t *testing.T) {
	s := newService(t)
	r := s.rig(t, outbound.Connected)
	traces := collector.NewTracesAt(collector.TracesOptions{Options: r.options(), Endpoint: s.URL + "/otlp/", Authorization: secret("Bearer of-a-collector")},
		time.Hour, time.Hour, time.Minute)
	at := time.Unix(1790000000, 5).UTC()
	traces.Request("getMe", "0123456789abcdef0123456789abcdef", 200, at, 3*time.Millisecond)
	traces.Request("", "fedcba9876543210fedcba9876543210", 503, at, time.Second)
	stage := traces.Run()
	stage("sites", at, time.Second)
	stage("years", at.Add(time.Second), time.Minute)
	traces.Stop()
	r.await(t, 4, 0)
	got := <-s.got
	if got.path != "/otlp/v1/traces" || got.header.Get("Content-Type") != "application/json" || got.header.Get("Authorization") != "Bearer of-a-collector" || got.header.Get("User-Agent") != "qrsd" {
		t.Errorf("%s %v", got.path, got.header)
	}
	ids := regexp.MustCompile(`"traceId":"([0-9a-f]{32})","spanId":"([0-9a-f]{16})"`).FindAllStringSubmatch(got.body, -1)
	if len(ids) != 4 || ids[0][1] == ids[1][1] || ids[2][1] != ids[3][1] || ids[1][1] == ids[2][1] || ids[2][2] == ids[3][2] || strings.Trim(ids[0][1], "0") == "" {
		t.Errorf("ids %v", ids)
	}
	body := got.body
	for _, id := range ids {
		body = strings.Replace(body, id[0], `"ids":0`, 1)
	}
	const want = `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"qrsd"}},{"key":"service.version","value":{"stringValue":"1.2.3"}}]},` +
		`"scopeSpans":[{"scope":{"name":"qrsd"},"spans":[` +
		`{"ids":0,"name":"getMe","kind":2,"startTimeUnixNano":"1790000000000000005","endTimeUnixNano":"1790000000003000005","attributes":[` +
		`{"key":"qrsd.status_class","value":{"stringValue":"2xx"}},{"key":"qrsd.request_id","value":{"stringValue":"0123456789abcdef0123456789abcdef"}}]},` +
		`{"ids":0,"name":"none","kind":2,"startTimeUnixNano":"1790000000000000005","endTimeUnixNano":"1790000001000000005","attributes":[` +
		`{"key":"qrsd.status_class","value":{"stringValue":"5xx"}},{"key":"qrsd.request_id","value":{"stringValue":"fedcba9876543210fedcba9876543210"}}],"status":{"code":2}},` +
		`{"ids":0,"name":"run sites","kind":1,"startTimeUnixNano":"1790000000000000005","endTimeUnixNano":"1790000001000000005"},` +
		`{"ids":0,"name":"run years","kind":1,"startTimeUnixNano":"1790000001000000005","endTimeUnixNano":"1790000061000000005"}]}]}]}`
	if body != want {
		t.Errorf("got  %s\nwant %s", body, want)
	}
	if len(s.got) != 0 {
		t.Errorf("%d more requests", len(s.got))
	}
}

// TestTracesRejected: spans that the collector took only in part are counted as what they are, whichever way the number is written.
func TestTracesRejected(t *testing.T) {
	for _, number := range []string{`1`, `"1"`} {
		s := newService(t)
		r := s.rig(t, outbound.Connected)
		s.answers <- func(w http.ResponseWriter) {
			_, _ = w.Write([]byte(`{"partialSuccess":{"rejectedSpans":` + number + `,"errorMessage":"too old"}}`))
		}
		traces := collector.NewTracesAt(collector.TracesOptions{Options: r.options(), Endpoint: s.URL}, time.Hour, time.Hour, time.Minute)
		for range 3 {
			traces.Request("getMe", "", 200, time.Now(), time.Second)
		}
		traces.Stop()
		r.await(t, 2, 1)
		if !json.Valid([]byte((<-s.got).body)) {
			t.Error("it is no JSON")
		}
	}
}
