// Command fit derives the hazard's climatology from HURDAT2 and writes it into the model pack, beside the record
// of landfalls and the tracks of the best-known storms:
//
//	go run ./engine/hazard/fit -hurdat2 hurdat2.txt.gz -pack engine/modelpack/florida
//
// Its parts, each in a file: steps (storms cut into steps, their entries into the domain, pressure and wind), motion
// (kernel-averaged translation), intensity (autoregression over water), landfall (weights that bring strike
// rates to the record), record and scenarios. The same input gives the same output, byte for byte.
package main

import (
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/besttrack"
)

func main() {
	track := flag.String("hurdat2", "", "HURDAT2 file, plain or .gz")
	pack := flag.String("pack", "engine/modelpack/florida", "model pack folder: geography is read from it, the climatology written to it")
	trials := flag.Int("trial-years", 200000, "simulated years behind the landfall weights")
	flag.Parse()
	if err := run(*track, *pack, *trials); err != nil {
		fmt.Fprintln(os.Stderr, "fit:", err)
		os.Exit(1)
	}
}

func run(track, pack string, trials int) error {
	storms, err := readTracks(track)
	if err != nil {
		return err
	}
	ground, err := geography.Open(os.DirFS(pack))
	if err != nil {
		return err
	}
	c := &hazard.Climatology{
		Source:    fmt.Sprintf("HURDAT2, NOAA National Hurricane Center: %d storms, %s to %s", len(storms), storms[0].ID[4:], storms[len(storms)-1].ID[4:]),
		FirstYear: firstRateYear, LastYear: lastYear(storms),
	}
	c.PressureWind = fitPressureWind(storms)
	steps := makeSteps(storms, ground, c.PressureWind)
	c.Entries = findEntries(storms, c)
	c.Motion = fitMotion(steps)
	c.Intensity = fitIntensity(steps)
	c.Prepare()
	report(round(c))
	record, err := writeRecord(c, storms, ground, pack)
	if err != nil {
		return err
	}
	if err := writeScenarios(storms, pack); err != nil {
		return err
	}
	if err := fitLandfall(c, record, ground, trials); err != nil {
		return err
	}
	return write(c, filepath.Join(pack, hazard.ClimatologyFile))
}

func readTracks(path string) ([]besttrack.Storm, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, err
		}
	}
	storms, err := besttrack.Parse(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return storms, nil
}

func lastYear(storms []besttrack.Storm) int {
	year, _, _, _ := besttrack.Date(storms[len(storms)-1].Fixes[0].Hour)
	return year
}

func write(c *hazard.Climatology, path string) error {
	text, err := json.Marshal(round(c))
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

func report(c *hazard.Climatology) {
	fmt.Printf("pressure-wind: V = %.2f dp^%.3f, sd of ln %.3f, n=%d\n", c.PressureWind.A, c.PressureWind.P, c.PressureWind.SD, c.PressureWind.N)
	fmt.Printf("entries: %d in %d-%d\n", len(c.Entries), c.FirstYear, c.LastYear)
	fmt.Printf("motion: %d steps\n", c.Motion.N)
	in := c.Intensity
	fmt.Printf("intensity: b0 %.4f b1 %.4f b2 %.4f c %.3f, noise %.3f, n=%d\n", in.B0, in.B1, in.B2, in.C, in.Noise, in.N)
}
