package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/store/directory"
)

// Headers of a delivery.
const (
	SignatureHeader = "QRSD-Signature"
	DeliveryHeader  = "QRSD-Delivery" // id of the delivery, the same at every attempt
)

// Sign gives the signature of a body: "t=SECONDS,v1=HEX", and a further v1 for each further secret. SECONDS is the time since 1970, and HEX the
// HMAC-SHA256 (RFC 2104) over "SECONDS.BODY" with the secret as its key, as it was shown. A receiver takes a delivery where one v1 is
// that of its secret and the time is no more than five minutes from its own.
func Sign(secrets []directory.Secret, at time.Time, body []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	var text strings.Builder
	text.WriteString("t=" + seconds)
	for _, s := range secrets {
		mac := hmac.New(sha256.New, []byte(s.Reveal()))
		mac.Write([]byte(seconds + "."))
		mac.Write(body)
		text.WriteString(",v1=" + hex.EncodeToString(mac.Sum(nil)))
	}
	return text.String()
}
