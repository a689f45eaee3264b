package hazard

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/qrsrisk/qrsd/engine/geography"
)

const packFolder = "../modelpack/florida"

// pack is what the tests take from the committed model pack.
type pack struct {
	climate *Climatology
	record  *Record
	ground  *geography.Florida
	err     error
}

var openPack = sync.OnceValue(func() (p pack) {
	fsys := os.DirFS(packFolder)
	if p.climate, p.err = ReadClimatology(fsys); p.err != nil {
		return p
	}
	if p.record, p.err = ReadRecord(fsys); p.err != nil {
		return p
	}
	p.ground, p.err = geography.Open(fsys)
	return p
})

func florida(t testing.TB) pack {
	t.Helper()
	p := openPack()
	if p.err != nil {
		t.Fatal(p.err)
	}
	return p
}

// sharedFile is the path of a file of ../shared beside the repository; without it the test is skipped.
func sharedFile(t testing.TB, name string) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		path := filepath.Join(folder, "..", "shared", name)
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			if _, err := os.Stat(path); err != nil {
				t.Skipf("no ../shared/%s beside the repository", name)
			}
			return path
		}
		if folder == filepath.Dir(folder) {
			t.Skip("not inside the repository: ../shared cannot be found")
		}
		folder = filepath.Dir(folder)
	}
}
