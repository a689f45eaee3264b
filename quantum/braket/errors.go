package braket

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// What the service can answer instead of an answer. Test with errors.Is; the *[Error] has the words.
var (
	// ErrInvalid is a request that the service does not accept (400).
	ErrInvalid = errors.New("the request is not valid")

	// ErrSpendingLimit is a task that the spending limit of the account and device does not allow (400).
	ErrSpendingLimit = errors.New("the spending limit of the device does not allow it")

	// ErrQuota is a quota of the account (402).
	ErrQuota = errors.New("a quota of the AWS account is exhausted")

	// ErrDenied is missing permission or bad credentials (401, 403).
	ErrDenied = errors.New("the credentials do not permit it")

	// ErrNotFound is an unknown ARN or a missing object (404).
	ErrNotFound = errors.New("it does not exist")

	// ErrConflict is a task in a state that does not allow the request, e.g. cancelling one that has ended (409).
	ErrConflict = errors.New("the state of the task does not allow it")

	// ErrRetired is a device that has been withdrawn (410).
	ErrRetired = errors.New("the device is retired")

	// ErrOffline is a device that takes no tasks at present (424).
	ErrOffline = errors.New("the device is offline")

	// ErrThrottled is too many requests (429); it stands after retries only.
	ErrThrottled = errors.New("the service asks for fewer requests")

	// ErrService is a fault of the service (5xx); it stands after retries only.
	ErrService = errors.New("the service has a fault")
)

// Error is a refusal by Amazon Braket or Amazon S3.
type Error struct {
	// Operation is the call, "CreateQuantumTask".
	Operation string

	// Status is the HTTP status.
	Status int

	// Type is the exception's name, "DeviceOfflineException", or the S3 code, "NoSuchKey"; "" if none came.
	Type string

	// Message is what the service says, verbatim.
	Message string

	kind error
}

// Error gives operation, kind, the service's words verbatim, and what to do.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %v (HTTP %d", e.Operation, e.kind, e.Status)
	if e.Type != "" {
		text += ", " + e.Type
	}
	text += ")"
	if e.Message != "" {
		text += ": " + e.Message
	}
	if mend := mend(e.kind); mend != "" {
		text += "; " + mend
	}
	return text
}

// Unwrap is one of the sentinels, ErrOffline for example.
func (e *Error) Unwrap() error { return e.kind }

// mend says what a user can do.
func mend(kind error) string {
	switch {
	case errors.Is(kind, ErrSpendingLimit):
		return "raise the spending limit or ask for fewer shots"
	case errors.Is(kind, ErrQuota):
		return "wait until running tasks have ended, or ask AWS for a higher quota"
	case errors.Is(kind, ErrDenied):
		return "check the credentials, and that they allow braket:GetDevice, braket:CreateQuantumTask, braket:GetQuantumTask, braket:CancelQuantumTask and " +
			"s3:GetObject, s3:PutObject below the result prefix"
	case errors.Is(kind, ErrRetired):
		return "choose another device"
	case errors.Is(kind, ErrOffline):
		return "submit again within the device's execution windows"
	case errors.Is(kind, ErrThrottled), errors.Is(kind, ErrService):
		return "try again later"
	}
	return ""
}

// failure reads an answer that is none: type and message by the AWS REST-JSON protocol, or S3's XML.
func failure(operation string, status int, header http.Header, body []byte) *Error {
	e := &Error{Operation: operation, Status: status, Type: header.Get("X-Amzn-ErrorType")}
	var said struct {
		Type, Code string
		Message    string
	}
	var inBody struct {
		Type    string `json:"__type"`
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	var inXML struct {
		Code    string `xml:"Code"`
		Message string `xml:"Message"`
	}
	switch {
	case json.Unmarshal(body, &inBody) == nil:
		said.Type, said.Code, said.Message = inBody.Type, inBody.Code, inBody.Message
	case xml.Unmarshal(body, &inXML) == nil:
		said.Code, said.Message = inXML.Code, inXML.Message
	}
	for _, name := range []string{said.Type, said.Code} {
		if e.Type == "" {
			e.Type = name
		}
	}
	// "prefix#Type:http://..." is a legal spelling of Type.
	e.Type, _, _ = strings.Cut(e.Type, ":")
	if i := strings.LastIndexByte(e.Type, '#'); i >= 0 {
		e.Type = e.Type[i+1:]
	}
	e.Message = said.Message
	e.kind = kindOf(status, e.Message)
	return e
}

func kindOf(status int, message string) error {
	switch {
	case status == http.StatusBadRequest && strings.Contains(message, "over the spending limit"):
		return ErrSpendingLimit
	case status == http.StatusPaymentRequired:
		return ErrQuota
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return ErrDenied
	case status == http.StatusNotFound:
		return ErrNotFound
	case status == http.StatusConflict:
		return ErrConflict
	case status == http.StatusGone:
		return ErrRetired
	case status == http.StatusFailedDependency:
		return ErrOffline
	case status == http.StatusTooManyRequests:
		return ErrThrottled
	case status >= 500:
		return ErrService
	}
	return ErrInvalid
}
