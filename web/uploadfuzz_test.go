package web_test

import (
	"slices"
	"testing"

	"github.com/qrsrisk/qrsd/store"
)

// FuzzUpload sends bodies of multipart/form-data and archives as they are made up. The answer is one that is described, never a
// fault of the appliance, and each leaves one entry.
func FuzzUpload(f *testing.F) {
	a := start(f, unlimited, reading)
	tenant := a.tenant("Example Mutual")
	p := a.join(tenant, "mo@example.com", store.Modeler)
	small := part{"", "location.csv", locations}
	for _, seed := range []string{
		locations, zipped(f, small), zipped(f, small, part{"", "acc.csv", "PortNumber,AccNumber,PolNumber\n"}), bomb(f, 10_000),
		"--b\r\nContent-Disposition: form-data; name=\"location\"; filename=\"a.csv\"\r\n\r\n" + locations + "\r\n--b--\r\n",
		"--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n\xff\r\n--b--", "--b--", "",
	} {
		for kind := range uint8(4) {
			f.Add(kind, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, content []byte) {
		here, q := *a, *p // which report to this test
		here.TB, q.appliance = t, &here
		body := parts{"multipart/form-data; boundary=b", content}
		switch kind % 4 {
		case 1:
			body = form(t, part{"archive", "a.zip", string(content)})
		case 2:
			body = form(t, part{"location", "a.csv", string(content)})
		case 3:
			body = form(t, part{"location", "a.parquet", string(content)})
		}
		r := q.call("POST", "/api/v1/portfolios/validate", body)
		if !slices.Contains([]int{200, 400, 413}, r.Status) {
			t.Fatalf("%.1000s", r)
		}
		if n := len(here.ofRequest(r.Header.Get("X-Request-Id"), tenant)); n != 1 {
			t.Fatalf("%d entries", n)
		}
	})
}
