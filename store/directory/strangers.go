package directory

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"time"
)

// Ceremonies that strangers begin are kept nowhere: a table of them could be filled, and whoever is in the middle of a sign-in would be
// put out of it. What the client gets says itself until when it is good, and for which challenge, under a key that lives as long as the
// process: id = expiry (8 bytes, Unix nanoseconds) | challenge | HMAC-SHA256 (RFC 2104) over both. What is kept is which of them let somebody in,
// for as long as they could do so again; only people with accounts can add to that.

const (
	strangersKey  = 32 // bytes
	expiryLength  = 8
	maxStrangerID = 256 // characters of the text; ours have 96
)

// strangers makes and reads the ceremonies of those who are to be known by them.
type strangers struct {
	key  []byte
	used *inHand[struct{}] // by id, of answers that held
}

func newStrangers(key []byte) strangers {
	return strangers{key, newInHand[struct{}](ceremonyLife, maxEntered)}
}

// begin makes a ceremony of a challenge.
func (s strangers) begin(now time.Time, c challenge, options any) (Ceremony, error) {
	raw, err := json.Marshal(options)
	if err != nil {
		return Ceremony{}, err
	}
	random, err := c.random()
	if err != nil {
		return Ceremony{}, err
	}
	until := now.Add(ceremonyLife)
	body := append(binary.BigEndian.AppendUint64(nil, uint64(until.UnixNano())), random...)
	return Ceremony{base64.RawURLEncoding.EncodeToString(append(body, s.mac(body)...)), raw, until}, nil
}

// read gives the challenge of a ceremony of ours that is not over.
func (s strangers) read(now time.Time, id string) (random []byte, ok bool) {
	if len(id) > maxStrangerID {
		return nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(id)
	if err != nil || len(raw) < expiryLength+sha256.Size {
		return nil, false
	}
	body, mac := raw[:len(raw)-sha256.Size], raw[len(raw)-sha256.Size:]
	if !hmac.Equal(mac, s.mac(body)) {
		return nil, false
	}
	until := time.Unix(0, int64(binary.BigEndian.Uint64(body)))
	if _, used := s.used.look(now, string(mac)); used || !now.Before(until) {
		return nil, false
	}
	return body[expiryLength:], true
}

// use takes a ceremony whose answer held; it reports whether it was the first to do so. An answer that does not hold uses nothing up: it
// never will.
func (s strangers) use(now time.Time, id string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(id)
	return err == nil && len(raw) >= sha256.Size && s.used.claim(now, string(raw[len(raw)-sha256.Size:]))
}

func (s strangers) mac(body []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte("qrsd sign-in with a passkey\x00"))
	h.Write(body)
	return h.Sum(nil)
}
