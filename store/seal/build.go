package seal

import (
	"runtime/debug"
	"slices"
	"strings"
)

// Build is the program that ran, as the Go linker wrote it into the program.
type Build struct {
	// Commit is the source's, 40 or 64 hexadecimal digits; "": the build does not say it.
	Commit string `json:"commit"`
	// Dirty: built from a changed work tree, without a commit, or with a module from a folder. Such a program cannot be
	// built again from what the seal names.
	Dirty bool `json:"dirty"`
	// Engine is the engine's version, such as "1.0.0".
	Engine string `json:"engine"`
	// Flags are the settings of the build by name, such as "-trimpath", "GOARCH", "GOAMD64"; without those of the commit.
	Flags map[string]string `json:"flags"`
	// Go is the toolchain, such as "go1.26.0".
	Go string `json:"go"`
	// Module is the path of the main module.
	Module string `json:"module"`
	// Modules are all others, sorted by path.
	Modules []Module `json:"modules"`
	// Time is the commit's, RFC 3339; "": not known.
	Time string `json:"time"`
}

// Module is a module that was linked.
type Module struct {
	Path string `json:"path"`
	// Sum is the h1 sum of the content, as in go.sum; "" of a module that came from a folder.
	Sum     string `json:"sum"`
	Version string `json:"version"`
}

// BuildOf is the build of a program whose build information is given (debug.ReadBuildInfo; nil: it has none), with
// the version of its engine.
func BuildOf(info *debug.BuildInfo, engine string) Build {
	b := Build{Engine: engine, Flags: map[string]string{}, Modules: []Module{}}
	if info == nil {
		b.Dirty = true
		return b
	}
	b.Go, b.Module = info.GoVersion, info.Main.Path
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Dirty = s.Value == "true"
		default:
			b.Flags[s.Key] = s.Value
		}
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = &debug.Module{Path: m.Path, Version: m.Replace.Path + "@" + m.Replace.Version, Sum: m.Replace.Sum}
		}
		b.Dirty = b.Dirty || m.Sum == ""
		b.Modules = append(b.Modules, Module{Path: m.Path, Sum: m.Sum, Version: m.Version})
	}
	slices.SortFunc(b.Modules, func(x, y Module) int { return strings.Compare(x.Path, y.Path) })
	b.Dirty = b.Dirty || b.Commit == ""
	return b
}
