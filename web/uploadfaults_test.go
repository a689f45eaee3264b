package web_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	parquetgo "github.com/parquet-go/parquet-go"

	"github.com/qrsrisk/qrsd/internal/intake"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// none wants the tenant to have no portfolio.
func (p *person) none() {
	p.Helper()
	var list wire.Page[wire.Portfolio]
	p.want(200, p.call("GET", "/api/v1/portfolios", nil)).into(p.TB, &list)
	if len(list.Items) != 0 {
		p.Errorf("%d portfolios", len(list.Items))
	}
}

// TestUploadCutOff cuts an upload at every tenth of its length, by its length and in chunks: nothing is imported, the failure is entered once,
// and the server goes on.
func TestUploadCutOff(t *testing.T) {
	a, tenant, p := office(t)
	body := book(t, "Cut off")
	before := len(a.entries(tenant))
	sent := 0
	for _, framing := range []string{fmt.Sprintf("Content-Length: %d", len(body.content)), "Transfer-Encoding: chunked"} {
		for tenth := range 10 {
			c := a.dial()
			part := body.content[:len(body.content)*tenth/10]
			text := string(part)
			if strings.HasPrefix(framing, "T") && len(part) > 0 {
				text = fmt.Sprintf("%x\r\n%s\r\n", len(part), part)
			}
			_, err := fmt.Fprintf(c, "POST /api/v1/portfolios HTTP/1.1\r\nHost: %s\r\nCookie: __Host-qrsd=%s\r\nOrigin: https://%s\r\nContent-Type: %s\r\n%s\r\n\r\n%s",
				host, p.cookie, host, body.media, framing, text)
			a.must(err)
			a.must(c.CloseWrite())
			if got := readAll(c); !strings.HasPrefix(got, "HTTP/1.1 400") && got != "" {
				t.Errorf("%s, %d tenths: %.300s", framing, tenth, got)
			}
			_ = c.Close()  // cut off on purpose
			if tenth > 0 { // with nothing of its body, what came is no request
				sent++
			}
		}
	}
	p.none()
	failed := 0
	for _, e := range a.entries(tenant)[before:] {
		if e.Action == "portfolio.import" {
			failed++
			if e.Outcome != store.Failed {
				t.Errorf("an upload that was cut off is entered as %s", e.Outcome)
			}
		}
	}
	if failed != sent && failed != sent+1 && failed != sent+2 {
		t.Errorf("%d of %d uploads that were cut off are entered", failed, sent)
	}
	p.want(201, p.call("POST", "/api/v1/portfolios", body))
}

// endless is a location file without end, in chunks.
type endless struct {
	begun bool
	head  string
	sent  atomic.Int64
	most  int64
}

func (e *endless) Read(p []byte) (int, error) {
	if !e.begun {
		e.begun = true
		return copy(p, e.head), nil
	}
	if e.sent.Load() >= e.most {
		return 0, io.EOF
	}
	n := copy(p, bytes.Repeat([]byte("Book,Home,1,US,FL,33139\n"), len(p)/24+1))
	e.sent.Add(int64(n))
	return n, nil
}

// TestUploadWithoutEnd sends 10 GB in chunks: the upload ends at the limit, with a bounded part of it sent and a bounded memory.
func TestUploadWithoutEnd(t *testing.T) {
	const limit = 64 << 20
	a, _, p := office(t, func(o *web.Options, _ *directory.Options) { o.Limits.Upload = limit })
	body := &endless{most: 10 << 30, head: "--b\r\nContent-Disposition: form-data; name=\"location\"; filename=\"l.csv\"\r\n\r\n"}
	q, err := http.NewRequestWithContext(t.Context(), "POST", "https://"+host+"/api/v1/portfolios", body)
	a.must(err)
	q.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	q.Header.Set("Cookie", "__Host-qrsd="+p.cookie)
	q.Header.Set("Origin", "https://"+host)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r, err := p.client.Do(q)
	if err == nil {
		if r.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d", r.StatusCode)
		}
		r.Body.Close()
	} // otherwise the connection was ended before the client had sent all
	runtime.ReadMemStats(&after)
	if sent := body.sent.Load(); sent > limit+(64<<20) {
		t.Errorf("%d MiB were taken", sent>>20)
	}
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	p.none()
}

// TestUploadTooLong: one whose length is said to be beyond the limit is refused without reading it.
func TestUploadTooLong(t *testing.T) {
	a, _, p := office(t)
	got := a.raw(fmt.Sprintf("POST /api/v1/portfolios HTTP/1.1\r\nHost: %s\r\nCookie: __Host-qrsd=%s\r\nOrigin: https://%s\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n",
		host, p.cookie, host, int64(11)<<30) + strings.Repeat("x", 8<<10))
	if !strings.HasPrefix(got, "HTTP/1.1 413") || !strings.Contains(got, "Connection: close") {
		t.Errorf("%.400s", got)
	}
}

