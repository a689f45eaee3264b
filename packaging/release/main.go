// Command release makes the files that a customer gets: packages for Debian and Red Hat, a container image, a bill of materials, checksums, and their
// signature. `make package` runs it; packaging/README.md is the customer's side.
//
// Everything is made from one commit, and the same commit gives the same bytes: times are the commit's, and nothing of the building
// machine goes in. Begin with run.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// options say what to make.
type options struct {
	root     string // of the repository
	out      string // folder of the release; what lies in it is replaced
	arch     string // as Go names it
	nfpm     string // the program that writes packages
	roots    string // folder of the module with the certificates of authorities
	key      string // file of the release's key; "" for a release that somebody signs later
	modified bool   // whether sources that are in no commit may go in
}

func main() {
	var o options
	flag.StringVar(&o.root, "root", ".", "folder of the repository")
	flag.StringVar(&o.out, "out", "dist", "folder of the release; a release that is there is replaced")
	flag.StringVar(&o.arch, "arch", runtime.GOARCH, "architecture, as Go names it")
	flag.StringVar(&o.nfpm, "nfpm", "nfpm", "program that writes the packages")
	flag.StringVar(&o.roots, "roots", "", "folder of the module golang.org/x/crypto/x509roots/fallback")
	flag.StringVar(&o.key, "key", os.Getenv("QRSD_RELEASE_KEY"), "file with the release's key (PKCS#8, PEM); by itself what QRSD_RELEASE_KEY names")
	flag.BoolVar(&o.modified, "modified", false, "make a release of sources that differ from the commit; its version says so")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run makes a release.
func run(o options) error {
	s, err := readSource(o.root, o.modified)
	if err != nil {
		return err
	}
	stage, err := os.MkdirTemp("", "qrsd-release-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(stage) }() // scratch
	b, err := buildPrograms(o, stage)
	if err != nil {
		return err
	}
	if err := prepare(o, s, b, stage); err != nil {
		return err
	}
	if err := emptied(o.out); err != nil {
		return err
	}
	made, err := writePackages(o, s, stage)
	if err != nil {
		return err
	}
	oci, err := writeImage(o, s, stage)
	if err != nil {
		return err
	}
	bill := fmt.Sprintf("qrsd_%s_%s.cdx.json", s.version, o.arch)
	if err := copyFile(filepath.Join(stage, "doc", "sbom.cdx.json"), filepath.Join(o.out, bill)); err != nil {
		return err
	}
	if err := writeSums(o.out, append(made, oci, bill)); err != nil {
		return err
	}
	if o.key == "" {
		fmt.Printf("%s: release %s of commit %s, NOT SIGNED: no key was named (-key or QRSD_RELEASE_KEY)\n", o.out, s.version, s.commit)
		return nil
	}
	if err := sign(o.out, o.key); err != nil {
		return err
	}
	fmt.Printf("%s: release %s of commit %s, signed\n", o.out, s.version, s.commit)
	return nil
}
