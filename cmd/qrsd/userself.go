package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/directory/breached"
)

// selfFlags name the user who changes the own account.
type selfFlags struct {
	storeFlags
	Tenant string `required:"" env:"QRSD_TENANT" placeholder:"TENANT" help:"Tenant, by name or id."`
	User   string `required:"" env:"QRSD_USER" placeholder:"EMAIL" help:"E-mail address of the user. The present password is in the file named by QRSD_PASSWORD_FILE, or typed."`

	breached []*breached.Filter // lists of known passwords, for a verb that sets a password
	fault    func(error)
}

// at signs the user in, in whatever order the account is.
func (f selfFlags) at(ctx context.Context, c console) (v *visit, leave func(*error), err error) {
	db, err := openStore(ctx, c, f.storeFlags)
	if err != nil {
		return nil, nil, err
	}
	id, err := db.Named(ctx, f.Tenant)
	if err == nil {
		v, err = tenantFlags{Tenant: f.Tenant, User: f.User, breached: f.breached, fault: f.fault}.begin(ctx, db, id)
	}
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return v, func(err *error) { *err = errors.Join(*err, v.leave(ctx), db.Close()) }, nil
}

// userPassword is `qrsd user password`.
type userPassword struct {
	selfFlags
	Breached []string `placeholder:"FILTER" env:"QRSD_BREACHED" help:"List of known passwords that qrsd passwords import made, beside the one of this program. May be repeated."`
	JSON     bool     `help:"Print what is left to do as JSON."`
}

// Help is shown by `qrsd user password --help`.
func (userPassword) Help() string {
	return `The new password has at least 12 characters; it is typed twice, or in the file named by QRSD_NEW_PASSWORD_FILE.`
}

// selfOutput is `qrsd user password --json` and `qrsd user enrol --json`.
type selfOutput struct {
	User      store.ID `json:"user"`
	Email     string   `json:"email"`
	MustEnrol bool     `json:"must_enrol"`
}

// Run carries out the command.
func (x *userPassword) Run(ctx context.Context, c console) (err error) {
	lists, closeLists, err := openBreached(x.Breached)
	if err != nil {
		return err
	}
	defer closeLists(&err)
	x.breached, x.fault = lists, func(err error) { fmt.Fprintln(c.err, "qrsd: alarm:", err) }
	v, leave, err := x.at(ctx, c)
	if err != nil {
		return err
	}
	defer leave(&err)
	var fresh []byte
	if os.Getenv("QRSD_NEW_PASSWORD_FILE") != "" {
		fresh, err = readSecretFile("QRSD_NEW_PASSWORD_FILE")
	} else {
		fresh, err = typedTwice(ctx, "password")
	}
	if errors.Is(err, errNoTerminal) {
		err = &runner.ErrUsage{Reason: "there is no terminal to type the new password on; name a file with QRSD_NEW_PASSWORD_FILE"}
	}
	if err != nil {
		return err
	}
	token, err := v.people.SetPassword(ctx, v.principal, v.password, directory.NewSecret(string(fresh)))
	if err != nil {
		return err
	}
	if err := v.continueAs(ctx, token); err != nil {
		return err
	}
	self, err := v.people.Self(ctx, v.principal)
	if err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, selfOutput{self.ID, self.Email, self.MustEnrol})
	}
	fmt.Fprintf(c.out, "the password of %s is changed; all other sessions have ended\n", self.Email)
	if self.MustEnrol {
		fmt.Fprintf(c.out, "next: qrsd user enrol --tenant %q --user %s, because the role %s needs a second factor\n", x.Tenant, x.User, self.Role)
	}
	return nil
}

// userEnrol is `qrsd user enrol`.
type userEnrol struct {
	selfFlags
	CodesFile string `placeholder:"FILE" help:"Write the recovery codes into this new file in place of showing them on the terminal."`
	JSON      bool   `help:"Print who enrolled as JSON. Secret and codes are never in it."`
}

// Help is shown by `qrsd user enrol --help`.
func (userEnrol) Help() string {
	return `Shows a secret on the terminal, to be typed into an authenticator application (TOTP, RFC 6238), and asks for its first code. Then it
gives ten recovery codes, each good once in place of a code.`
}

// Run carries out the command.
func (x *userEnrol) Run(ctx context.Context, c console) (err error) {
	tty, err := terminal()
	if err != nil {
		return &runner.ErrUsage{Reason: "a second factor is enrolled on a terminal, which is not here"}
	}
	defer tty.Close()
	kept, err := keepOnce(x.CodesFile, "--codes-file")
	if err != nil {
		return err
	}
	made := false
	defer func() {
		if !made {
			err = errors.Join(err, giveBack(kept, x.CodesFile))
		}
	}()
	v, leave, err := x.at(ctx, c)
	if err != nil {
		return err
	}
	defer leave(&err)
	begun, err := v.people.EnrolSecondFactor(ctx, v.principal, v.token, v.password, "qrsd")
	if err != nil {
		return err
	}
	fmt.Fprintf(tty, "\nAdd this to your authenticator application:\n\n    secret  %s\n    or      %s\n\n", begun.Secret.Reveal(), begun.URI.Reveal())
	code, err := typed(ctx, "its code now: ")
	if err != nil {
		return err
	}
	token, codes, err := v.people.ConfirmSecondFactor(ctx, v.principal, v.token, directory.NewSecret(strings.TrimSpace(string(code))))
	if err != nil {
		return err
	}
	made = true
	if err := giveOnce(kept, x.CodesFile, x.lines(codes), "Recovery codes, each good once in place of a code:",
		"Keep them apart from the application. They are not shown again."); err != nil {
		return fmt.Errorf("the second factor is in place, but its recovery codes could not be given: %w", err)
	}
	if err := v.continueAs(ctx, token); err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, selfOutput{User: v.principal.User(), Email: x.User})
	}
	fmt.Fprintf(c.out, "the second factor of %s is in place\n", x.User)
	return nil
}

// lines sets the codes one below the other.
func (x *userEnrol) lines(codes []directory.Secret) string {
	all := make([]string, len(codes))
	for i, s := range codes {
		all[i] = s.Reveal()
	}
	if x.CodesFile != "" {
		return strings.Join(all, "\n")
	}
	return strings.Join(all, "\n    ")
}
