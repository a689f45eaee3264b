package collector

import (
	"path"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

const module = "github.com/qrsrisk/qrsd"

// maxFrames bounds a stack; the newest are kept.
const maxFrames = 64

// frame is a place in the program: its file is named by its package, never by the folder that it was built in.
type frame struct {
	Function string `json:"function"`
	Module   string `json:"module"`
	File     string `json:"filename"`
	Line     int    `json:"lineno"`
	Ours     bool   `json:"in_app"`
}

// frameOf is the frame of a function by its full name, such as "github.com/qrsrisk/qrsd/web.(*Server).process.func2".
func frameOf(function, file string, line int) frame {
	folder, name := "runtime", function // panic alone has no package
	if cut := strings.IndexByte(function[strings.LastIndexByte(function, '/')+1:], '.'); cut >= 0 {
		cut += strings.LastIndexByte(function, '/') + 1
		folder, name = function[:cut], function[cut+1:]
	}
	rest, ours := strings.CutPrefix(folder, module)
	ours = ours && (rest == "" || rest[0] == '/')
	at := folder
	if ours {
		at = strings.TrimPrefix(rest, "/")
	}
	return frame{Function: name, Module: folder, File: path.Join(at, path.Base(file)), Line: line, Ours: ours || folder == "main"}
}

// here is the stack of the caller, newest first, without the log's own frames. In a deferred function it has what panicked.
func here() (out []frame) {
	var counters [maxFrames + 32]uintptr
	found := runtime.CallersFrames(counters[:runtime.Callers(2, counters[:])])
	for more := true; more && len(out) < maxFrames; {
		var f runtime.Frame
		f, more = found.Next()
		if f.Function == "" || len(out) == 0 && (strings.HasPrefix(f.Function, module+"/cmd/qrsd/internal/collector.(*Faults)") || strings.HasPrefix(f.Function, "github.com/hashicorp/go-hclog.")) {
			continue
		}
		out = append(out, frameOf(f.Function, f.File, f.Line))
	}
	return out
}

var (
	routine  = regexp.MustCompile(`^goroutine [0-9]+ \[[a-z, 0-9()]+\]:$`)
	called   = regexp.MustCompile(`^([\w./*()\[\]~-]+)\([^()]*\)$`)
	sourceAt = regexp.MustCompile(`^\t.*?([\w.-]+\.go):([0-9]+)(?: \+0x[0-9a-f]+)?$`)
)

// parsed is the first stack in a text of runtime/debug.Stack, newest first. Of a run's panic that is the worker's. Lines that are not
// of a stack's form are passed over; arguments are.
func parsed(text string) (out []frame) {
	lines := strings.Split(text, "\n")
	for len(lines) > 0 && !routine.MatchString(lines[0]) {
		lines = lines[1:]
	}
	for i := 1; i+1 < len(lines) && len(out) < maxFrames; i += 2 {
		function, source := called.FindStringSubmatch(lines[i]), sourceAt.FindStringSubmatch(lines[i+1])
		if function == nil || source == nil {
			break
		}
		line, err := strconv.Atoi(source[2])
		if err != nil {
			break
		}
		out = append(out, frameOf(function[1], source[1], line))
	}
	return out
}

// culprit takes off what lies above the function that panicked: the recovering, and the runtime.
func culprit(all []frame) []frame {
	for i, f := range all {
		if f.Module != "runtime" || f.Function != "panic" && f.Function != "gopanic" {
			continue
		}
		rest := all[i+1:]
		for len(rest) > 0 && rest[0].Module == "runtime" { // panicmem, sigpanic, goPanicIndex
			rest = rest[1:]
		}
		return rest
	}
	return all
}
