package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/daemon"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/kms"
	"github.com/qrsrisk/qrsd/store/pkcs11"
)

// configFlags name the configuration file.
type configFlags struct {
	Config string `default:"qrsd.hcl" env:"QRSD_CONFIG" placeholder:"FILE" help:"Configuration file; qrsd.hcl.example explains every key."`
}

// serverCommand is `qrsd server`.
type serverCommand struct{ configFlags }

// Help is shown by `qrsd server --help`.
func (serverCommand) Help() string {
	return `Serves API and pages on one port until it is told to stop (SIGTERM or Ctrl-C), which finishes what is in hand. SIGHUP reads the
certificate and the log's level anew. The log is on standard error; at the first start the set-up code is in it.`
}

// Run carries out the command.
func (x *serverCommand) Run(ctx context.Context, c console) error {
	cfg, err := config.Load(x.Config)
	if err != nil {
		return err
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	return daemon.Run(ctx, daemon.Options{
		Config: cfg, Unlocker: unlockerOf(cfg.Store.Unlock), Operator: operator(), Hangup: hangup, Log: c.err, Version: engine.Version,
	})
}

// unlockerOf makes the way to unlock that a configuration names; nil where it names none.
func unlockerOf(u config.Unlock) func(context.Context, *outbound.Dialer) (store.Unlocker, error) {
	switch {
	case u.KeyFile != "":
		return func(context.Context, *outbound.Dialer) (store.Unlocker, error) { return store.KeyFile(u.KeyFile), nil }
	case !u.Passphrase.IsZero():
		return func(context.Context, *outbound.Dialer) (store.Unlocker, error) {
			words, err := u.Passphrase.Read()
			return store.Passphrase([]byte(words.Reveal())), err
		}
	case u.KMS != nil:
		return func(ctx context.Context, d *outbound.Dialer) (store.Unlocker, error) {
			return serviceUnlocker(ctx, d, u.KMS)
		}
	case u.PKCS11 != nil:
		return func(context.Context, *outbound.Dialer) (store.Unlocker, error) { return tokenUnlocker(u.PKCS11) }
	}
	return nil
}

// serviceUnlocker reaches AWS KMS through the appliance's dialer.
func serviceUnlocker(ctx context.Context, d *outbound.Dialer, k *config.KMS) (store.Unlocker, error) {
	client := d.Client(config.ForKeys)
	credentials, err := braket.Credentials(ctx, braket.CredentialOptions{HTTP: client, Region: k.Region(), Profile: k.Profile, InstanceRole: k.InstanceRole})
	if err != nil {
		return store.Unlocker{}, err
	}
	key, err := kms.New(kms.Options{HTTP: client, Credentials: credentials, ARN: k.Key, Endpoint: k.Endpoint})
	if err != nil {
		return store.Unlocker{}, err
	}
	return store.External(kms.Method, key.Reference(), key), nil
}

// tokenUnlocker looks whether the token has the key.
func tokenUnlocker(t *config.PKCS11) (store.Unlocker, error) {
	pin, err := t.PIN.Read()
	if err != nil {
		return store.Unlocker{}, err
	}
	o := pkcs11.Options{Module: t.Module, Token: t.Token, Key: t.Key, PIN: []byte(pin.Reveal())}
	k, err := pkcs11.Open(o)
	if err != nil {
		return store.Unlocker{}, err
	}
	return store.External(pkcs11.Method, k.Reference(), tokenKey{o}), k.Close()
}

// configExit is the exit code of an error of a configuration or of the port, 0 if it is none.
func configExit(err error) int {
	var faults *config.FaultsError
	switch {
	case errors.As(err, &faults):
		return exitUsage
	case errors.Is(err, syscall.EADDRINUSE):
		return exitConflict
	}
	return 0
}
