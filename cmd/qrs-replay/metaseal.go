package main

import (
	"fmt"

	"github.com/qrsrisk/qrsd/store/seal"
)

// metaCommand is `qrs-replay verify-meta-seal`.
type metaCommand struct {
	MetaSeal string   `required:"" placeholder:"FILE" help:"The release's meta-seal with its 30 run seals."`
	Keys     string   `placeholder:"FILE" help:"Published keys (JWK Set), the laboratory's among them. Without it the keys in the file are used: that shows that its parts fit, not whose they are."`
	APIToken *string  `name:"api-token" placeholder:"TOKEN" help:"Accepted, as published command lines have it, and not used: nothing is fetched."`
	Files    []string `arg:"" optional:"" name:"file" help:"The plan and the report, to be held to the meta-seal."`
	Steps    bool     `help:"Print every step on standard error."`
	JSON     bool     `help:"Print the checks as JSON."`
}

// metaOutput is the result of verify-meta-seal as JSON.
type metaOutput struct {
	OK      bool         `json:"ok"`
	Tag     string       `json:"tag"`
	Runs    int          `json:"constituent_runs"`
	Rollup  string       `json:"rollup"`
	Trusted bool         `json:"trusted"` // verified with keys that were given
	SignOff seal.SignOff `json:"sign_off"`
	Checks  []seal.Check `json:"checks"`
}

// Run carries out the command.
func (x *metaCommand) Run(c console) error {
	if x.APIToken != nil {
		fmt.Fprintln(c.err, "qrs-replay: --api-token is not needed and not used: the file carries all seals, and this program opens no connection")
	}
	text, err := readUpTo(x.MetaSeal, seal.MaxMetaFile)
	if err != nil {
		return err
	}
	files, err := digests(x.Files)
	if err != nil {
		return err
	}
	var keys *seal.Keys
	if x.Keys != "" {
		if keys, err = readKeys(x.Keys); err != nil {
			return err
		}
	}
	verdict := judgeMeta(text, keys, files)
	return x.print(c, verdict)
}

// judgeMeta verifies with the keys given or, where there are none, with the file's own.
func judgeMeta(text []byte, keys *seal.Keys, files []seal.File) *seal.MetaVerdict {
	f, err := seal.ParseMetaFile(text)
	if err != nil {
		return &seal.MetaVerdict{
			SignOff: seal.SignOff{Pending: true, By: []string{}, Reason: "the meta-seal does not verify"},
			Checks:  []seal.Check{{Name: "meta-seal file", Got: fmt.Sprintf("%d bytes", len(text)), Reason: err.Error()}},
		}
	}
	if keys != nil {
		return seal.VerifyMeta(f, keys, files)
	}
	v := seal.VerifyMeta(f, f.Keys, files)
	if !v.SignOff.Pending { // anyone can write a key with a laboratory's name into a file
		v.SignOff.Pending, v.SignOff.Reason = true, "countersigned by a key that is known from the file alone; give the published keys with --keys"
	}
	return v
}

func (x *metaCommand) print(c console, v *seal.MetaVerdict) error {
	ok, trusted := v.OK(), x.Keys != ""
	if x.JSON {
		err := printJSON(c.out, metaOutput{ok, v.Tag, v.Runs, "sha256:" + v.Rollup.String(), trusted, v.SignOff, v.Checks})
		if err == nil && !ok {
			err = errDiffer
		}
		return err
	}
	if x.Steps {
		printChecks(c.err, v.Checks)
	}
	if !ok {
		for _, check := range v.Checks {
			if !check.OK {
				printCheck(c.out, check)
			}
		}
		fmt.Fprintf(c.out, "META_SEAL_NOT_VERIFIED %s\n", clean(failures(v.Checks)))
		return errDiffer
	}
	if !trusted {
		fmt.Fprintln(c.err, "qrs-replay: verified with the keys in the file itself: that shows that its parts fit, not who made it; give the published keys with --keys")
	}
	fmt.Fprintf(c.err, "qrs-replay: %s\n", signOffLine(v.SignOff))
	fmt.Fprintf(c.out, "META_SEAL_VERIFIED tag=%s constituent_runs=%d rollup=sha256:%s\n", v.Tag, v.Runs, v.Rollup)
	return nil
}

func signOffLine(s seal.SignOff) string {
	if s.Reason == "" {
		return clean(s.String())
	}
	return clean(s.String() + ": " + s.Reason)
}
