// Command generate writes the synthetic sample portfolio of Florida: an OED location
// file and account file of as many locations as asked for, and on request a location
// file with planted faults.
//
//	go run ./examples/florida/generate                                        the committed sample, 5,000 locations
//	go run ./examples/florida/generate -n 1000000 -o examples/florida/large   on demand; streams, needs no memory
//	go run ./examples/florida/generate -faulty                                faulty-location.csv and its list
//
// Nothing in it is a real building, person or policy. The places are real: ZIP codes
// in proportion to county population. What is built there, worth and insured is drawn
// from the shares written in building.go, modifiers.go, value.go and policy.go, which are judgement
// about an ordinary Florida book of business, not statistics of any insurer.
//
// Begin with generate in portfolio.go.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/qrsrisk/qrsd/engine/geography"
)

func main() {
	n := flag.Int("n", 5000, "number of locations")
	seed := flag.Uint64("seed", 2026, "seed of the random numbers")
	out := flag.String("o", "examples/florida", "folder to write to; made if missing")
	pack := flag.String("geography", "engine/modelpack/florida", "folder of the geography files")
	faulty := flag.Bool("faulty", false, "write faulty-location.csv and print its list instead")
	flag.Parse()
	if err := run(*n, *seed, *out, *pack, *faulty); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// run writes the files asked for.
func run(n int, seed uint64, out, pack string, faulty bool) error {
	if n < 1 {
		return fmt.Errorf("-n %d: want at least one location", n)
	}
	florida, err := geography.Open(os.DirFS(pack))
	if err != nil {
		return fmt.Errorf("reading places from %s (run from the root of the repository, or give -geography): %w", pack, err)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("making the output folder: %w", err)
	}
	if faulty {
		fmt.Print(faultTable())
		return writeFile(filepath.Join(out, "faulty-location.csv"), func(w io.Writer) error {
			return writeFaulty(w, florida, seed)
		})
	}
	return writeFile(filepath.Join(out, "location.csv"), func(loc io.Writer) error {
		return writeFile(filepath.Join(out, "account.csv"), func(acc io.Writer) error {
			return generate(florida, n, seed, loc, acc)
		})
	})
}

// writeFile creates a file, lets write fill it and reports every error of both.
func writeFile(path string, write func(io.Writer) error) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing the portfolio: %w", err)
	}
	defer func() {
		if closing := file.Close(); err == nil {
			err = closing
		}
	}()
	w := bufio.NewWriterSize(file, 1<<20)
	if err := write(w); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return w.Flush()
}
