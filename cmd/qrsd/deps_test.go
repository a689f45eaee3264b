package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// The tables below say who may import whom, in the manner of go/build's depsRules. They are
// a statement of policy.
//
// DO NOT CHANGE THIS DATA TO FIX BUILDS.
// A package asks for something that it may not have because a piece of code is in the
// wrong place, nearly always. Relax a line only where the architecture itself was changed.
//
// The sources are parsed here, in this process: a test that asks `go list` can be answered
// from the test cache. All files count, whatever their build constraints.

const modulePath = "github.com/qrsrisk/qrsd"

// ourImports lists for every package which packages of ours it may import directly. A package without a line
// is a fault: whoever adds one writes down where it stands. "x/..." is x and all below; the
// longest match on the left counts. Programs (package main) outside cmd are under "tools".
//
// Read it as the flow of a run: each line may only look up.
const ourImports = `
	internal/fmath:
	internal/fmath/exact:
	internal/rng:               internal/fmath
	internal/canonical:

	engine/registry:
	engine/internal/parallel:
	engine/exposure:
	engine/exposure/parquet:    engine/exposure
	engine/geography:           internal/fmath
	engine/hazard/besttrack:
	engine/hazard:              engine/geography engine/hazard/besttrack engine/registry internal/fmath internal/rng
	engine/hazard/windfield:    engine/hazard engine/geography engine/registry internal/fmath
	engine/hazard/evaluation:   engine/hazard engine/hazard/besttrack engine/hazard/windfield engine/geography engine/internal/parallel internal/fmath
	engine/vulnerability:       engine/exposure engine/registry internal/fmath
	engine/terms:               engine/exposure
	engine/modelpack:           engine/geography engine/hazard engine/hazard/besttrack engine/vulnerability engine/registry
	engine/loss:                engine/exposure engine/geography engine/hazard engine/hazard/windfield engine/vulnerability engine/terms engine/registry engine/internal/parallel internal/fmath internal/rng
	engine/metrics:             engine/loss internal/fmath
	engine/results:             engine/loss engine/metrics
	engine/results/parquet:     engine/results
	engine/results/excel:       engine/results
	engine:                     engine/exposure engine/hazard engine/hazard/windfield engine/internal/parallel engine/loss engine/metrics engine/modelpack

	quantum/...:                quantum/... internal/fmath internal/rng internal/canonical
	quantum/braket/brakettest:  quantum/circuit quantum/simulator internal/rng internal/sigv4

	internal/sigv4:
	internal/turns:
	internal/outbound:
	store/workspace:            store/... engine/... quantum/... internal/canonical
	store/kms/kmstest:          internal/sigv4
	store/backup/s3/s3test:     internal/sigv4
	store/...:                  store/... internal/outbound internal/canonical
	web/wire:
	web/client:                 web/wire internal/outbound
	web/reference:              web/page
	internal/settings:          engine/... store/workspace web/wire
	internal/intake:            engine/... store/workspace web web/wire
	internal/figures:           engine/... internal/turns store web web/wire
	internal/storms:           engine engine/... internal/intake internal/turns store store/ledger store/workspace web web/wire
	web/...:                    web/... store store/ledger store/seal store/directory store/workspace internal/outbound

	cmd/qrsd/internal/config:   cmd/qrsd/internal/collector cmd/qrsd/internal/notify cmd/qrsd/internal/webhook engine/... quantum/... store/... web/... internal/outbound
	cmd/internal/manual:
	cmd/internal/runestimate:   engine engine/loss quantum/...
	cmd/qrsd/internal/runner:   engine/... quantum/... store store/ledger store/seal store/workspace cmd/internal/runestimate
	examples/florida:
	cmd/qrsd/internal/throwaway: cmd/qrsd/internal/... engine/... store store/directory store/workspace internal/outbound internal/intake examples/florida
	cmd/qrsd/internal/daemon:   cmd/qrsd/internal/... cmd/internal/... engine/... quantum/... store/... web/... internal/... examples/florida
	cmd/qrsd/internal/...:      cmd/qrsd/internal/... cmd/internal/... engine/... quantum/... store/... web/... internal/...
	cmd/qrsd:                   cmd/qrsd/internal/... cmd/internal/... engine/... quantum/... store/... web/... internal/...
	cmd/qrs-replay:             engine/... quantum/... store/seal store/ledger cmd/internal/...

	packaging/licenses:
	packaging/image:
	packaging/sbom:             packaging/licenses

	tools:                      engine/... quantum/... internal/... store/directory/breached packaging/...
`

