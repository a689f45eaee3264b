package directory

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// TOTP as every authenticator application has it (RFC 6238): SHA-1, 6 digits, steps of 30 seconds, one step of grace each way
// (section 5.2), and a code is good once (the same section), which the library leaves to us.
const (
	codeDigits    = 6
	codeStep      = 30
	codeGrace     = 1
	codeSecret    = 20 // bytes, RFC 4226 section 4
	recoveryCodes = 10
)

// step finds the time step that a code belongs to, later than the last accepted one.
func (f *factor) step(now time.Time, code string) (int64, error) {
	at := now.Unix() / codeStep
	found := int64(-1)
	for step := at - codeGrace; step <= at+codeGrace; step++ {
		want, err := hotp.GenerateCodeCustom(f.Secret, uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return -1, fmt.Errorf("second factor: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && step > f.Last && found < 0 {
			found = step
		}
	}
	return found, nil
}

// accept takes a code or a recovery code, each once. It counts wrong ones: after five in a row none is looked at for a
// minute, then two, and so on up to a day. Only who has the password gets here, so nobody is locked out by a stranger, and
// nobody learns from it whether there is such an account.
func (c *credential) accept(now time.Time, user store.ID, typed string) error {
	if now.Before(c.BarredUntil) {
		return &ErrTooMany{c.BarredUntil.Sub(now)}
	}
	if c.acceptCode(now, typed) || c.acceptRecovery(user, typed) {
		c.Wrong, c.BarredUntil = 0, time.Time{}
		return nil
	}
	c.Wrong++
	if beyond := c.Wrong - wrongCodes; beyond >= 0 {
		bar := lastBar
		if beyond < 11 { // 2^11 minutes are more than a day
			bar = min(lastBar, firstBar<<beyond)
		}
		c.BarredUntil = now.Add(bar)
	}
	return ErrWrongCredentials
}

func (c *credential) acceptCode(now time.Time, typed string) bool {
	code := strings.ReplaceAll(strings.TrimSpace(typed), " ", "")
	if c.Code == nil || len(code) != codeDigits {
		return false
	}
	step, err := c.Code.step(now, code)
	if err != nil || step < 0 {
		return false
	}
	c.Code = &factor{c.Code.Secret, c.Code.Since, step}
	return true
}

func (c *credential) acceptRecovery(user store.ID, typed string) bool {
	clean := readWritten(typed)
	if len(clean) != writtenLength {
		return false
	}
	i := slices.Index(c.Recovery, recoveryDigest(user, clean))
	if i >= 0 {
		c.Recovery = slices.Delete(slices.Clone(c.Recovery), i, i+1)
	}
	return i >= 0
}

// recoveryDigest is what is kept of a recovery code, bound to its user. A code has 80 random bits: a fast hash keeps them.
func recoveryDigest(user store.ID, clean string) string {
	sum := sha256.Sum256([]byte("qrsd recovery code\x00" + user.String() + clean))
	return hex.EncodeToString(sum[:])
}

// drawRecovery makes a set of recovery codes and their digests.
func (d *Directory) drawRecovery(user store.ID) (codes []Secret, digests []string) {
	for range recoveryCodes {
		code := d.drawWritten()
		codes = append(codes, NewSecret(code))
		digests = append(digests, recoveryDigest(user, readWritten(code)))
	}
	return codes, digests
}

// Enrolment is shown once to whoever enrols a second factor.
type Enrolment struct {
	Secret Secret // in base 32, to be typed
	URI    Secret // otpauth://..., to be shown as a QR code
}

// provedFor is when the caller gave all the factors that the account has, which is fresh: a session that was left open somewhere and
// the password alone must not replace the factor that is there to stand beside the password (OWASP ASVS 5.0, 7.5.1). Of an account
// without second factor the password, which was given to begin, is all there is. Errors: ErrStepUpNeeded, ErrNoSession.
func (d *Directory) provedFor(tx *store.WriteTx, by store.Principal, token SessionToken, c credential) (time.Time, error) {
	if !c.hasSecondFactor() {
		return tx.Now(), nil
	}
	s, err := d.ownFresh(tx, by, token)
	return s.Proved, err
}

// EnrolSecondFactor begins a second factor, a TOTP application: the caller gives its password once more and gets the
// secret; ConfirmSecondFactor within 15 minutes puts it in place. issuer is what the application shows beside the address, as
// the appliance's name. Where the account has a second factor already, a passkey, the proof of the token's session must be fresh (see
// StepUp). Errors: ErrSecondFactorPresent where an application is in place, ErrWrongCredentials, ErrStepUpNeeded, ErrNoSession.
func (d *Directory) EnrolSecondFactor(ctx context.Context, by store.Principal, token SessionToken, password Secret, issuer string) (Enrolment, error) {
	secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(d.draw(codeSecret))
	var email string
	err := d.proven(ctx, by, password, func(tx *store.WriteTx, a *account) error {
		if a.credential.Value.Code != nil {
			return ErrSecondFactorPresent
		}
		if _, err := d.provedFor(tx, by, token, a.credential.Value); err != nil {
			return err
		}
		email = a.user.Value.Email
		a.credential.Value.Pending = &factor{Secret: secret, Since: tx.Now()}
		return nil
	})
	if err != nil {
		return Enrolment{}, err
	}
	q := url.Values{"secret": {secret}, "issuer": {issuer}, "digits": {fmt.Sprint(codeDigits)}, "period": {fmt.Sprint(codeStep)}, "algorithm": {"SHA1"}}
	// Applications show a plus sign as such, so blanks are %20.
	uri := url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + issuer + ":" + email, RawQuery: strings.ReplaceAll(q.Encode(), "+", "%20")}
	return Enrolment{NewSecret(secret), NewSecret(uri.String())}, nil
}

