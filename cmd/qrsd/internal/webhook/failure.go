package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/qrsrisk/qrsd/internal/outbound"
)

// statusError is an answer that does not say that the event was taken.
type statusError int

func (e statusError) Error() string {
	if e >= 300 && e <= 399 {
		return fmt.Sprintf("the receiver answered %d, a redirect, which is not followed: give the webhook the address that it leads to", int(e))
	}
	return fmt.Sprintf("the receiver answered %d %s", int(e), http.StatusText(int(e)))
}

// inWords says to a tenant's administrators why an attempt failed. It names no address and nothing of the appliance's network, into which a
// webhook could otherwise look (OWASP ASVS 5.0.0 1.3.6): the whole reason is in the log. "" of no error.
func inWords(err error) string {
	var status statusError
	var not *outbound.NotAllowed
	var certificate *tls.CertificateVerificationError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &status):
		return status.Error()
	case errors.As(err, &not), errors.Is(err, outbound.ErrAirGapped):
		return "the address is not one that this appliance delivers to; its operator decides on that"
	case errors.As(err, &certificate):
		return "the certificate of the receiver is not one that this appliance trusts"
	case errors.Is(err, context.DeadlineExceeded):
		return "the receiver did not answer in time"
	}
	return "the receiver could not be reached, or broke off"
}

// withoutAddress is the reason of an attempt that failed, without the address, which may hold a token.
func withoutAddress(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
