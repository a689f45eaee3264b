package throwaway

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/daemon"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// tenantName is that of the one tenant.
const tenantName = "Sample"

// Account is somebody who can sign in. Its password is in the clear: it guards nothing but what is thrown away.
type Account struct {
	Role     string `json:"role"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

// SignIn is all that leads into a throw-away appliance.
type SignIn struct {
	URL         string    `json:"url"`
	Certificate string    `json:"certificate"` // PEM file
	Folder      string    `json:"folder"`
	Sample      string    `json:"sample"` // folder of the sample's files
	Header      string    `json:"header"` // file with the API key as a header, for curl -H @FILE: the arguments of a command are no secret
	Tenant      store.ID  `json:"tenant"`
	Accounts    []Account `json:"accounts"`
	APIKey      string    `json:"api_key"` // of the modeler, with all that one may do
}

// keyLife is how long the API key lasts: as long as any.
const keyLife = 366 * 24 * time.Hour

// people sets the appliance up, and gives the modeler, who owns the sample.
func people(ctx context.Context, r daemon.Running, source store.Source) (s SignIn, modeler store.Principal, err error) {
	code, err := r.Directory.OpenSetUp(ctx)
	if err != nil {
		return s, modeler, err
	}
	operator, admin := account(store.Operator), account(store.Admin)
	done, err := r.Directory.SetUp(ctx, code, directory.NewAppliance{
		Operator: newUser(operator, store.Operator), Password: directory.NewSecret(operator.Password),
		Tenant: tenantName, Admin: newUser(admin, store.Admin), Mode: outbound.AirGapped,
	}, source)
	if err != nil {
		return s, modeler, fmt.Errorf("setting the appliance up: %w", err)
	}
	by, _, err := r.Directory.Accept(ctx, done.Token, directory.NewSecret(admin.Password), source)
	if err != nil {
		return s, modeler, fmt.Errorf("the administrator's password: %w", err)
	}
	s.Tenant, s.Accounts = done.Tenant, []Account{operator, admin}
	for _, role := range []store.Role{store.Modeler, store.Approver} {
		one := account(role)
		p, err := invited(ctx, r.Directory, by, done.Tenant, one, role, source)
		if err != nil {
			return s, modeler, fmt.Errorf("the %s: %w", role, err)
		}
		s.Accounts = append(s.Accounts, one)
		if role == store.Modeler {
			modeler = p
		}
	}
	s.APIKey, err = apiKey(ctx, r.Directory, modeler)
	return s, modeler, err
}

// account is one with a new password: 100 random bits in four groups, to be typed.
func account(role store.Role) Account {
	text := strings.ToLower(rand.Text())
	return Account{Role: role.String(), Email: role.String() + "@example.com", Password: text[:5] + "-" + text[5:10] + "-" + text[10:15] + "-" + text[15:20]}
}

func newUser(a Account, role store.Role) directory.NewUser {
	return directory.NewUser{Email: a.Email, Name: "Sample " + a.Role, Role: role}
}

// invited makes a user as people do: by an invitation that is accepted, so that the password is the user's own.
func invited(ctx context.Context, d *directory.Directory, by store.Principal, tenant store.ID, a Account, role store.Role, source store.Source) (p store.Principal, err error) {
	_, token, err := d.Invite(ctx, by, tenant, newUser(a, role))
	if err != nil {
		return p, err
	}
	p, _, err = d.Accept(ctx, token, directory.NewSecret(a.Password), source)
	return p, err
}

func apiKey(ctx context.Context, d *directory.Directory, owner store.Principal) (string, error) {
	var scopes []string
	for _, v := range directory.KeyScopes(store.Modeler) {
		scopes = append(scopes, v.String())
	}
	_, key, err := d.AddAPIKey(ctx, owner, directory.NewAPIKey{Name: "qrsd dev", Scopes: scopes, Expires: time.Now().Add(keyLife - time.Hour)})
	if err != nil {
		return "", fmt.Errorf("the API key: %w", err)
	}
	return key.Reveal(), nil
}

// keep writes how to sign in, for curl and for the next start in the same folder.
func (s SignIn) keep() error {
	if err := os.WriteFile(s.Header, []byte("Authorization: Bearer "+s.APIKey+"\n"), 0o600); err != nil {
		return err
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.Folder, signInFile), append(text, '\n'), 0o600)
}

// kept reads it back, for where the appliance is now.
func kept(folder string) (s SignIn, err error) {
	text, err := os.ReadFile(filepath.Join(folder, signInFile))
	if errors.Is(err, os.ErrNotExist) {
		return s, errNobody
	}
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	return s, err
}
