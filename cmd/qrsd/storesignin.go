package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/directory/breached"
)

// visit is a user of a tenant at work with one command.
type visit struct {
	people    *directory.Directory
	principal store.Principal
	password  directory.Secret       // what the user signed in with; zero with an API key
	token     directory.SessionToken // of the session that ends with the command; zero with an API key
}

// signIn proves who asks: with the API key in QRSD_API_KEY, or with --user and its password. An account that is not in order
// yet is told what to do.
func (f tenantFlags) signIn(ctx context.Context, db *store.DB, tenant store.ID) (*visit, error) {
	v, err := f.begin(ctx, db, tenant)
	if err != nil || v.token.IsZero() {
		return v, err
	}
	self, err := v.people.Self(ctx, v.principal)
	switch {
	case err != nil:
	case self.MustChangePassword:
		err = fmt.Errorf("the password of %s is a one-time password; first set an own one: qrsd user password --tenant %q --user %s: %w",
			self.Email, f.Tenant, f.User, errNotInOrder)
	case self.MustEnrol:
		err = fmt.Errorf("the role %s needs a second factor, and %s has none; first enrol one: qrsd user enrol --tenant %q --user %s: %w",
			self.Role, self.Email, f.Tenant, f.User, errNotInOrder)
	}
	if err != nil {
		return nil, errors.Join(err, v.leave(ctx))
	}
	return v, nil
}

// errNotInOrder is an account whose owner has something to do first.
var errNotInOrder = errors.New("until then the account may do nothing else")

// begin is signIn for accounts in any order.
func (f tenantFlags) begin(ctx context.Context, db *store.DB, tenant store.ID) (*visit, error) {
	v := &visit{people: directory.Open(db, directory.Options{Breached: breached.NewList(f.fault, f.breached...)})}
	from := source()
	if f.User == "" {
		key := os.Getenv("QRSD_API_KEY")
		if key == "" {
			return nil, &runner.ErrUsage{Reason: "a tenant's data is for its users: say who asks with --user EMAIL, or put an API key into QRSD_API_KEY"}
		}
		p, err := v.people.APIKey(ctx, directory.NewSecret(key), from)
		v.principal = p
		return v, err
	}
	password, err := secretOr(ctx, "QRSD_PASSWORD_FILE", "password of "+f.User+": ")
	if err != nil {
		return nil, err
	}
	v.password = directory.NewSecret(string(password))
	as := directory.Credentials{Email: f.User, Password: v.password, Tenant: tenant}
	v.principal, v.token, err = v.people.SignIn(ctx, as, from)
	if errors.Is(err, directory.ErrSecondFactorNeeded) {
		code, asking := secretOr(ctx, "QRSD_CODE_FILE", "code of the second factor: ")
		if asking != nil {
			return nil, errors.Join(err, asking)
		}
		as.Code = directory.NewSecret(string(code))
		v.principal, v.token, err = v.people.SignIn(ctx, as, from)
	}
	return v, err
}

// secretOr reads a secret from the file that a variable names, or asks for it.
func secretOr(ctx context.Context, variable, prompt string) ([]byte, error) {
	if os.Getenv(variable) != "" {
		return readSecretFile(variable)
	}
	secret, err := typed(ctx, prompt)
	if errors.Is(err, errNoTerminal) {
		err = &runner.ErrUsage{Reason: fmt.Sprintf("%sthere is no terminal to type it on; name a file with %s", prompt, variable)}
	}
	return secret, err
}

// continueAs goes on with the token that took the place of the session's.
func (v *visit) continueAs(ctx context.Context, token directory.SessionToken) (err error) {
	v.token = token
	v.principal, _, err = v.people.Session(ctx, token, v.principal.Source())
	return err
}

// leave ends the session, and writes when keys were last used.
func (v *visit) leave(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var err error
	if !v.token.IsZero() {
		err = v.people.SignOut(ctx, v.principal, v.token)
	}
	return errors.Join(err, v.people.Flush(ctx))
}