// theirImports lists which module of others is imported where. "tools" are programs outside cmd,
// "tests" the _test.go files; a module without a line is imported nowhere.
const theirImports = `
	github.com/parquet-go/parquet-go:            engine/exposure/parquet engine/results/parquet tests
	github.com/xuri/excelize/v2:                 engine/results/excel
	github.com/klauspost/compress:               store/internal/blob store/backup web engine/exposure/parquet
	gonum.org/v1/gonum:                          tools tests
	pgregory.net/rapid:                          tests
	github.com/rogpeppe/go-internal:             tests
	golang.org/x/tools:                          tests
	golang.org/x/sync:                           cmd/... store/... web/... quantum/braket internal/intake
	golang.org/x/sys:                            store/internal/hostkeys tests
	golang.org/x/mod:                            store store/ledger store/seal/... store/internal/...

	github.com/alecthomas/kong:                  cmd/qrsd cmd/qrs-replay cmd/internal/manual
	github.com/schollz/progressbar/v3:           cmd/qrsd
	golang.org/x/term:                           cmd/qrsd
	github.com/hashicorp/hcl/v2:                 cmd/qrsd/internal/config
	github.com/zclconf/go-cty:                   cmd/qrsd/internal/config
	github.com/agext/levenshtein:                cmd/qrsd/internal/config
	github.com/coreos/go-systemd/v22:            cmd/qrsd/internal/daemon

	go.etcd.io/bbolt:                            store/internal/kv
	golang.org/x/crypto:                         store/... web/... internal/outbound
	golang.org/x/text:                           store/directory store/directory/breached
	filippo.io/age:                              cmd/qrsd cmd/qrsd/internal/backups cmd/qrsd/internal/bundle store/backup tests
	github.com/secure-systems-lab/go-securesystemslib: tests
	github.com/transparency-dev/merkle:          tests
	github.com/ThalesGroup/crypto11:             store/pkcs11

	github.com/gofiber/fiber/v2:                 web web/signon web/scim web/page
	github.com/valyala/fasthttp:                 web
	golang.org/x/time:                           web/...
	github.com/go-webauthn/webauthn:             store/directory
	github.com/fxamacker/cbor/v2:                tests
	github.com/pquerna/otp:                      web web/signon store/directory
	github.com/wneessen/go-mail:                 cmd/qrsd/internal/notify
	github.com/emersion/go-smtp:                 tests
	github.com/emersion/go-sasl:                 tests
	github.com/prometheus/client_golang:         cmd/qrsd/internal/...
	github.com/hashicorp/go-hclog:               cmd/... web
	github.com/go-pdf/fpdf:                      web/page
	github.com/boombuler/barcode:                web/page
	go.yaml.in/yaml/v3:                          web/reference tests
	github.com/santhosh-tekuri/jsonschema/v6:    tests
	github.com/chromedp/chromedp:                tests
	github.com/chromedp/cdproto:                 tests

	github.com/aws/aws-sdk-go-v2:                quantum/braket store/kms store/backup/s3 tests
	github.com/aws/aws-sdk-go-v2/service/kms:    store/kms
	github.com/aws/aws-sdk-go-v2/service/s3:     store/backup/s3
	github.com/aws/aws-sdk-go-v2/config:         quantum/braket store/kms store/backup cmd/qrsd/internal/...
`

// theirImpure are standard packages that the computing trees must not see: the outer world, the clock, and
// whatever differs between two runs. Programs and tests are excepted.
var theirImpure = []string{
	"net/...", "os/...", "time", "log/...", "syscall/...", "plugin", "path/filepath", "io/ioutil", "expvar", "flag",
	"math/rand/...", "crypto/rand", "hash/maphash", "math/cmplx", "text/template/...", "html/template/...",
	"database/sql/...", "runtime/debug", "runtime/pprof", "runtime/trace",
}

// pure are the trees without the outer world, except outbound, whose trade it is.
var pure = []string{"engine/...", "quantum/...", "internal/..."}

var notPure = []string{"internal/outbound", "internal/sigv4", "quantum/braket", "quantum/braket/brakettest"}

