package fmath_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// numeric are the trees whose results must have the same bits everywhere.
var numeric = []string{"engine", "quantum", "internal"}

// exempt packages are linked into tests and tools only.
var exempt = map[string]bool{"github.com/qrsrisk/qrsd/internal/fmath/exact": true}

// allowedMath are the functions of math that are exact, or correctly rounded, on every
// architecture. Constants of math are free.
var allowedMath = map[string]bool{
	"Sqrt": true, "FMA": true, "Abs": true, "Floor": true, "Ceil": true, "Trunc": true, "Min": true, "Max": true, "Copysign": true,
	"Float64bits": true, "Float64frombits": true, "Float32bits": true, "Float32frombits": true,
	"Inf": true, "NaN": true, "IsNaN": true, "IsInf": true, "Signbit": true,
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			touchSources(t, dir)
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test's directory")
		}
		dir = up
	}
}

// touchSources lists and stats the numeric trees in this process: go test then knows that the
// result depends on them, which it cannot see through the go command, and never shows a stale pass.
func touchSources(t *testing.T, root string) {
	t.Helper()
	for _, dir := range numeric {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // a tree that is not there yet
			}
			if err == nil && strings.HasSuffix(path, ".go") {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestSameBitsPolicy reads the syntax trees of the numeric packages: no function of math
// that differs between builds, no product that the compiler may fuse with a sum.
func TestSameBitsPolicy(t *testing.T) {
	root := moduleRoot(t)
	var patterns []string
	for _, dir := range numeric {
		if _, err := os.Stat(filepath.Join(root, dir)); err == nil {
			patterns = append(patterns, "./"+dir+"/...")
		}
	}
	mode := packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports
	pkgs, err := packages.Load(&packages.Config{Mode: mode, Dir: root}, patterns...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pkgs {
		if p.Name == "main" || exempt[p.PkgPath] {
			continue
		}
		for _, e := range p.Errors {
			t.Errorf("%s: %v", p.PkgPath, e)
		}
		for path := range p.Imports {
			if path == "math/cmplx" || exempt[path] {
				t.Errorf("%s imports %s: not the same bits everywhere", p.PkgPath, path)
			}
		}
		for _, f := range p.Syntax {
			for _, fault := range faults(p.Fset, f, p.TypesInfo) {
				t.Error(strings.TrimPrefix(fault, root+"/"))
			}
		}
	}
}

// faults are the breaches of the policy in one file, "file:line: reason".
func faults(fset *token.FileSet, f *ast.File, info *types.Info) []string {
	c := &checker{fset: fset, info: info}
	for _, d := range f.Decls {
		c.products = map[types.Object]token.Pos{}
		ast.Inspect(d, c.collect)
		ast.Inspect(d, c.check)
	}
	return c.faults
}

type checker struct {
	fset     *token.FileSet
	info     *types.Info
	products map[types.Object]token.Pos // variables that hold an unrounded product somewhere in the declaration
	faults   []string
}

func (c *checker) fault(pos token.Pos, format string, args ...any) {
	p := c.fset.Position(pos)
	text := fmt.Sprintf("%s:%d: %s", p.Filename, p.Line, fmt.Sprintf(format, args...))
	if !slices.Contains(c.faults, text) {
		c.faults = append(c.faults, text)
	}
}

func (c *checker) is(e ast.Expr, want types.BasicInfo) bool {
	tv, ok := c.info.Types[e]
	if !ok || tv.Value != nil {
		return false
	}
	b, ok := tv.Type.Underlying().(*types.Basic)
	return ok && b.Info()&want != 0
}

// product reports whether e is a float product that is not yet rounded.
func (c *checker) product(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return c.product(e.X)
	case *ast.UnaryExpr:
		return e.Op == token.SUB && c.product(e.X)
	case *ast.BinaryExpr:
		return e.Op == token.MUL && c.is(e, types.IsFloat) && !c.powerOfTwo(e.X) && !c.powerOfTwo(e.Y)
	}
	return false
}

// powerOfTwo: a product with such a constant is exact, fused or not.
func (c *checker) powerOfTwo(e ast.Expr) bool {
	v := c.info.Types[e].Value
	if v == nil {
		return false
	}
	x, _ := constant.Float64Val(constant.ToFloat(v))
	frac, _ := math.Frexp(math.Abs(x))
	return frac == 0.5
}

func (c *checker) object(e ast.Expr) types.Object {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return c.object(e.X)
	case *ast.UnaryExpr:
		if e.Op == token.SUB {
			return c.object(e.X)
		}
	case *ast.Ident:
		return c.info.ObjectOf(e)
	}
	return nil
}

// collect notes the variables that a product is assigned to.
func (c *checker) collect(n ast.Node) bool {
	note := func(lhs, rhs ast.Expr) {
		if o := c.object(lhs); o != nil && c.product(rhs) {
			c.products[o] = rhs.Pos()
		}
	}
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok == token.MUL_ASSIGN && c.is(n.Lhs[0], types.IsFloat) && !c.powerOfTwo(n.Rhs[0]) {
			if o := c.object(n.Lhs[0]); o != nil {
				c.products[o] = n.Pos()
			}
		}
		if len(n.Lhs) == len(n.Rhs) {
			for i := range n.Lhs {
				note(n.Lhs[i], n.Rhs[i])
			}
		}
	case *ast.ValueSpec:
		for i := range n.Values {
			if len(n.Names) == len(n.Values) {
				note(n.Names[i], n.Values[i])
			}
		}
	}
	return true
}

