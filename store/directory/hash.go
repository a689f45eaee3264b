package directory

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Lengths of new hashes, in bytes.
const (
	hashSalt   = 16
	hashLength = 32
)

// HashCost is what a new hash of a password costs by Argon2id (RFC 9106 section 3.1); zero fields are the defaults, which are the first minimum of
// the OWASP Password Storage Cheat Sheet, about 25 ms of one core. A hash of another cost is made anew when its user signs in.
type HashCost struct {
	Memory  int // bytes, 8 to 256 MiB; 19 MiB
	Passes  int // 1 to 10; 2
	Threads int // 1 to 8; 1
}

func (c HashCost) filled() HashCost {
	return HashCost{cmp.Or(c.Memory, 19<<20), cmp.Or(c.Passes, 2), cmp.Or(c.Threads, 1)}
}

// hashWait is how long a sign-in waits for its turn before ErrBusy.
const hashWait = 2 * time.Second

// hasher hashes passwords with Argon2id (RFC 9106), two to a core at most: each takes its memory.
type hasher struct {
	cost     phc
	turns    chan struct{}
	patience time.Duration
}

func newHasher(c HashCost) *hasher {
	cost := phc{memory: uint32(c.Memory >> 10), time: uint32(c.Passes), threads: uint8(c.Threads)}
	return &hasher{cost, make(chan struct{}, 2*runtime.GOMAXPROCS(0)), hashWait}
}

// turn waits for a turn; done gives it back. ErrBusy when patience ends.
func (h *hasher) turn(ctx context.Context) (done func(), err error) {
	end := func() { <-h.turns }
	select {
	case h.turns <- struct{}{}: // a free turn is taken, however late it is on a busy host
		return end, nil
	default:
	}
	wait := time.NewTimer(h.patience)
	defer wait.Stop()
	select {
	case h.turns <- struct{}{}:
		return end, nil
	case <-wait.C:
		return nil, ErrBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// hash makes the PHC string of a password.
func (h *hasher) hash(ctx context.Context, password string, salt []byte) (string, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	p := h.cost
	p.salt = salt
	p.hash = p.derive(password, hashLength)
	return p.String(), nil
}

// verify holds a password to a PHC string. An empty one, of an account that has no password or does not exist, costs as much
// and never fits.
func (h *hasher) verify(ctx context.Context, stored, password string) (fits, outdated bool, err error) {
	p := h.cost
	p.salt = make([]byte, hashSalt)
	if stored != "" {
		if p, err = parsePHC(stored); err != nil {
			return false, false, err
		}
	}
	done, err := h.turn(ctx)
	if err != nil {
		return false, false, err
	}
	defer done()
	got := p.derive(password, max(len(p.hash), hashSalt))
	if stored == "" || subtle.ConstantTimeCompare(got, p.hash) != 1 {
		return false, false, nil
	}
	return true, p.memory != h.cost.memory || p.time != h.cost.time || p.threads != h.cost.threads, nil
}

// phc is an Argon2id hash with its parameters, in the PHC string format
// (github.com/P-H-C/phc-string-format): $argon2id$v=19$m=19456,t=2,p=1$salt$hash, base64 without padding.
type phc struct {
	memory, time uint32 // KiB, passes
	threads      uint8
	salt, hash   []byte
}

// derive works on the password's NFKC form: the same password typed on two systems is the same (NIST SP 800-63B section 5.1.1.2).
func (p phc) derive(password string, length int) []byte {
	return argon2.IDKey([]byte(norm.NFKC.String(password)), p.salt, p.time, p.memory, p.threads, uint32(length))
}

func (p phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.time, p.threads, b64.EncodeToString(p.salt), b64.EncodeToString(p.hash))
}

// maxPHC bounds the text before it is looked at.
const maxPHC = 512

// parsePHC reads a hash within bounds: what a damaged or foreign record asks for must not take the host down. The errors
// repeat nothing of it.
func parsePHC(text string) (p phc, err error) {
	parts := strings.Split(text, "$")
	if len(text) > maxPHC || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v=19" {
		return p, errors.New("password hash: not $argon2id$v=19$parameters$salt$hash")
	}
	costs := strings.Split(parts[3], ",")
	if len(costs) != 3 {
		return p, errors.New("password hash: parameters are not m=,t=,p=")
	}
	var cost [3]uint32
	for i, c := range []struct {
		name     string
		from, to uint64
	}{{"m=", 8 << 10, 256 << 10}, {"t=", 1, 10}, {"p=", 1, 8}} {
		digits, ok := strings.CutPrefix(costs[i], c.name)
		n, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || n < c.from || n > c.to || strconv.FormatUint(n, 10) != digits {
			return p, fmt.Errorf("password hash: parameter %s is not a number from %d to %d", c.name, c.from, c.to)
		}
		cost[i] = uint32(n)
	}
	p = phc{memory: cost[0], time: cost[1], threads: uint8(cost[2])}
	strict := base64.RawStdEncoding.Strict()
	var bad error
	p.salt, err = strict.DecodeString(parts[4])
	p.hash, bad = strict.DecodeString(parts[5])
	if err = errors.Join(err, bad); err != nil || len(p.salt) < 8 || len(p.salt) > 64 || len(p.hash) < 16 || len(p.hash) > 64 {
		return p, errors.New("password hash: salt or hash is not base64 of 8 to 64 and 16 to 64 bytes")
	}
	if p.String() != text { // the decoder passes over line ends
		return p, errors.New("password hash: not in its one canonical form")
	}
	return p, nil
}