// TestUploadRefusedUnread: what somebody sends who may not is not spooled, and what follows it is not taken for a request.
func TestUploadRefusedUnread(t *testing.T) {
	a, tenant, _ := office(t)
	viewer := a.join(tenant, "vi@example.com", store.Viewer)
	smuggled := "GET /healthz HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	got := a.raw(fmt.Sprintf("POST /api/v1/portfolios HTTP/1.1\r\nHost: %s\r\nCookie: __Host-qrsd=%s\r\nOrigin: https://%s\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n%s",
		host, viewer.cookie, host, 1<<30, smuggled))
	if !strings.HasPrefix(got, "HTTP/1.1 403") || strings.Count(got, "HTTP/1.1 ") != 1 {
		t.Errorf("%.600s", got)
	}
}

// row is what a bomb of Parquet repeats.
type row struct {
	PortNumber, AccNumber string
	LocNumber             int64 `parquet:",delta"`
	CountryCode, AreaCode string
	PostalCode            string
	LocCurrency           string
	LocPerilsCovered      string
	BuildingTIV           float64
}

// bomb is a small file of Parquet with very many rows.
func bomb(t testing.TB, rows int) string {
	t.Helper()
	var b bytes.Buffer
	w := parquetgo.NewGenericWriter[row](&b, parquetgo.Compression(&parquetgo.Zstd))
	batch := make([]row, 10_000)
	for n := 0; n < rows; n += len(batch) {
		for i := range batch {
			batch[i] = row{"Book", "Home", int64(n + i), "US", "FL", "33139", "USD", "WTC", 1}
		}
		if _, err := w.Write(batch); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestParquetBomb: a small file with more rows than may be is a fault, and not a portfolio.
func TestParquetBomb(t *testing.T) {
	_, _, p := office(t, func(o *web.Options, _ *directory.Options) {
		o.Intake = intake.New(intake.Options{Ground: theGround, MaxRows: 200_000})
	})
	file := bomb(t, 300_000)
	if len(file) > 1<<20 {
		t.Fatalf("%d bytes are no bomb", len(file))
	}
	var check wire.ExposureCheck
	p.want(200, p.call("POST", "/api/v1/portfolios/validate", form(t, part{"location", "l.parquet", file}))).into(t, &check)
	if check.Valid || len(check.Report.Faults) == 0 || !strings.Contains(check.Report.Faults[0].Reason, "more than 200000 rows") {
		t.Errorf("%+v", check)
	}
}

// TestUploadsAtOnce: a tenant that holds all its places for uploads is told to come again, and another tenant is not.
func TestUploadsAtOnce(t *testing.T) {
	a, _, p := office(t, func(o *web.Options, _ *directory.Options) { o.Limits.Uploads = 2 })
	body := form(t, part{"location", "location.csv", locations})
	held := a.holdUpload(p, body)
	q := a.join(a.tenant("Other Mutual"), "ann@example.com", store.Modeler)
	q.want(201, q.call("POST", "/api/v1/portfolios", body))
	_ = held.Close() // cut off on purpose
	for range 4000 {
		if r := p.call("POST", "/api/v1/portfolios", body); r.Status == 201 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("the place was not given free")
}

// holdUpload begins an upload that does not go on, and returns when it has the tenant's only place. An upload of ours that was faster has
// the place before it; then it begins another.
func (a *appliance) holdUpload(p *person, body parts) io.Closer {
	a.Helper()
	for range 20 {
		c := a.dial()
		_, err := fmt.Fprintf(c, "POST /api/v1/portfolios HTTP/1.1\r\nHost: %s\r\nCookie: __Host-qrsd=%s\r\nOrigin: https://%s\r\nContent-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n--b\r\n\r\n", host, p.cookie, host)
		a.must(err)
		time.Sleep(20 * time.Millisecond)
		if r := p.call("POST", "/api/v1/portfolios", body); r.Status == 503 {
			if r.Header.Get("Retry-After") == "" {
				a.Error("it does not say when to come again")
			}
			return c
		}
		_ = c.Close() // cut off on purpose
	}
	a.Fatal("an upload that began has no place")
	return nil
}

// TestUploadEndsEarly: an upload whose parts are all there, but not all that its length says, is cut off like any other.
func TestUploadEndsEarly(t *testing.T) {
	a, _, p := office(t)
	body := book(t, "Early")
	c := a.dial()
	defer func() { _ = c.Close() }() // it was read
	_, err := fmt.Fprintf(c, "POST /api/v1/portfolios HTTP/1.1\r\nHost: %s\r\nCookie: __Host-qrsd=%s\r\nOrigin: https://%s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		host, p.cookie, host, body.media, len(body.content)+10, body.content)
	a.must(err)
	a.must(c.CloseWrite())
	if got := readAll(c); strings.HasPrefix(got, "HTTP/1.1 2") {
		t.Errorf("%.300s", got)
	}
	p.none()
}