func (c *checker) check(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if n.Op == token.MUL && c.is(n, types.IsComplex) {
			c.fault(n.Pos(), "complex product: the compiler may fuse its parts; write them out in real arithmetic")
		}
		if (n.Op == token.ADD || n.Op == token.SUB) && c.is(n, types.IsFloat) {
			c.operand(n.X)
			c.operand(n.Y)
		}
	case *ast.AssignStmt:
		if (n.Tok == token.ADD_ASSIGN || n.Tok == token.SUB_ASSIGN) && c.is(n.Lhs[0], types.IsFloat) {
			c.operand(n.Lhs[0])
			c.operand(n.Rhs[0])
		}
		if n.Tok == token.MUL_ASSIGN && c.is(n.Lhs[0], types.IsComplex) {
			c.fault(n.Pos(), "complex product: the compiler may fuse its parts; write them out in real arithmetic")
		}
	case *ast.SelectorExpr:
		if f, ok := c.info.Uses[n.Sel].(*types.Func); ok && f.Pkg() != nil && f.Pkg().Path() == "math" && !allowedMath[f.Name()] {
			c.fault(n.Pos(), "math.%s differs between processors or builds: use internal/fmath", f.Name())
		}
	}
	return true
}

// operand checks one side of a float sum or difference.
func (c *checker) operand(e ast.Expr) {
	if c.product(e) {
		c.fault(e.Pos(), "product %s feeds a sum: the compiler may fuse them; write float64(...) around it or math.FMA", types.ExprString(e))
		return
	}
	if o := c.object(e); o != nil {
		if pos, ok := c.products[o]; ok {
			c.fault(e.Pos(), "%s holds the product of line %d and feeds a sum: write float64(...) around that product", o.Name(), c.fset.Position(pos).Line)
		}
	}
}

