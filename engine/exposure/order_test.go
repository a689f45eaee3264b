package exposure_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"math/rand"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

// shuffled is a CSV with its rows and columns in another order.
func shuffled(t testing.TB, content string, seed int64) string {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(content)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewSource(seed))
	columns := rng.Perm(len(records[0]))
	rng.Shuffle(len(records)-1, func(i, j int) { records[i+1], records[j+1] = records[j+1], records[i+1] })
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	for _, rec := range records {
		row := make([]string, len(rec))
		for i, c := range columns {
			row[i] = rec[c]
		}
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
	return b.String()
}

// manyLocations is a file of n locations in 7 accounts, each third under two CondTags.
func manyLocations(t testing.TB, n int) string {
	var edits []string
	for i := range n {
		edits = append(edits, "LocNumber="+fmt.Sprint(i*7919%1000), fmt.Sprintf("AccNumber=A%d", i%7), "CondTag=",
			fmt.Sprintf("BuildingTIV=%d.1", 1000*i), fmt.Sprintf("Remark=r%d", i))
		if i%3 == 0 {
			edits = append(edits, "+", "CondTag=T")
		}
		if i < n-1 {
			edits = append(edits, "+")
		}
	}
	return edit(t, goodLocation, edits...)
}

func manyPolicies(t testing.TB) string {
	var edits []string
	for a := range 7 {
		for layer := range 3 {
			edits = append(edits, fmt.Sprintf("AccNumber=A%d", a), fmt.Sprintf("LayerNumber=%d", layer+1), "CondTag=", "CondNumber=", "CondLimit6All=", "CondPeril=",
				"+", "CondTag=T", "CondNumber=1", "CondPriority=1", "CondPeril=WW1", "CondLimit6All=5000", "+")
		}
	}
	return edit(t, goodAccount, edits[:len(edits)-1]...)
}

// TestOrderIndependence reads the same rows in other orders.
func TestOrderIndependence(t *testing.T) {
	location, account := manyLocations(t, 100), manyPolicies(t)
	p, report := read(t, location, account)
	if report.Locations != 100 || len(p.Locations) != 134 || report.Accounts != 7 || report.Policies != 7 || len(p.Accounts[0].Rows) != 6 {
		t.Fatalf("%d locations in %d rows, %d accounts", report.Locations, len(p.Locations), report.Accounts)
	}
	if want := 1000*99*100/2 + 0.1*100; math.Abs(report.TIV[0]-want) > 1e-6 { // each location once
		t.Errorf("buildings %v, want %v", report.TIV[0], want)
	}
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Int64().Draw(rt, "seed")
		q, again := read(t, shuffled(t, location, seed), shuffled(t, account, seed+1))
		if q.Digest() != p.Digest() || again.TIV != report.TIV {
			rt.Errorf("digest %x, want %x; TIV %v, want %v", q.Digest(), p.Digest(), again.TIV, report.TIV)
		}
		for i := range p.Locations {
			a, b := p.Locations[i], q.Locations[i]
			a.Line, b.Line = 0, 0
			if !reflect.DeepEqual(a, b) {
				rt.Fatalf("location %d: %+v, want %+v", i, b, a)
			}
		}
		if !reflect.DeepEqual(remarks(p), remarks(q)) {
			rt.Errorf("kept text is not in the order of locations")
		}
	})
}

func remarks(p *exposure.Portfolio) (out []string) {
	for _, c := range p.Columns {
		if c.Name == "Remark" {
			for i := range p.Locations {
				out = append(out, p.Locations[i].LocNumber+c.Value(i))
			}
		}
	}
	return out
}

// TestDigestSeesEveryField changes each field of a portfolio in turn.
func TestDigestSeesEveryField(t *testing.T) {
	account := edit(t, goodAccount, "CondTag=T", "CondNumber=1", "CondPriority=1", "CondPeril=WW1", "CondLimit6All=5000", "AccPeril=WW1", "AccDed6All=1",
		"StepFunctionName=27", "StepNumber=1", "StepTriggerType=1")
	fresh := func() *exposure.Portfolio {
		p, _ := read(t, goodLocation, account)
		return p
	}
	want := fresh().Digest()
	ignored := map[string]bool{"Portfolio.Locations.Line": true, "Portfolio.Accounts.Rows.Line": true}
	seen := 0
	for _, path := range leaves(reflect.ValueOf(fresh()).Elem(), "Portfolio") {
		p := fresh()
		v := find(reflect.ValueOf(p).Elem(), path.steps)
		change(v)
		if changed := p.Digest() != want; changed == ignored[path.name] {
			t.Errorf("changing %s: digest changed is %t", path.name, changed)
		}
		seen++
	}
	if seen < 120 {
		t.Errorf("%d fields", seen)
	}
	p := fresh()
	p.Columns = nil
	if p.Digest() != want {
		t.Error("columns that no calculation uses change the digest")
	}
}

// leaf is a way to a number, text or flag inside a value.
type leaf struct {
	name  string
	steps []int
}

func leaves(v reflect.Value, name string, steps ...int) (out []leaf) {
	add := func(i int, child reflect.Value, childName string) {
		out = append(out, leaves(child, childName, append(slices.Clone(steps), i)...)...)
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if n := name + "." + v.Type().Field(i).Name; n != "Portfolio.Columns" && n != "Portfolio.Accounts.First" && n != "Portfolio.Accounts.Count" {
				add(i, v.Field(i), n)
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			add(i, v.Index(i), name)
		}
	case reflect.Pointer:
		add(0, v.Elem(), name)
	default: // a map counts as one
		return []leaf{{name, steps}}
	}
	return out
}

func find(v reflect.Value, steps []int) reflect.Value {
	for _, i := range steps {
		switch v.Kind() {
		case reflect.Struct:
			v = v.Field(i)
		case reflect.Slice, reflect.Array:
			v = v.Index(i)
		case reflect.Pointer:
			v = v.Elem()
		}
	}
	return v
}

func change(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Float64:
		v.SetFloat(v.Float() + 1)
	case reflect.Int:
		v.SetInt(v.Int() + 1)
	case reflect.Map:
		v.SetMapIndex(reflect.ValueOf("StepNumber"), reflect.ValueOf("2"))
	default:
		v.SetUint(v.Uint() ^ 1)
	}
}

// TestKeyGolden pins a location's identity: every random number hangs on it.
// Do not change it to fix a build.
func TestKeyGolden(t *testing.T) {
	if got := exposure.LocationKey("P1", "A1", "1"); got != 0x3f8d09678b9e55c1 {
		t.Errorf("%#x", got)
	}
	if exposure.LocationKey("P1", "A", "11") == exposure.LocationKey("P1", "A1", "1") {
		t.Error("the numbers run into one another")
	}
}

// TestDigestGolden pins the encoding: digests of portfolios are sealed.
// Do not change it to fix a build.
func TestDigestGolden(t *testing.T) {
	p, _ := read(t, goodLocation, goodAccount)
	if got := fmt.Sprintf("%x", p.Digest()); got != "d95a02891e7a352f79699fe40e8751061d0d3f08a944b69b3a757e0ca58f62b6" {
		t.Errorf("%s", got)
	}
}
