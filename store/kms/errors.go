package kms

import (
	"context"
	"errors"
	"fmt"
)

// Errors that callers tell apart; wrapped with the key, what AWS said, and what to do.
var (
	// ErrRefused is a wrapped key that KMS does not decrypt under this key and context.
	ErrRefused = errors.New("AWS KMS does not decrypt this")

	// ErrDenied is a principal that may not use the key, or credentials that AWS does not know.
	ErrDenied = errors.New("AWS KMS denies the use of the key")

	// ErrUnusable is a key that is disabled, about to be deleted, gone, or of the wrong sort.
	ErrUnusable = errors.New("the AWS KMS key cannot be used")

	// ErrBusy is a service that throttles or fails, or cannot be reached, after some attempts.
	ErrBusy = errors.New("AWS KMS does not answer")
)

// mends are what to do about an exception, by its name in the API reference.
var mends = map[string]struct {
	kind error
	mend string
}{
	"AccessDeniedException":         {ErrDenied, "allow the action named below on this key in its key policy or in the principal's IAM policy"},
	"UnrecognizedClientException":   {ErrDenied, "the access key id is unknown to AWS: check the credentials"},
	"InvalidSignatureException":     {ErrDenied, "the secret key does not fit its id, or this host's clock is off by more than five minutes"},
	"ExpiredTokenException":         {ErrDenied, "the temporary credentials have expired: sign in to AWS again"},
	"MissingAuthenticationToken":    {ErrDenied, "the credentials are empty: check their configuration"},
	"InvalidCiphertextException":    {ErrRefused, "the key file is not of this install and root key, or was changed: restore it from its backup"},
	"IncorrectKeyException":         {ErrRefused, "the key file was wrapped with another KMS key: give the ARN that status shows for the slot"},
	"DisabledException":             {ErrUnusable, "enable it again: aws kms enable-key"},
	"KMSInvalidStateException":      {ErrUnusable, "if it is pending deletion, stop that before the date is over: aws kms cancel-key-deletion, then aws kms enable-key"},
	"NotFoundException":             {ErrUnusable, "it does not exist in this account and region: check the ARN; a deleted key cannot come back, unlock with the recovery key then"},
	"InvalidArnException":           {ErrUnusable, "check the ARN"},
	"InvalidKeyUsageException":      {ErrUnusable, "the root key is wrapped by a symmetric key for ENCRYPT_DECRYPT, seals are signed by one of spec ECC_NIST_P256 for SIGN_VERIFY"},
	"UnsupportedOperationException": {ErrUnusable, "seals are signed by an asymmetric key of spec ECC_NIST_P256 for SIGN_VERIFY"},
	"KeyUnavailableException":       {ErrBusy, "try again in a minute"},
	"DependencyTimeoutException":    {ErrBusy, "try again in a minute"},
	"KMSInternalException":          {ErrBusy, "try again in a minute"},
	"ThrottlingException":           {ErrBusy, "too many requests of this account: try again in a minute, or ask AWS for a higher quota"},
	"RequestLimitExceeded":          {ErrBusy, "too many requests of this account: try again in a minute, or ask AWS for a higher quota"},
	"LimitExceededException":        {ErrBusy, "a quota of the account is spent: see Service Quotas in the AWS console"},
}

// explain puts an error of the SDK into words. The SDK's own text stays behind them, it has the request id for AWS's support.
func (k *Key) explain(action string, err error) error {
	var exception interface {
		ErrorCode() string
		ErrorMessage() string
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", action, err)
	}
	if !errors.As(err, &exception) {
		return fmt.Errorf("%w: %s: check the endpoint, the credentials and the allowed destinations: %w", ErrBusy, k.arn, err)
	}
	m, ok := mends[exception.ErrorCode()]
	if !ok {
		return fmt.Errorf("AWS KMS: %s with %s: %w", action, k.arn, err)
	}
	return fmt.Errorf("%w: %s: %s: %s (%w)", m.kind, k.arn, m.mend, action, err)
}
