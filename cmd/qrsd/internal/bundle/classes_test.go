package bundle

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
)

var (
	updateWords   = flag.Bool("update-words", false, "write words.txt anew from the sources")
	updateRecords = flag.Bool("update-records", false, "add what records.txt lacks, to be classified by hand, and take out what there is no more")
)

const root = "../../../../"

// sources parses the Go files below folders of the module, without tests.
func sources(t *testing.T, folders ...string) map[string]*ast.File {
	t.Helper()
	all := map[string]*ast.File{}
	for _, folder := range folders {
		err := filepath.WalkDir(root+folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() && (d.Name() == "testdata" || d.Name() == "ui" || d.Name() == "throwaway") {
				if d != nil && d.IsDir() {
					return fs.SkipDir
				}
				return err
			}
			if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			all[strings.TrimPrefix(path, root)] = file
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(all) < 20 {
		t.Fatalf("%d files below %v: is this the module?", len(all), folders)
	}
	return all
}

// TestConfigFields: every field of the configuration, and of what it holds, has a class; what is shown is a number, a span, a flag or one of
// a few words.
func TestConfigFields(t *testing.T) {
	fewWords := []string{"config.Log.Level", "config.Log.Format", "notify.Server.Security", "outbound.Destination.Purpose"}
	seen := map[string]bool{}
	var walk func(reflect.Type)
	walk = func(of reflect.Type) {
		for i := range of.NumField() {
			f := of.Field(i)
			name := fieldOf(of, f)
			if seen[name] {
				continue
			}
			seen[name] = true
			class, ok := configFields[name]
			if !ok {
				t.Errorf("%s has no class: say in configFields what of it is in a diagnostic bundle", name)
				continue
			}
			inner := f.Type
			for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
				inner = inner.Elem()
			}
			switch {
			case class == within:
				walk(inner)
			case class == shown && inner.Kind() == reflect.String && !slices.Contains(fewWords, name):
				t.Errorf("%s is a text, and shown", name)
			case class == shown && (inner.Kind() == reflect.Struct || inner.Kind() == reflect.Map || inner.Kind() == reflect.Func || inner.Kind() == reflect.Interface):
				t.Errorf("%s is a %s, and shown", name, inner)
			}
		}
	}
	walk(reflect.TypeFor[config.Config]())
	for name := range configFields {
		if !seen[name] {
			t.Errorf("%s is classified, and there is none", name)
		}
	}
	t.Logf("%d fields", len(seen))
}

// recordFields lists "package.Type.Field" of all records in the store, and of the types that they have in their own packages.
func recordFields(t *testing.T) (all []string) {
	t.Helper()
	types, begin := map[string]*ast.StructType{}, []string{}
	for path, file := range sources(t, "store") {
		pkg := filepath.Base(filepath.Dir(path))
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if s, ok := n.Type.(*ast.StructType); ok {
					types[pkg+"."+n.Name.Name] = s
				}
			case *ast.CallExpr:
				if index, ok := n.Fun.(*ast.IndexExpr); ok && definesCollection(index.X) && len(n.Args) >= 2 {
					begin = append(begin, typeName(pkg, index.Index))
				}
			}
			return true
		})
	}
	if len(begin) < 25 {
		t.Fatalf("%d collections: %v", len(begin), begin)
	}
	done := map[string]bool{}
	var walk func(string)
	walk = func(name string) {
		s := types[name]
		if s == nil || done[name] {
			return
		}
		done[name] = true
		pkg, _, _ := strings.Cut(name, ".")
		for _, f := range s.Fields.List {
			names := f.Names
			if len(names) == 0 { // embedded
				names = []*ast.Ident{{Name: "(embedded)"}}
			}
			for _, n := range names {
				all = append(all, name+"."+n.Name)
			}
			ast.Inspect(f.Type, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					walk(pkg + "." + id.Name)
				}
				return true
			})
		}
	}
	for _, name := range begin {
		if types[name] == nil {
			t.Errorf("record %s: its type was not found", name)
		}
		walk(name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func definesCollection(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "Define"
	case *ast.SelectorExpr:
		return e.Sel.Name == "Define"
	}
	return false
}

func typeName(pkg string, e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return pkg + "." + e.Name
	case *ast.SelectorExpr:
		return e.X.(*ast.Ident).Name + "." + e.Sel.Name
	}
	return fmt.Sprintf("%T", e)
}

