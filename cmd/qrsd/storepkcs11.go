package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/pkcs11"
)

// pkcs11Flags say which key in a PKCS#11 token wraps the root key.
type pkcs11Flags struct {
	PKCS11Module string `name:"pkcs11-module" group:"PKCS#11 token" env:"QRSD_PKCS11_MODULE" placeholder:"FILE" help:"Library of the token's maker, such as /usr/lib/softhsm/libsofthsm2.so."`
	PKCS11Token  string `name:"pkcs11-token" group:"PKCS#11 token" env:"QRSD_PKCS11_TOKEN" placeholder:"LABEL" help:"Label of the token."`
	PKCS11Key    string `name:"pkcs11-key" group:"PKCS#11 token" env:"QRSD_PKCS11_KEY" placeholder:"LABEL" help:"Label of the AES key in the token that wraps the root key. The PIN is read from the file named by QRSD_PKCS11_PIN_FILE, or typed."`
}

// pkcs11Unlocker asks for the PIN and looks whether the token has the key.
func (f pkcs11Flags) pkcs11Unlocker(ctx context.Context) (store.Unlocker, error) {
	o, err := f.options(ctx)
	if err != nil {
		return store.Unlocker{}, err
	}
	k, err := pkcs11.Open(o)
	if errors.Is(err, pkcs11.ErrNoKey) {
		err = fmt.Errorf("%w (qrsd init --pkcs11-generate does)", err)
	}
	if err != nil {
		return store.Unlocker{}, err
	}
	return store.External(pkcs11.Method, k.Reference(), tokenKey{o}), k.Close()
}

// generate makes the key in the token.
func (f pkcs11Flags) generate(ctx context.Context) error {
	o, err := f.options(ctx)
	if err != nil {
		return err
	}
	k, err := pkcs11.GenerateKey(o)
	if err != nil {
		return err
	}
	return k.Close()
}

func (f pkcs11Flags) options(ctx context.Context) (o pkcs11.Options, err error) {
	o = pkcs11.Options{Module: f.PKCS11Module, Token: f.PKCS11Token, Key: f.PKCS11Key}
	if os.Getenv("QRSD_PKCS11_PIN_FILE") != "" {
		o.PIN, err = readSecretFile("QRSD_PKCS11_PIN_FILE")
	} else {
		o.PIN, err = typed(ctx, "PIN of token "+f.PKCS11Token+": ")
	}
	return o, err
}

// tokenKey opens the token for each call, so that no session is left in it when the command ends.
type tokenKey struct{ options pkcs11.Options }

// Wrap encrypts in the token.
func (t tokenKey) Wrap(ctx context.Context, secret []byte, context map[string]string) ([]byte, error) {
	return t.with(func(k *pkcs11.Key) ([]byte, error) { return k.Wrap(ctx, secret, context) })
}

// Unwrap decrypts in the token.
func (t tokenKey) Unwrap(ctx context.Context, wrapped []byte, context map[string]string) ([]byte, error) {
	return t.with(func(k *pkcs11.Key) ([]byte, error) { return k.Unwrap(ctx, wrapped, context) })
}

func (t tokenKey) with(do func(*pkcs11.Key) ([]byte, error)) ([]byte, error) {
	k, err := pkcs11.Open(t.options)
	if err != nil {
		return nil, err
	}
	out, err := do(k)
	return out, errors.Join(err, k.Close())
}
