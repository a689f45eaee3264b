package hazard

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// The bits of 50 catalogue years and of the model's own scenarios. Do not change them to fix a build: another digest on
// another machine, with other flags or after an optimisation means that results are no longer
// reproducible. They change with the climatology alone.
const (
	goldenCatalogue = "aa03ef8668204c54f74cc8441325cdd98a72e92e5a7d138b7905327c33763a2a"
	goldenScenarios = "e836356dbe65836aa1c27d4d3af874d189976046f9a32442ab387bd13e704b64"
)

func TestSameBits(t *testing.T) {
	p := florida(t)
	catalog := NewCatalog(p.climate, p.ground, 1)
	h := sha256.New()
	for year := 1; year <= 50; year++ {
		writeEvents(h, catalog.Year(year))
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != goldenCatalogue {
		t.Errorf("digest of 50 years is %s, the golden %s", got, goldenCatalogue)
	}
	storms, err := ReadScenarios(os.DirFS(packFolder))
	if err != nil {
		t.Fatal(err)
	}
	h.Reset()
	for _, s := range storms {
		e, err := FromTrack(s, p.climate, p.ground)
		if err != nil {
			t.Fatal(err)
		}
		writeEvents(h, []Event{e})
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != goldenScenarios {
		t.Errorf("digest of the scenarios is %s, the golden %s", got, goldenScenarios)
	}
}

// writeEvents writes every bit of events: counts, texts with their length, numbers.
func writeEvents(w io.Writer, events []Event) {
	put := func(v any) {
		if err := binary.Write(w, binary.LittleEndian, v); err != nil {
			panic(err) // a hash does not fail
		}
	}
	text := func(s string) { put(uint32(len(s))); put([]byte(s)) }
	put(uint32(len(events)))
	for _, e := range events {
		put([]int32{e.ID, e.Year, int32(e.Day), int32(len(e.Points)), int32(len(e.Landfalls))})
		text(e.Name)
		for _, p := range e.Points {
			put([]float64{p.Hour, p.Lat, p.Lon, p.DP, p.Rmax, p.B, p.U, p.V, p.Wind})
			put(p.Land)
		}
		for _, l := range e.Landfalls {
			text(l.Region)
			put([]float64{l.Hour, l.Lat, l.Lon, l.Wind, l.Pressure, l.Rmax, l.B, l.Heading, l.Speed})
		}
	}
}

// TestSameBitsElsewhere repeats TestSameBits on a processor without any optional instruction and in a
// build that may use all of them.
func TestSameBitsElsewhere(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the tests again in other builds")
	}
	again := []string{"-test.run=^TestSameBits$", "-test.count=1"}
	t.Run("without CPU features", func(t *testing.T) {
		self, err := os.Executable()
		if err != nil {
			t.Skip("the test does not know its own file:", err)
		}
		runAgain(t, exec.Command(self, again...), "GODEBUG=cpu.all=off")
	})
	t.Run("GOAMD64=v3", func(t *testing.T) {
		if runtime.GOARCH != "amd64" {
			t.Skip("GOAMD64 is for amd64")
		}
		tool, err := exec.LookPath("go")
		if err != nil {
			t.Skip("no go command to build with")
		}
		runAgain(t, exec.Command(tool, "test", "-count=1", "-run=^TestSameBits$", "."), "GOAMD64=v3")
	})
}

func runAgain(t *testing.T, c *exec.Cmd, setting string) {
	t.Helper()
	c.Env = append(os.Environ(), setting)
	out, err := c.CombinedOutput()
	if strings.Contains(string(out), "microarchitecture support") {
		t.Skip("this processor cannot run a GOAMD64=v3 build")
	}
	if err != nil {
		t.Errorf("with %s: %v\n%s", setting, err, out)
	}
	if strings.Contains(string(out), "no tests to run") {
		t.Errorf("with %s no test ran", setting)
	}
}