// neverReach lists what a package must not depend on over any number of steps through ours: Parquet and
// Excel link net/http, and a verifier must be small enough to be read.
const neverReach = `
	engine:         github.com/parquet-go/... github.com/xuri/... net/...
	engine/...:     engine
	quantum/...:    engine/... store/... web/...
	store/ledger:     os/... net/... log/... syscall/... crypto/rand math/rand/... store/internal/...
	store/ledger/...: os/... net/... log/... syscall/... crypto/rand math/rand/... store/internal/... time
	store/seal:       os/... net/... log/... syscall/... crypto/rand math/rand/... crypto/tls/... crypto/x509/... store store/internal/...
	cmd/qrs-replay: github.com/parquet-go/... github.com/xuri/... go.etcd.io/... github.com/gofiber/... net/... crypto/tls/... crypto/x509/... store store/internal/... store/workspace web/... cmd/qrsd/... internal/outbound
`

// dialers are the names by which a program reaches the network; internal/outbound alone may say them.
const dialers = `
	net/http:   DefaultClient DefaultTransport Get Head Post PostForm Client Transport
	net:        Dial DialTimeout DialTCP DialUDP DialIP DialUnix Dialer DefaultResolver Resolver LookupHost LookupIP LookupAddr LookupTXT LookupCNAME LookupMX LookupNS LookupSRV LookupPort
	net/http/httputil: NewSingleHostReverseProxy ReverseProxy
	net/textproto: Dial
	crypto/tls: Dial DialWithDialer Dialer
	net/smtp:   Dial SendMail
	net/rpc:    Dial DialHTTP DialHTTPPath
	log/syslog: Dial New NewLogger
	syscall:    Socket Connect
	golang.org/x/sys/unix: Socket Connect
	github.com/gofiber/fiber/v2: AcquireAgent AcquireClient Get Head Post Put Patch Delete
	github.com/aws/aws-sdk-go-v2/aws/transport/http: NewBuildableClient BuildableClient
`

// theirDialers make a client of their own unless they are given ours: what is called or composed, and the names that
// must all be among the arguments or fields. (The configuration's provider of a container's credentials does not use the configuration's client.)
const theirDialers = `
	github.com/aws/aws-sdk-go-v2/config.LoadDefaultConfig: WithHTTPClient WithEndpointCredentialOptions
	github.com/aws/aws-sdk-go-v2/aws.Config:               HTTPClient
	github.com/aws/aws-sdk-go-v2/service/kms.Options:      HTTPClient
	github.com/aws/aws-sdk-go-v2/service/s3.Options:       HTTPClient
	github.com/aws/aws-sdk-go-v2/service/sts.Options:      HTTPClient
	github.com/aws/aws-sdk-go-v2/feature/ec2/imds.Options: HTTPClient
	github.com/aws/aws-sdk-go-v2/credentials/endpointcreds.New: HTTPClient
	github.com/wneessen/go-mail.NewClient:                 WithDialContextFunc
`

// hollowNames say nothing about what a package holds.
var hollowNames = []string{"util", "utils", "helper", "helpers", "common", "types", "models", "misc", "shared", "base", "lib"}

// TestImportPolicy holds the module to the tables above.
func TestImportPolicy(t *testing.T) {
	files, err := parseModule(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("found %d Go files: is this the module's root?", len(files))
	}
	for _, fault := range policyFaults(files) {
		t.Error(fault)
	}
}