// The policy must bite: planted faults, by line.
func TestPolicyBites(t *testing.T) {
	const planted = `package planted
import "math"
type T struct{ f float64 }
func bad(x, y, z float64, c complex128, t *T) float64 {
	a := x*y + z // BAD
	a += x * y // BAD
	a -= (-(x * y)) // BAD
	b := x * y
	a = b + z // BAD
	b2 := x
	b2 *= y
	a = z - b2 // BAD
	var v = x * t.f
	v += z // BAD
	a = z + 3*x // BAD
	c = c * c // BAD
	c *= c // BAD
	f := math.Exp // BAD
	return f(a) + math.Sin(a) + v // BAD
}
func good(x, y, z float64, i, j int, c complex128) float64 {
	a := float64(x*y) + z
	a += math.FMA(x, y, z) - math.Sqrt(x*y)
	b := float64(x * y)
	a = b + z
	a = z + 2*x - 0.25*y + x*y/z
	i = i*j + 1
	const k = 3 * math.Pi + 1
	c = c + c
	p := x * y
	return a * p / math.Abs(k*x) * float64(i)
}
`
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "planted.go", planted, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: importer.ForCompiler(fset, "source", nil)}
	if _, err := conf.Check("planted", fset, []*ast.File{f}, info); err != nil {
		t.Fatal(err)
	}
	got := map[int]bool{}
	for _, s := range faults(fset, f, info) {
		var line int
		if _, err := fmt.Sscanf(s, "planted.go:%d:", &line); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		got[line] = true
	}
	for i, text := range strings.Split(planted, "\n") {
		if want := strings.Contains(text, "// BAD"); want != got[i+1] {
			t.Errorf("line %d %q: fault reported %v, want %v", i+1, text, got[i+1], want)
		}
	}
}

// fused matches the assembly listing of arm64's fused instructions and their source line.
var fused = regexp.MustCompile(`\(([^()]+\.go):(\d+)\)\s+FN?M(ADD|SUB)[SD]\s`)

// TestNothingIsFused compiles the numeric packages for arm64, where Go fuses wherever
// the language lets it, and looks for fused instructions on lines without math.FMA.
// It sees what the syntax tree does not: products passed through inlined calls.
func TestNothingIsFused(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the numeric packages for arm64")
	}
	root := moduleRoot(t)
	args := append([]string{"build", "-gcflags=-S"}, libraries(t, root)...)
	if n := countFused(t, root, args); n != 0 {
		t.Errorf("%d fused instructions; on a line without a product of its own, look at the arguments of inlined calls, and at divisions by a power of two, which are products to the compiler", n)
	}
}

var compileError = regexp.MustCompile(`(?m)^\S+\.go:\d+:\d+: .*$|^go: .*$`)

// libraries are the numeric packages that are no programs.
func libraries(t *testing.T, root string) []string {
	var list []string
	for _, dir := range numeric {
		if _, err := os.Stat(filepath.Join(root, dir)); err != nil {
			continue
		}
		cmd := exec.Command("go", "list", "-f", `{{if ne .Name "main"}}{{.ImportPath}}{{end}}`, "./"+dir+"/...")
		cmd.Dir, cmd.Env = root, append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("listing %s: %v", dir, err)
		}
		for _, p := range strings.Fields(string(out)) {
			if !exempt[p] {
				list = append(list, p)
			}
		}
	}
	return list
}

func countFused(t *testing.T, dir string, args []string) (n int) {
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("compiling for arm64: %v\n%s", err, bytes.Join(compileError.FindAll(out, 10), []byte("\n")))
	}
	source := map[string][]string{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		m := fused.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		if _, ok := source[m[1]]; !ok {
			text, err := os.ReadFile(m[1])
			if err != nil {
				t.Fatal(err)
			}
			source[m[1]] = strings.Split(string(text), "\n")
		}
		line, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		if text := source[m[1]][line-1]; !strings.Contains(text, "math.FMA(") {
			t.Logf("%s:%d: fused: %s", strings.TrimPrefix(m[1], dir+"/"), line, strings.TrimSpace(text))
			n++
		}
	}
	return n
}

// The compiler check must bite too: a product through an inlined call.
func TestNothingIsFusedBites(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for arm64")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module planted\n\ngo 1.26\n",
		"p.go":   "package planted\n\nfunc add(x, z float64) float64 { return x + z }\n\nfunc F(x, y, z float64) float64 { return add(x*y, z) }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n := countFused(t, dir, []string{"build", "-gcflags=-S", "."}); n != 1 {
		t.Errorf("found %d fused instructions in the planted source, want 1", n)
	}
}
