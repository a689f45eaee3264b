// Package throwaway makes an appliance to try the product with: it sets a daemon up without a person, in a folder of its own,
// with a tenant, people who can sign in, the synthetic sample portfolio and a first run of it.
//
// It is the same daemon as any (package daemon) on the same configuration file, but for one thing: nobody needs a second factor. It prints
// nothing; the verb qrsd dev does.
//
// Begin with Configure, then Begin.
package throwaway

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/examples/florida"
)

// The folder of an appliance.
const (
	configFile  = "qrsd.hcl"
	LogFile     = "qrsd.log"
	signInFile  = "sign-in.json"
	headerFile  = "key.header"
	sampleFiles = "sample"
)

// Configure writes the configuration of an appliance and the files of the sample portfolio into a folder, or takes up those that an
// earlier call has left there, and reads the configuration. listen is a port of this host's own addresses: anybody who reads the terminal
// can sign in, and nobody else is let near.
func Configure(folder, listen string) (*config.Config, error) {
	if err := checkListen(listen); err != nil {
		return nil, err
	}
	if err := notElses(folder); err != nil {
		return nil, err
	}
	if err := writeSample(filepath.Join(folder, sampleFiles)); err != nil {
		return nil, err
	}
	text := fmt.Sprintf("# A throw-away appliance, made by qrsd dev.\nlisten = %q\n\nstore {\n  path     = \"data/store\"\n  key_file = \"key/store.key\"\n}\n", listen)
	file := filepath.Join(folder, configFile)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	c, err := config.Load(file)
	if err != nil {
		return nil, err
	}
	c.Directory.SecondFactorOptional = true
	return c, nil
}

// checkListen takes loopback addresses only.
func checkListen(listen string) error {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return wrong("--listen %q: write host:port, as in 127.0.0.1:8443", listen)
	}
	if host != "localhost" && host != "127.0.0.1" && host != "::1" {
		return wrong("--listen %q: a throw-away appliance, whose passwords stand on the terminal, serves this host alone: 127.0.0.1, ::1 or localhost; qrsd server serves others", listen)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return wrong("--listen %q: the port is a number from 1 to 65535, or 0 for any that is free", listen)
	} else if strconv.FormatUint(n, 10) != port {
		return wrong("--listen %q: write the port as %d", listen, n)
	}
	return nil
}

// wrong is a fault of what was asked for.
func wrong(format string, values ...any) error {
	return &runner.ErrUsage{Reason: fmt.Sprintf(format, values...)}
}

// notElses refuses a folder that has something in it and was not made by Configure.
func notElses(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) == 0 {
		return err
	}
	if _, err := os.Lstat(filepath.Join(folder, sampleFiles)); err != nil {
		return fmt.Errorf("%s has something in it that is no throw-away appliance: name a new folder, an empty one, or that of an earlier qrsd dev --keep: %w", folder, fs.ErrExist)
	}
	return nil
}

// writeSample lays the sample's files out for whoever tries imports.
func writeSample(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for _, name := range []string{florida.Location, florida.Account, florida.Faulty} {
		text, err := florida.Read(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), text, 0o600)
		}
		if err != nil {
			return fmt.Errorf("the sample portfolio: %w", err)
		}
	}
	return nil
}

// errNobody says that a kept folder has lost its file of accounts.
var errNobody = errors.New("this appliance is set up, and the file with its accounts is gone: remove the folder and begin anew")