// TestImportPolicyBites plants one breach of every rule and wants exactly its fault.
func TestImportPolicyBites(t *testing.T) {
	const quiet = "package hazard\nimport (\"math\"; \"" + modulePath + "/internal/fmath\")\nvar _ = math.Abs(fmath.Exp(1))"
	for name, c := range map[string]struct{ file, source, want string }{
		"allowed":              {"engine/hazard/a.go", quiet, ""},
		"tool":                 {"engine/hazard/fit/a.go", "package main\nimport (\"os\"; \"gonum.org/v1/gonum/mat\")", ""},
		"test":                 {"engine/hazard/a_test.go", "package hazard\nimport (\"os\"; \"time\"; \"pgregory.net/rapid\")", ""},
		"clock":                {"engine/hazard/a.go", "package hazard\nimport \"time\"", "engine/hazard/a.go:2: engine/hazard must not import time"},
		"file":                 {"quantum/circuit/a.go", "package circuit\nimport \"os\"", "quantum/circuit must not import os"},
		"child of a banned":    {"internal/rng/a.go", "package rng\nimport \"math/rand/v2\"", "internal/rng must not import math/rand/v2"},
		"other constraint":     {"engine/hazard/a.go", "//go:build windows && never\n\npackage hazard\nimport \"net/http\"", "must not import net/http"},
		"testing in product":   {"store/a.go", "package store\nimport \"testing\"", "store must not import testing"},
		"cgo":                  {"store/a.go", "package store\nimport \"C\"", "cgo"},
		"dot":                  {"store/a.go", "package store\nimport . \"fmt\"", "dot import of fmt"},
		"blank":                {"store/a.go", "package store\nimport _ \"net/http/pprof\"", "for its side effects"},
		"upward":               {"engine/loss/a.go", "package loss\nimport \"" + modulePath + "/engine\"", "engine/loss must not import engine"},
		"sideways":             {"engine/terms/a.go", "package terms\nimport \"" + modulePath + "/engine/hazard\"", "engine/terms must not import engine/hazard"},
		"stage by a test":      {"engine/terms/a_test.go", "package terms\nimport \"" + modulePath + "/cmd/qrsd/internal/runner\"", "must not import cmd/qrsd/internal/runner"},
		"parquet by a stage":   {"engine/terms/a.go", "package terms\nimport \"github.com/parquet-go/parquet-go\"", "engine/terms must not import github.com/parquet-go/parquet-go"},
		"gonum by a stage":     {"engine/hazard/a.go", "package hazard\nimport \"gonum.org/v1/gonum/stat\"", "must not import gonum.org/v1/gonum"},
		"kong by a runner":     {"cmd/qrsd/internal/runner/a.go", "package runner\nimport \"github.com/alecthomas/kong\"", "must not import github.com/alecthomas/kong"},
		"bbolt by workspace":   {"store/workspace/a.go", "package workspace\nimport \"go.etcd.io/bbolt\"", "must not import go.etcd.io/bbolt"},
		"unknown module":       {"cmd/qrsd/a.go", "package main\nimport \"github.com/someone/thing/part\"", "github.com/someone/thing/part is in no line of theirImports"},
		"prefix is no path":    {"cmd/qrsd/a.go", "package main\nimport \"github.com/alecthomas/kongress\"", "in no line of theirImports"},
		"package without line": {"engine/weather/a.go", "package weather", "engine/weather is in no line of ourImports"},
		"hollow folder":        {"cmd/qrsd/internal/util/a.go", "package util", "says nothing about what it holds"},
		"hollow clause":        {"cmd/qrsd/internal/queue/a.go", "package common", "says nothing about what it holds"},
		"init":                 {"engine/terms/a.go", "package terms\nfunc init() {}", "engine/terms/a.go:2: init function"},
		"method init":          {"engine/terms/a.go", "package terms\ntype T int\nfunc (T) init() {}", ""},
		"dial":                 {"cmd/qrsd/a.go", "package main\nimport web \"net/http\"\nvar c = web.DefaultClient", "cmd/qrsd/a.go:3: http.DefaultClient: only internal/outbound dials"},
		"dial in a function":   {"store/a.go", "package store\nimport \"net\"\nfunc f() { var d net.Dialer; _ = d }", "net.Dialer: only internal/outbound dials"},
		"client as a pointer":  {"store/a.go", "package store\nimport \"net/http\"\ntype t struct{ c *http.Client }", ""},
		"client as a value":    {"store/a.go", "package store\nimport \"net/http\"\ntype t struct{ c http.Client }", "http.Client: only internal/outbound dials"},
		"client through *":     {"store/a.go", "package store\nimport \"net/http\"\nvar c = *http.DefaultClient", "http.DefaultClient: only internal/outbound dials"},
		"path with version":    {"web/a.go", "package web\nimport \"github.com/gofiber/fiber/v2\"\nvar a = fiber.AcquireAgent()", "fiber.AcquireAgent: only internal/outbound dials"},
		"AWS on its own":       {"quantum/braket/a.go", "package braket\nimport \"github.com/aws/aws-sdk-go-v2/config\"\nfunc f() { config.LoadDefaultConfig(nil, config.WithRegion(\"\")) }", "config.LoadDefaultConfig dials by itself unless it is given WithHTTPClient"},
		"AWS with ours":        {"quantum/braket/a.go", "package braket\nimport \"github.com/aws/aws-sdk-go-v2/config\"\nfunc f() { config.LoadDefaultConfig(nil, config.WithHTTPClient(nil), config.WithEndpointCredentialOptions(nil)) }", ""},
		"AWS in a container":   {"quantum/braket/a.go", "package braket\nimport \"github.com/aws/aws-sdk-go-v2/config\"\nfunc f() { config.LoadDefaultConfig(nil, config.WithHTTPClient(nil)) }", "unless it is given WithEndpointCredentialOptions"},
		"KMS on its own":       {"store/kms/a.go", "package kms\nimport aws \"github.com/aws/aws-sdk-go-v2/service/kms\"\nvar o = aws.Options{Region: \"\"}", "kms.Options dials by itself unless it is given HTTPClient"},
		"KMS with ours":        {"store/kms/a.go", "package kms\nimport aws \"github.com/aws/aws-sdk-go-v2/service/kms\"\nvar o = aws.Options{HTTPClient: nil}", ""},
		"listening":            {"web/a.go", "package web\nimport \"net\"\nvar _, _ = net.Listen(\"tcp\", \":0\")", ""},
		"outbound":             {"internal/outbound/a.go", "package outbound\nimport (\"net\"; \"time\")\nvar _, _ = net.Dial(\"tcp\", \"\")\nvar _ time.Time", ""},
	} {
		t.Run(name, func(t *testing.T) {
			checkPlanted(t, fstest.MapFS{c.file: {Data: []byte(c.source)}}, c.want)
		})
	}
}

