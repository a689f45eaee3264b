package kmstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
)

// What is played of signing.
const (
	signingAlgorithm = "ECDSA_SHA_256"
	signingSpec      = "ECC_NIST_P256"
	signingUsage     = "SIGN_VERIFY"
)

// CreateSigningKey makes an asymmetric key of spec ECC_NIST_P256 for SIGN_VERIFY and returns its ARN. The error is that of the source
// of randomness.
func (s *Server) CreateSigningKey() (arn string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), s.options.Rand)
	if err != nil {
		return "", fmt.Errorf("drawing a key: %w", err)
	}
	var id [16]byte
	if _, err := io.ReadFull(s.options.Rand, id[:]); err != nil {
		return "", fmt.Errorf("drawing a key's id: %w", err)
	}
	return s.add(id, &key{private: private, state: Enabled}), nil
}

type signRequest struct {
	KeyID            string `json:"KeyId"`
	Message          []byte `json:"Message"`
	MessageType      string `json:"MessageType"`
	SigningAlgorithm string `json:"SigningAlgorithm"`
}

type signAnswer struct {
	KeyID            string `json:"KeyId"`
	Signature        []byte `json:"Signature"`
	SigningAlgorithm string `json:"SigningAlgorithm"`
}

func (s *Server) sign(body []byte) (any, error) {
	var in signRequest
	if err := members(body, &in); err != nil {
		return nil, err
	}
	k, err := s.use("Sign", in.KeyID, nil)
	if err != nil {
		return nil, err
	}
	switch {
	case k.private == nil:
		return nil, wrongUsage(in.KeyID)
	case in.SigningAlgorithm != signingAlgorithm:
		return nil, invalid("SigningAlgorithm %q: the key is for %s", in.SigningAlgorithm, signingAlgorithm)
	case in.MessageType != "DIGEST":
		return nil, invalid("MessageType %q is not played here, DIGEST is", in.MessageType)
	case len(in.Message) != sha256.Size:
		return nil, invalid("Digest is invalid length for algorithm %s.", signingAlgorithm)
	}
	signature, err := ecdsa.SignASN1(s.options.Rand, k.private, in.Message)
	return signAnswer{in.KeyID, signature, signingAlgorithm}, err
}

type publicKeyRequest struct {
	KeyID string `json:"KeyId"`
}

type publicKeyAnswer struct {
	CustomerMasterKeySpec string   `json:"CustomerMasterKeySpec"`
	KeyID                 string   `json:"KeyId"`
	KeySpec               string   `json:"KeySpec"`
	KeyUsage              string   `json:"KeyUsage"`
	PublicKey             []byte   `json:"PublicKey"`
	SigningAlgorithms     []string `json:"SigningAlgorithms"`
}

func (s *Server) publicKey(body []byte) (any, error) {
	var in publicKeyRequest
	if err := members(body, &in); err != nil {
		return nil, err
	}
	k, err := s.use("GetPublicKey", in.KeyID, nil)
	if err != nil {
		return nil, err
	}
	if k.private == nil {
		return nil, &refusal{http.StatusBadRequest, "UnsupportedOperationException", in.KeyID + " is a symmetric key"}
	}
	spki, err := x509.MarshalPKIXPublicKey(&k.private.PublicKey)
	return publicKeyAnswer{signingSpec, in.KeyID, signingSpec, signingUsage, spki, []string{signingAlgorithm}}, err
}

func wrongUsage(arn string) error {
	return &refusal{http.StatusBadRequest, "InvalidKeyUsageException", arn + " key usage is not for this operation."}
}
