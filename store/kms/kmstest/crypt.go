package kmstest

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const (
	algorithm    = "SYMMETRIC_DEFAULT"
	maxPlain     = 4096 // bytes of Plaintext
	maxBlob      = 6144 // bytes of CiphertextBlob
	maxContext   = 8192 // bytes of the encryption context
	sealedFormat = "kmstest1"
)

type encryptRequest struct {
	KeyID             string            `json:"KeyId"`
	Plaintext         []byte            `json:"Plaintext"`
	EncryptionContext map[string]string `json:"EncryptionContext"`
}

type encryptAnswer struct {
	CiphertextBlob      []byte `json:"CiphertextBlob"`
	KeyID               string `json:"KeyId"`
	EncryptionAlgorithm string `json:"EncryptionAlgorithm"`
}

func (s *Server) encrypt(body []byte) (any, error) {
	var in encryptRequest
	if err := members(body, &in); err != nil {
		return nil, err
	}
	if len(in.Plaintext) == 0 || len(in.Plaintext) > maxPlain {
		return nil, invalid("Plaintext has %d bytes, 1 to %d are allowed", len(in.Plaintext), maxPlain)
	}
	bound, err := canonical(in.KeyID, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	k, err := s.use("Encrypt", in.KeyID, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	if k.aead == nil {
		return nil, wrongUsage(in.KeyID)
	}
	nonce := make([]byte, k.aead.NonceSize())
	if _, err := io.ReadFull(s.options.Rand, nonce); err != nil {
		return nil, err
	}
	blob := binary.BigEndian.AppendUint16([]byte(sealedFormat), uint16(len(in.KeyID)))
	blob = append(append(blob, in.KeyID...), nonce...)
	return encryptAnswer{k.aead.Seal(blob, nonce, in.Plaintext, bound), in.KeyID, algorithm}, nil
}

type decryptRequest struct {
	KeyID             string            `json:"KeyId"`
	CiphertextBlob    []byte            `json:"CiphertextBlob"`
	EncryptionContext map[string]string `json:"EncryptionContext"`
}

type decryptAnswer struct {
	Plaintext           []byte `json:"Plaintext"`
	KeyID               string `json:"KeyId"`
	EncryptionAlgorithm string `json:"EncryptionAlgorithm"`
}

func (s *Server) decrypt(body []byte) (any, error) {
	var in decryptRequest
	if err := members(body, &in); err != nil {
		return nil, err
	}
	if len(in.CiphertextBlob) == 0 || len(in.CiphertextBlob) > maxBlob {
		return nil, invalid("CiphertextBlob has %d bytes, 1 to %d are allowed", len(in.CiphertextBlob), maxBlob)
	}
	by, sealed, ok := takeApart(in.CiphertextBlob)
	if !ok {
		return nil, &refusal{http.StatusBadRequest, "InvalidCiphertextException", ""}
	}
	if in.KeyID != "" && in.KeyID != by {
		return nil, &refusal{http.StatusBadRequest, "IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation."}
	}
	bound, err := canonical(by, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	k, err := s.use("Decrypt", by, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	if k.aead == nil {
		return nil, wrongUsage(by)
	}
	n := k.aead.NonceSize()
	if len(sealed) < n {
		return nil, &refusal{http.StatusBadRequest, "InvalidCiphertextException", ""}
	}
	plain, err := k.aead.Open(nil, sealed[:n], sealed[n:], bound)
	if err != nil { // as AWS, without a word about which of key, bytes and context it was
		return nil, &refusal{http.StatusBadRequest, "InvalidCiphertextException", ""}
	}
	return decryptAnswer{plain, by, algorithm}, nil
}

func takeApart(blob []byte) (arn string, sealed []byte, ok bool) {
	rest, ok := strings.CutPrefix(string(blob), sealedFormat)
	if !ok || len(rest) < 2 {
		return "", nil, false
	}
	n := int(binary.BigEndian.Uint16([]byte(rest)))
	if len(rest) < 2+n {
		return "", nil, false
	}
	return rest[2 : 2+n], []byte(rest[2+n:]), true
}

// canonical is what a ciphertext is bound to: the key, and the context in the order of its names.
func canonical(arn string, context map[string]string) ([]byte, error) {
	b := field(nil, arn)
	for _, name := range slices.Sorted(maps.Keys(context)) {
		if strings.HasPrefix(name, "aws:") {
			return nil, invalid("the encryption context has %q: names that begin with aws: are reserved", name)
		}
		b = field(field(b, name), context[name])
	}
	if len(b) > maxContext {
		return nil, invalid("the encryption context has more than %d bytes", maxContext)
	}
	return b, nil
}

func field(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

func invalid(format string, args ...any) error {
	return &refusal{http.StatusBadRequest, "ValidationException", fmt.Sprintf(format, args...)}
}
