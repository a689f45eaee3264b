package bundle

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/doctor"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// records lists the fields of every record in the store with the reason for which none of them is in a bundle: secret, personal (of a
// person), business (of a tenant) or internal. TestRecords holds it to the sources. It is in every bundle, so that its reader knows what
// is not.
//
//go:embed records.txt
var records string

// Sources are what a bundle is collected from. Version and Now are needed; what is nil or "" is not there, and its file says why.
type Sources struct {
	Version string
	Now     func() time.Time
	// Doctor is the doctor's report.
	Doctor *doctor.Report
	// Config is the configuration.
	Config *config.Config
	// Examination is what the store says of itself; nil: Absent says why.
	Examination *store.Examination
	Absent      string
	// Metrics are the figures; nil: no daemon runs in this process.
	Metrics func() ([]byte, error)
	// Log is the last lines of the log; NoLog says why there are none.
	Log   []byte
	NoLog string
	// Process says that profiles of this process are of the daemon, and belong into the bundle.
	Process bool
	// Host is the root of the host's file system, for its figures in /proc.
	Host fs.FS
}

// mostLog and mostProfile bound one file each, in bytes: the last of the log, the first of a profile.
const (
	mostLog     = 4 << 20
	mostProfile = 4 << 20
)

// Collect collects and redacts. An error is of our own making, or of figures that could not be gathered.
func Collect(s Sources) (Bundle, error) {
	b := Bundle{Version: s.Version, Collected: s.Now().UTC().Truncate(time.Second)}
	for _, part := range []func(Sources) (File, error){
		readMe, buildFile, hostFile, configFile, doctorFile, storeFile, metricsFile, logFile, goroutineFile, heapFile, recordsFile,
	} {
		f, err := part(s)
		if err != nil {
			return Bundle{}, fmt.Errorf("collecting a bundle: %s: %w", f.Name, err)
		}
		b.Files = append(b.Files, f)
	}
	if size := b.size(); size > MaxSize {
		return Bundle{}, fmt.Errorf("collecting a bundle: its files have %d bytes together, at most %d are allowed", size, MaxSize)
	}
	return b, nil
}

func readMe(s Sources) (File, error) {
	f := File{Name: "README.txt", About: "What a bundle is."}
	f.Text = fmt.Appendf(nil, `A diagnostic bundle of qrsd %s, collected at %s.

It holds what it takes to find a fault of the appliance. Where something was taken out stands %s; the manifest says of each
file how often. Ids are replaced by numbers, the same for the same id within one file. There are no records of the store: records.txt
lists what those have, and why it is not here.

The manifest is signed with the appliance's seal key, which its trust page and /.well-known/qrsd-keys.json publish; or with a key made
for this bundle alone where the store could not be unlocked, whose id was shown to whoever made the bundle.
`, s.Version, s.Now().UTC().Format(time.RFC3339), withheld)
	return f, nil
}

// asJSON makes the text of a file.
func asJSON(f File, v any) (File, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	f.Text = append(text, '\n')
	return f, err
}

// absent is a file of something that is not there.
func absent(f File, why string) (File, error) {
	f.Text = []byte(why + "\n")
	return f, nil
}

// buildSettings are those settings of the build that say nothing of where it was built.
var buildSettings = []string{"-compiler", "-tags", "CGO_ENABLED", "GOARCH", "GOOS", "GOAMD64", "GOARM64", "GOEXPERIMENT", "vcs", "vcs.revision", "vcs.time", "vcs.modified"}

func buildFile(s Sources) (File, error) {
	f := File{Name: "build.json", About: "The program: version, settings of the build, and every module in it."}
	type module struct{ Path, Version, Sum string }
	out := struct {
		Version, Go string
		Settings    map[string]string
		Modules     []module
	}{s.Version, runtime.Version(), map[string]string{}, nil}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, b := range info.Settings {
			if slices.Contains(buildSettings, b.Key) {
				out.Settings[b.Key] = b.Value
			} else {
				f.Withheld++
			}
		}
		for _, m := range info.Deps {
			out.Modules = append(out.Modules, module{m.Path, m.Version, m.Sum})
		}
	}
	return asJSON(f, out)
}

func hostFile(s Sources) (File, error) {
	f := File{Name: "host.json", About: "The machine: processor, memory, kernel and pressure; neither its name nor its addresses."}
	out := struct {
		OS, Architecture string
		Cores            int
		Goroutines       int
		Files            map[string]string `json:"proc"`
	}{runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), runtime.NumGoroutine(), map[string]string{}}
	for _, name := range []string{"meminfo", "loadavg", "pressure/cpu", "pressure/io", "pressure/memory", "sys/kernel/osrelease", "self/limits"} {
		if s.Host == nil {
			break
		}
		if text, err := fs.ReadFile(s.Host, "proc/"+name); err == nil {
			out.Files[name] = string(text)
		}
	}
	return asJSON(f, out)
}

func configFile(s Sources) (File, error) {
	f := File{Name: "config.json", About: "The configuration: limits and modes, and of names, addresses, paths and secrets whether they are set."}
	if s.Config == nil {
		return absent(f, "the configuration could not be read")
	}
	var fields any
	fields, f.Withheld = redactConfig(s.Config)
	return asJSON(f, fields)
}