// ConfirmSecondFactor puts a begun second factor in place with its first code, and gives ten recovery codes to be shown once.
// Where a passkey is in place already, the recovery codes stay and there are none in the answer. All sessions end, and one with
// the returned token takes the place of the caller's, as fresh as the caller's was. The proof is asked for as in EnrolSecondFactor.
// Errors: ErrNoSecondFactor, ErrWrongCredentials, ErrStepUpNeeded, ErrNoSession, *ErrTooMany.
func (d *Directory) ConfirmSecondFactor(ctx context.Context, by store.Principal, token SessionToken, code Secret) (SessionToken, []Secret, error) {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return SessionToken{}, nil, err
	}
	if wait, _ := d.limiter.take(d.now(), "confirm "+by.User().String(), d.options.Limits.Account); wait > 0 {
		return SessionToken{}, nil, t.Update(ctx, store.Action{Verb: rights.UserSelf, Object: by.User()}, func(*store.WriteTx) error { return &ErrTooMany{wait} })
	}
	next := d.drawToken()
	drawn, digests := d.drawRecovery(by.User())
	var codes []Secret
	err = t.Update(ctx, store.Action{Verb: rights.UserSelf, Object: by.User()}, func(tx *store.WriteTx) error {
		r, err := d.credentials.Get(tx, by.User())
		if err != nil {
			return err
		}
		c := &r.Value
		if c.Pending == nil || tx.Now().Sub(c.Pending.Since) > enrolmentLife {
			return ErrNoSecondFactor
		}
		proved, err := d.provedFor(tx, by, token, *c)
		if err != nil {
			return err
		}
		step, err := c.Pending.step(tx.Now(), strings.TrimSpace(code.Reveal()))
		if err != nil {
			return err
		}
		if step < 0 {
			return ErrWrongCredentials
		}
		if codes = nil; !c.hasSecondFactor() {
			codes, c.Recovery = drawn, digests
		}
		c.Code = &factor{c.Pending.Secret, tx.Now(), step}
		c.Pending, c.Wrong, c.BarredUntil = nil, 0, time.Time{}
		return errors.Join(
			save(tx, d.credentials, r),
			d.rotate(tx, by.User(), next, by.Source(), proved),
			d.tell(tx, by, NoticeSecondFactorAdded))
	})
	if err != nil {
		return SessionToken{}, nil, err
	}
	return NewSessionToken(next), codes, nil
}

// RenewRecoveryCodes replaces the caller's recovery codes, after its password, in the session of the token, whose proof must be fresh:
// each code is a second factor. Errors: ErrNoSecondFactor, ErrWrongCredentials, ErrStepUpNeeded, ErrNoSession.
func (d *Directory) RenewRecoveryCodes(ctx context.Context, by store.Principal, token SessionToken, password Secret) ([]Secret, error) {
	codes, digests := d.drawRecovery(by.User())
	err := d.proven(ctx, by, password, func(tx *store.WriteTx, a *account) error {
		if !a.credential.Value.hasSecondFactor() {
			return ErrNoSecondFactor
		}
		if _, err := d.provedFor(tx, by, token, a.credential.Value); err != nil {
			return err
		}
		a.credential.Value.Recovery = digests
		return d.tell(tx, by, NoticeRecoveryCodesNew)
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// RemoveSecondFactor takes the caller's own authenticator application away, after its password, in the session of the token, whose
// proof must be fresh. With the last second factor go the recovery codes. Errors: ErrNoSecondFactor, ErrWrongCredentials,
// ErrStepUpNeeded, ErrNoSession; ErrSecondFactorRequired where there is no passkey either, and the tenant's policy or the caller's
// role asks for a second factor.
func (d *Directory) RemoveSecondFactor(ctx context.Context, by store.Principal, token SessionToken, password Secret) error {
	return d.proven(ctx, by, password, func(tx *store.WriteTx, a *account) error {
		c := &a.credential.Value
		if c.Code == nil {
			return ErrNoSecondFactor
		}
		if _, err := d.provedFor(tx, by, token, *c); err != nil {
			return err
		}
		c.Code, c.Pending, c.Wrong, c.BarredUntil = nil, nil, 0, time.Time{}
		if err := d.withoutFactor(tx, by.Tenant(), a); err != nil {
			return err
		}
		return d.tell(tx, by, NoticeSecondFactorRemoved)
	})
}

// withoutFactor refuses an account that lost its last second factor and has to have one, and takes away the recovery codes of
// one that has none.
func (d *Directory) withoutFactor(tx *store.WriteTx, tenant store.ID, a *account) error {
	if a.credential.Value.hasSecondFactor() {
		return nil
	}
	a.credential.Value.Recovery = nil
	must, err := d.mustHaveCode(tx, tenant, a.user.Value.Role)
	if err == nil && must {
		return ErrSecondFactorRequired
	}
	return err
}