// TestImportPolicySeesThroughPackages plants a breach two steps away.
func TestImportPolicySeesThroughPackages(t *testing.T) {
	checkPlanted(t, fstest.MapFS{
		"engine/a.go":         {Data: []byte("package engine\nimport \"" + modulePath + "/engine/metrics\"")},
		"engine/metrics/a.go": {Data: []byte("package metrics\nimport \"" + modulePath + "/engine/loss\"")},
		"engine/loss/a.go":    {Data: []byte("package loss\nimport \"github.com/parquet-go/parquet-go\"")},
	}, "engine reaches github.com/parquet-go/parquet-go by way of engine/metrics, engine/loss")
}

func checkPlanted(t *testing.T, planted fstest.MapFS, want string) {
	t.Helper()
	files, err := parseModule(planted)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(policyFaults(files), "\n")
	if want == "" && all != "" {
		t.Errorf("unwanted: %s", all)
	}
	if !strings.Contains(all, want) {
		t.Errorf("got %q, want a fault with %q", all, want)
	}
}

// sourceFile is one parsed file.
type sourceFile struct {
	name   string // path within the module
	folder string // of the package, within the module
	test   bool
	set    *token.FileSet
	syntax *ast.File
}

// tool: a program that is no part of the product.
func (f *sourceFile) tool() bool {
	return f.syntax.Name.Name == "main" && !strings.HasPrefix(f.folder, "cmd/")
}

func (f *sourceFile) at(p token.Pos) string {
	return fmt.Sprintf("%s:%d: ", f.name, f.set.Position(p).Line)
}

// parseModule parses every Go file of the tree, but for testdata and hidden folders.
func parseModule(tree fs.FS) (files []*sourceFile, err error) {
	set := token.NewFileSet()
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		base := path.Base(name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (base == "testdata" || base == "node_modules" || base[0] == '.' || base[0] == '_'):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parsing: %w", err)
		}
		files = append(files, &sourceFile{name, path.Dir(name), strings.HasSuffix(name, "_test.go"), set, syntax})
		return nil
	})
	return files, err
}

// policyFaults are the breaches in files, "file:line: reason", in the order of the files.
func policyFaults(files []*sourceFile) []string {
	var faults []string
	for _, f := range files {
		faults = append(faults, nameFaults(f)...)
		for _, spec := range f.syntax.Imports {
			target, _ := strconv.Unquote(spec.Path.Value)
			if reason := importFault(f, spec, target); reason != "" {
				faults = append(faults, f.at(spec.Pos())+reason)
			}
		}
		faults = append(faults, initFaults(f)...)
		if !f.test && f.folder != "internal/outbound" {
			faults = append(faults, dialFaults(f)...)
		}
	}
	return append(faults, reachFaults(files)...)
}

