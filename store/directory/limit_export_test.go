package directory

import "time"

// Limiter counts apart from any directory.
type Limiter struct{ l *limiter }

// NewLimiter makes one.
func NewLimiter() Limiter { return Limiter{newLimiter()} }

// Take counts one against a rate, and reports whether there was room.
func (l Limiter) Take(now time.Time, name string, r Rate) bool {
	wait, _ := l.l.take(now, name, r)
	return wait <= 0
}

// Everybody names what is counted for everybody together.
func Everybody() []string { return []string{allSignIns, allResets, allSetUps, passkeysOfNobody} }

// ResetRate is how often a new password can be asked for.
func ResetRate() Rate { return resetRate() }
