// Command webhooks shows how a receiver verifies a delivery of qrsd: the header QRSD-Signature is its argument, the body its standard input, the
// webhook's secret lies in WEBHOOK_SECRET. It ends with 0 where the delivery is to be taken, and with 1 where not.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// verify reports whether one of the signatures in the header is that of the body with the secret, and no older than five minutes. The body is
// the bytes as they came: parse them afterwards.
func verify(header, secret string, body []byte, now time.Time) bool {
	sent := ""
	var signatures [][]byte
	for _, part := range strings.Split(header, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "t":
			sent = value
		case "v1":
			if mac, err := hex.DecodeString(value); err == nil {
				signatures = append(signatures, mac)
			}
		}
	}
	seconds, err := strconv.ParseInt(sent, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(sent + "."))
	mac.Write(body)
	want := mac.Sum(nil)
	for _, s := range signatures {
		if hmac.Equal(s, want) {
			return true
		}
	}
	return false
}

func main() {
	body, err := io.ReadAll(os.Stdin)
	if err != nil || len(os.Args) != 2 || !verify(os.Args[1], os.Getenv("WEBHOOK_SECRET"), body, time.Now()) {
		fmt.Println("refused")
		os.Exit(1)
	}
	fmt.Println("good")
}