func nameFaults(f *sourceFile) (faults []string) {
	for _, name := range []string{path.Base(f.folder), strings.TrimSuffix(f.syntax.Name.Name, "_test")} {
		if slices.Contains(hollowNames, name) {
			faults = append(faults, f.at(f.syntax.Name.Pos())+"the name "+name+" says nothing about what it holds; name the package for its content")
		}
	}
	if f.test || f.tool() {
		return faults
	}
	if _, ok := lookUp(ourImports, f.folder); !ok {
		faults = append(faults, f.at(f.syntax.Name.Pos())+f.folder+" is in no line of ourImports: write down what it may import")
	}
	return faults
}

// importFault is why f must not have the import, or "".
func importFault(f *sourceFile, spec *ast.ImportSpec, target string) string {
	ours, own := strings.CutPrefix(target, modulePath+"/")
	switch {
	case target == "C":
		return "cgo: the product builds with Go alone"
	case spec.Name != nil && spec.Name.Name == ".":
		return "dot import of " + target + ": names must show where they come from"
	case spec.Name != nil && spec.Name.Name == "_" && target != "embed":
		return "import of " + target + " for its side effects: there is no registration in init"
	case own:
		return ourFault(f, ours)
	case !strings.Contains(strings.Split(target, "/")[0], "."):
		return standardFault(f, target)
	}
	return theirFault(f, target)
}

func ourFault(f *sourceFile, target string) string {
	if target == f.folder { // a package's external test
		return ""
	}
	var allowed []string
	switch {
	case f.test && strings.HasPrefix(f.folder, "cmd/"):
		return ""
	case f.test && strings.HasPrefix(f.folder, "packaging/"):
		allowed = []string{"packaging/..."}
	case f.test:
		allowed = []string{"engine/...", "quantum/...", "internal/...", "store/...", "web/..."}
	case f.tool():
		allowed, _ = lookUp(ourImports, "tools")
	default:
		allowed, _ = lookUp(ourImports, f.folder)
	}
	if under(target, allowed) {
		return ""
	}
	return f.folder + " must not import " + target
}

func standardFault(f *sourceFile, target string) string {
	impure := under(f.folder, pure) && !under(f.folder, notPure) && under(target, theirImpure)
	testing := under(target, []string{"testing/...", "net/http/httptest"})
	if f.test || f.tool() || !impure && !testing {
		return ""
	}
	return f.folder + " must not import " + target
}

func theirFault(f *sourceFile, target string) string {
	module, users := "", []string(nil)
	for _, r := range rules(theirImports) {
		if (target == r.name || strings.HasPrefix(target, r.name+"/")) && len(r.name) > len(module) {
			module, users = r.name, r.list
		}
	}
	switch {
	case module == "":
		return target + " is in no line of theirImports: a new dependency needs a reason and a place"
	case f.test && slices.Contains(users, "tests"), f.tool() && slices.Contains(users, "tools"), under(f.folder, users):
		return ""
	}
	return f.folder + " must not import " + module
}

func initFaults(f *sourceFile) (faults []string) {
	for _, d := range f.syntax.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			faults = append(faults, f.at(fn.Pos())+"init function: whoever needs the value makes it")
		}
	}
	return faults
}

func dialFaults(f *sourceFile) (faults []string) {
	packages := map[string]string{} // the file's names of packages -> import path
	for _, spec := range f.syntax.Imports {
		target, _ := strconv.Unquote(spec.Path.Value)
		name := packageName(target)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		packages[name] = target
	}
	// named is import path and name of an expression like http.Client.
	named := func(n ast.Expr) (target, name string) {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				return packages[x.Name], s.Sel.Name
			}
		}
		return "", ""
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		var made ast.Expr // what is called or composed
		var given []ast.Expr
		switch n := n.(type) {
		case *ast.StarExpr:
			// *http.Client is the type of what outbound hands out; without a value of it nothing can be reached.
			target, name := named(n.X)
			return !(target == "net/http" && name == "Client")
		case *ast.SelectorExpr:
			target, name := named(n)
			if names, ok := lookUp(dialers, target); ok && slices.Contains(names, name) {
				faults = append(faults, f.at(n.Pos())+packageName(target)+"."+name+": only internal/outbound dials; take its client")
			}
		case *ast.CallExpr:
			made, given = n.Fun, n.Args
		case *ast.CompositeLit:
			made, given = n.Type, n.Elts
		}
		target, name := named(made)
		needs, _ := lookUp(theirDialers, target+"."+name)
		for _, need := range needs {
			if !says(given, need) {
				faults = append(faults, f.at(n.Pos())+packageName(target)+"."+name+" dials by itself unless it is given "+need+"; give it a client of internal/outbound")
			}
		}
		return true
	})
	return faults
}