// TestRecords: every field of every record in the store has a class.
func TestRecords(t *testing.T) {
	classes := map[string]string{}
	for line := range strings.Lines(records) {
		if f := strings.Fields(line); len(f) == 2 {
			classes[f[0]] = f[1]
		}
	}
	want := recordFields(t)
	if *updateRecords {
		var out strings.Builder
		for _, name := range want {
			class := classes[name]
			if class == "" {
				class = "unclassified"
			}
			fmt.Fprintf(&out, "%-60s %s\n", name, class)
		}
		if err := os.WriteFile("records.txt", []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range want {
		if class := classes[name]; !slices.Contains([]string{"secret", "personal", "business", "internal"}, class) {
			t.Errorf("%s has the class %q: say in records.txt whether it is secret, personal, business or internal", name, class)
		}
		delete(classes, name)
	}
	for name := range classes {
		t.Errorf("%s is in records.txt, and there is no such field", name)
	}
	t.Logf("%d fields", len(want))
}

var (
	wordOfLiteral = regexp.MustCompile(`^[A-Za-z]+(-[A-Za-z]+)*(/[a-z]+)?$`)
	libraries     = `context deadline exceeded context canceled i/o timeout EOF unexpected EOF tls handshake failure certificate verify x509 has expired is not valid for any names
		no such host lookup dial tcp read write connect broken pipe use of closed network connection too many open files invalid argument runtime error: index out of range
		nil pointer dereference slice bounds interface conversion makeslice divide by zero negative shift amount http server closed idle connection open close stat rename remove fsync`
)

// TestWords: words.txt has words of our own messages, and none of anything else; with -update-words it is written anew.
func TestWords(t *testing.T) {
	found := map[string]bool{}
	add := func(text string) {
		if !strings.Contains(text, " ") { // a name, an identifier
			return
		}
		for f := range strings.FieldsSeq(text) {
			if core := strings.Trim(f, aroundWords); wordOfLiteral.MatchString(core) {
				found[core] = true
			}
		}
	}
	for _, file := range sources(t, "cmd/qrsd", "internal", "store", "web") {
		ast.Inspect(file, func(n ast.Node) bool {
			if imports, ok := n.(*ast.ImportSpec); ok && imports != nil {
				return false
			}
			if call, ok := n.(*ast.CallExpr); ok && len(call.Args) > 0 {
				if method, ok := call.Fun.(*ast.SelectorExpr); ok && isLog(method.X) { // a message of one word is one too
					if lit, ok := call.Args[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
						add(" " + strings.Trim(lit.Value, `"`))
					}
					return true
				}
			}
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				add(text)
			}
			return true
		})
	}
	add(libraries)
	for n := syscall.Errno(1); n < 134; n++ {
		add(" " + n.Error())
	}
	if *updateWords {
		all := make([]string, 0, len(found))
		for w := range found {
			all = append(all, w)
		}
		slices.Sort(all)
		if err := os.WriteFile("words.txt", []byte(strings.Join(all, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Skip("words.txt was written; run the test without -update-words")
	}
	stale := 0
	for w := range knownWords() {
		if !wordOfLiteral.MatchString(w) {
			t.Errorf("%q is no word", w)
		}
		if !found[w] {
			stale++ // a message was changed: harmless
		}
	}
	if len(knownWords()) < 1000 || stale > len(knownWords())/10 {
		t.Errorf("%d words, %d of them in no message: go test ./cmd/qrsd/internal/bundle -run TestWords -update-words", len(knownWords()), stale)
	}
}

// TestLogMembers: every member that the sources give to a line of the log has a class.
func TestLogMembers(t *testing.T) {
	levels := []string{"Trace", "Debug", "Info", "Warn", "Error"}
	count := 0
	for path, file := range sources(t, "cmd/qrsd/internal", "web", "internal") {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains(levels, method.Sel.Name) || !isLog(method.X) {
				return true
			}
			for i := 1; i < len(call.Args); i += 2 {
				lit, ok := call.Args[i].(*ast.BasicLit)
				if !ok {
					break // about...: a slice that is made elsewhere
				}
				name, _ := strconv.Unquote(lit.Value)
				if count++; !classified(name) {
					t.Errorf("%s: the member %q of a log line has no class: say in logMembers what of it is in a diagnostic bundle", path, name)
				}
			}
			return true
		})
	}
	if count < 50 {
		t.Errorf("%d members: are these the sources?", count)
	}
	for name, class := range logMembers {
		if slices.Contains([]string{"email", "e_mail", "user", "password", "token", "name", "policy", "location"}, name) && (class.pattern != nil || class.text || class.stack || class.number != "" || class.oneOf != nil) {
			t.Errorf("the member %q may hold a name, and something of it is shown", name)
		}
	}
}

func classified(name string) bool { _, ok := logMembers[name]; return ok }

// isLog reports whether an expression is a logger by its name: log, o.Log, s.log.
func isLog(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return strings.EqualFold(e.Name, "log")
	case *ast.SelectorExpr:
		return strings.EqualFold(e.Sel.Name, "log")
	}
	return false
}

// TestShelf keeps two bundles, for a while.
func TestShelf(t *testing.T) {
	var s Shelf
	now := time.Now()
	for i := range 3 {
		s.Put([16]byte{byte(i)}, Bundle{Version: fmt.Sprint(i)}, now)
	}
	if _, err := s.Get([16]byte{0}, now); err == nil {
		t.Error("the third did not take the place of the first")
	}
	if all := s.All(now); len(all) != 2 || all[0].ID != [16]byte{2} || all[1].ID != [16]byte{1} || !all[0].Expires.After(now) {
		t.Errorf("kept: %+v", all)
	}
	if all := s.All(now.Add(shelfLife)); len(all) != 0 {
		t.Errorf("after their time: %+v", all)
	}
	for i := range 2 {
		s.Put([16]byte{byte(i + 1)}, Bundle{Version: fmt.Sprint(i + 1)}, now)
	}
	if b, err := s.Get([16]byte{2}, now); err != nil || b.Version != "2" {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := s.Get([16]byte{2}, now.Add(shelfLife)); err == nil {
		t.Error("it did not expire")
	}
	if s.Forget(now.Add(shelfLife)); len(s.all) > 0 {
		t.Error("it is kept in memory after its time")
	}
}
