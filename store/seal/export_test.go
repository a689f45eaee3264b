package seal

import "context"

// SignPayload signs whatever it is given, as a dishonest appliance would.
func SignPayload(payload []byte, signer Signer) []byte {
	e := envelope{Payload: payload, PayloadType: PayloadType}
	if err := e.sign(context.Background(), signer); err != nil {
		panic(err)
	}
	return e.encode()
}

// Payload is the signed statement of an envelope.
func Payload(text []byte) []byte {
	e, err := parseEnvelope(text)
	if err != nil {
		panic(err)
	}
	return e.Payload
}