// packageName is the name that a package most likely has: the last element of its path that is no version, without "go-".
func packageName(target string) string {
	parts := strings.Split(target, "/")
	name := parts[len(parts)-1]
	if len(parts) > 2 && len(name) > 1 && name[0] == 'v' && strings.Trim(name[1:], "0123456789") == "" {
		name = parts[len(parts)-2]
	}
	return strings.TrimPrefix(name, "go-")
}

// says reports whether one of the arguments or fields has the name.
func says(given []ast.Expr, name string) bool {
	return slices.ContainsFunc(given, func(e ast.Expr) bool {
		switch e := e.(type) {
		case *ast.KeyValueExpr:
			key, ok := e.Key.(*ast.Ident)
			return ok && key.Name == name
		case *ast.CallExpr:
			s, ok := e.Fun.(*ast.SelectorExpr)
			return ok && s.Sel.Name == name
		}
		return false
	})
}

// reachFaults follows the imports of the product from every package that neverReach names.
func reachFaults(files []*sourceFile) (faults []string) {
	imports := map[string][]string{}
	for _, f := range files {
		if f.test || f.tool() {
			continue
		}
		for _, spec := range f.syntax.Imports {
			target, _ := strconv.Unquote(spec.Path.Value)
			target = strings.TrimPrefix(target, modulePath+"/")
			if !slices.Contains(imports[f.folder], target) {
				imports[f.folder] = append(imports[f.folder], target)
			}
		}
	}
	var folders []string
	for folder := range imports {
		folders = append(folders, folder)
	}
	slices.Sort(folders)
	for _, r := range rules(neverReach) {
		for _, folder := range folders {
			// "engine/...: engine" is about what lies below engine.
			if !under(folder, []string{r.name}) || strings.HasSuffix(r.name, "/...") && folder == strings.TrimSuffix(r.name, "/...") {
				continue
			}
			if way := reach(imports, folder, r.list, map[string]bool{}); way != nil {
				last := len(way) - 1
				faults = append(faults, fmt.Sprintf("%s reaches %s by way of %s", folder, way[last], strings.Join(way[:last], ", ")))
			}
		}
	}
	return faults
}

// reach is the way from a package to the first of the forbidden, without the start; nil if there is none.
func reach(imports map[string][]string, from string, forbidden []string, seen map[string]bool) []string {
	seen[from] = true
	for _, target := range imports[from] {
		if under(target, forbidden) {
			return []string{target}
		}
		if !seen[target] {
			if way := reach(imports, target, forbidden, seen); way != nil {
				return append([]string{target}, way...)
			}
		}
	}
	return nil
}

// rule is one line of a table.
type rule struct {
	name string
	list []string
}

func rules(table string) (all []rule) {
	for line := range strings.Lines(table) {
		if name, list, ok := strings.Cut(line, ":"); ok {
			all = append(all, rule{strings.TrimSpace(name), strings.Fields(list)})
		}
	}
	return all
}

// lookUp is the list of the rule that fits the name best: the name itself or the longest "x/...".
func lookUp(table, name string) (list []string, ok bool) {
	best := -1
	for _, r := range rules(table) {
		if r.name == name {
			return r.list, true
		}
		if under(name, []string{r.name}) && len(r.name) > best {
			list, ok, best = r.list, true, len(r.name)
		}
	}
	return list, ok
}

// under reports whether name is one of the patterns or below one that ends in "/...".
func under(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		tree, all := strings.CutSuffix(p, "/...")
		return name == tree || all && strings.HasPrefix(name, tree+"/")
	})
}
