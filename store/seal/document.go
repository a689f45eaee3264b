package seal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/qrsrisk/qrsd/internal/canonical"
)

// documentPrefix begins the types of documents that are no seals. The type is signed with the content, so that none of them can pass as
// a seal, nor as a document of another type.
const documentPrefix = "application/vnd.qrsd."

// SignDocument signs a document that is no seal (a manifest of what is handed to support, say) in a DSSE envelope of its own type,
// "application/vnd.qrsd...".
func SignDocument(ctx context.Context, documentType string, payload []byte, signer Signer) ([]byte, error) {
	if err := checkDocumentType(documentType); err != nil {
		return nil, err
	}
	e := envelope{Payload: payload, PayloadType: documentType}
	if err := e.sign(ctx, signer); err != nil {
		return nil, fmt.Errorf("signing a document: %w", err)
	}
	return e.encode(), nil
}

// VerifyDocument returns what was signed as a document of that type, and the id of the seal key among keys that signed it.
func VerifyDocument(text []byte, documentType string, keys *Keys) (payload []byte, keyID string, err error) {
	if err := checkDocumentType(documentType); err != nil {
		return nil, "", err
	}
	if len(text) > MaxSeal {
		return nil, "", fmt.Errorf("signed document of more than %d bytes", MaxSeal)
	}
	if err := canonical.Check(text); err != nil {
		return nil, "", fmt.Errorf("signed document: %w", err)
	}
	var e envelope
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&e); err != nil {
		return nil, "", fmt.Errorf("signed document: no DSSE envelope: %w", err)
	}
	if e.PayloadType != documentType || len(e.Signatures) != 1 {
		return nil, "", fmt.Errorf("signed document of type %.80q with %d signatures: want %q with one", e.PayloadType, len(e.Signatures), documentType)
	}
	key, check := signingKey(e.Signatures[0].KeyID, keys, SealKey)
	if !check.OK {
		return nil, "", fmt.Errorf("signed document: %s: %s", check.Name, check.Reason)
	}
	if check = checkSignature(e, e.Signatures[0], key); !check.OK {
		return nil, "", fmt.Errorf("signed document: %s: %s", check.Name, check.Reason)
	}
	return e.Payload, key.ID, nil
}

func checkDocumentType(name string) error {
	if len(name) <= len(documentPrefix) || name[:len(documentPrefix)] != documentPrefix {
		return fmt.Errorf("document of type %.80q: must begin with %s", name, documentPrefix)
	}
	return nil
}
