package main

import (
	"crypto/rand"
	"net/http/httptest"
	"os/exec"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/qrsrisk/qrsd/store/kms/kmstest"
)

// Commands of testdata/script/seal*.txtar, besides testscript's own.

func sealCommands() map[string]func(*testscript.TestScript, bool, []string) {
	service := new(keyService)
	return map[string]func(*testscript.TestScript, bool, []string){"build-replay": buildReplay, "seal-service": service.runSeals}
}

// seal-service starts AWS KMS on this host with a key that signs, and sets the variables by which qrsd finds it; seal-service STATE
// changes the state of its key.
func (s *keyService) runSeals(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: seal-service [STATE]")
	}
	if len(args) == 1 {
		s.server.SetState(s.arn, args[0])
		return
	}
	s.server = kmstest.New(kmstest.Options{Rand: rand.Reader})
	var err error
	s.arn, err = s.server.CreateSigningKey()
	ts.Check(err)
	listening := httptest.NewServer(s.server)
	ts.Defer(listening.Close)
	for name, value := range map[string]string{
		"QRSD_SEAL_KMS": s.arn, "QRSD_KMS_ENDPOINT": listening.URL, "HOME": ts.MkAbs("home"), "QRSD_MODE": "connected",
		"AWS_ACCESS_KEY_ID": kmstest.ExampleKeyID, "AWS_SECRET_ACCESS_KEY": kmstest.ExampleSecretKey,
	} {
		ts.Setenv(name, value)
	}
}

// build-replay builds qrs-replay as a user would have it, and sets $REPLAY to the program.
func buildReplay(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: build-replay")
	}
	program := ts.MkAbs("qrs-replay")
	root, err := filepath.Abs("../..")
	ts.Check(err)
	build := exec.Command("go", "build", "-o", program, "./cmd/qrs-replay")
	build.Dir = root // with this process's environment, so that Go finds its caches
	out, err := build.CombinedOutput()
	if err != nil {
		ts.Fatalf("building qrs-replay: %v\n%s", err, out)
	}
	ts.Setenv("REPLAY", program)
}