func doctorFile(s Sources) (File, error) {
	f := File{Name: "doctor.json", About: "What the doctor found, with names and paths taken out."}
	if s.Doctor == nil {
		return absent(f, "the doctor was not asked")
	}
	r := *s.Doctor
	r.Findings = slices.Clone(r.Findings)
	for i := range r.Findings {
		line := &r.Findings[i]
		var n, m int
		line.Found, n = words(line.Found, true)
		line.Advice, m = words(line.Advice, true)
		f.Withheld += n + m
	}
	return asJSON(f, r)
}

// storeState is a store's examination as a bundle has it: tenants have numbers.
type storeState struct {
	Format, Tenants, Erased, RotationDue  int
	Created, Anchored                     time.Time
	ReadOnly, Ballast                     bool
	Generation                            uint64
	DatabaseBytes, DatabaseFree, DiskFree int64
	KeyFileBytes, AuditEntries            int64
	UnlockedBy                            []string // kinds of ways
	Keys                                  store.KeyAges
	Database                              store.Activity
	Heads                                 []head
	Faults                                []string
}

// head is a log's.
type head struct {
	Tenant, Log  string
	Size, Signed int64
	SignedAt     time.Time
	Root         ledger.Hash
}

func storeFile(s Sources) (File, error) {
	f := File{Name: "store.json", About: "The store: sizes, ages of keys, and the heads of all logs, with numbers for tenants."}
	if s.Examination == nil {
		return absent(f, s.Absent)
	}
	e, is := s.Examination, s.Examination.Status
	out := storeState{
		Format: is.Format, Tenants: is.Tenants, Erased: is.Erased, RotationDue: is.RotationDue, Created: is.Created, Anchored: is.Anchored,
		ReadOnly: is.ReadOnly, Ballast: is.Ballast, Generation: is.Generation, DatabaseBytes: is.Database.Size, DatabaseFree: is.Database.Free,
		DiskFree: is.DiskFree, KeyFileBytes: is.KeyFile, AuditEntries: is.AuditSize, Keys: e.Keys, Database: e.Database,
	}
	var n int
	out.Database.Failed, n = words(out.Database.Failed, false)
	f.Withheld += n
	for _, slot := range is.Slots {
		out.UnlockedBy = append(out.UnlockedBy, slot.Method)
		if slot.Reference != "" {
			f.Withheld++
		}
	}
	numbers := map[store.ID]string{store.Appliance: "appliance"}
	for _, l := range e.Logs {
		if numbers[l.Tenant] == "" {
			numbers[l.Tenant] = fmt.Sprintf("tenant %d", len(numbers))
			f.Withheld++
		}
		out.Heads = append(out.Heads, head{numbers[l.Tenant], l.Log, l.Size, l.Signed, l.SignedAt, l.Root})
	}
	for _, fault := range e.Faults {
		text, n := words(fault.Where+": "+fault.Reason, true)
		out.Faults, f.Withheld = append(out.Faults, text), f.Withheld+n
	}
	return asJSON(f, out)
}

func metricsFile(s Sources) (File, error) {
	f := File{Name: "metrics.txt", About: "The figures for monitors at this moment."}
	if s.Metrics == nil {
		return absent(f, "no daemon runs in the process that collected this")
	}
	var err error
	f.Text, err = s.Metrics()
	return f, err
}

func logFile(s Sources) (File, error) {
	f := File{Name: "log.jsonl", About: "The last lines of the log: members that can hold no name as they are, of texts the words of the program's own messages."}
	if len(s.Log) == 0 {
		return absent(f, s.NoLog)
	}
	text := s.Log
	if len(text) > mostLog {
		_, text, _ = bytes.Cut(text[len(text)-mostLog:], []byte("\n"))
	}
	f.Text, f.Withheld = redactLog(text)
	return f, nil
}

func goroutineFile(s Sources) (File, error) {
	return profileFile(s, "goroutine", File{Name: "goroutines.txt", About: "What every goroutine of the daemon was doing."})
}

func heapFile(s Sources) (File, error) {
	return profileFile(s, "heap", File{Name: "heap.txt", About: "Where the daemon's memory was allocated, for go tool pprof; nothing of its contents."})
}

func profileFile(s Sources, name string, f File) (File, error) {
	if !s.Process {
		return absent(f, "no daemon runs in the process that collected this")
	}
	var text bytes.Buffer
	if err := pprof.Lookup(name).WriteTo(&text, 1); err != nil {
		return f, err
	}
	f.Text = redactProfile(text.Bytes())
	if len(f.Text) > mostProfile {
		end := bytes.LastIndexByte(f.Text[:mostProfile], '\n')
		f.Text = append(f.Text[:end:end], "\n...\n"...)
	}
	return f, nil
}

func recordsFile(Sources) (File, error) {
	return File{
		Name: "records.txt", About: "What the records of a store have, and why it is not here.",
		Text: []byte(records), Withheld: strings.Count(records, "\n"),
	}, nil
}
