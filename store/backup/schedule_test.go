package backup

import (
	"testing"
	"time"
)

// TestNextBackup: daily, made up for after a stop, and again after an hour where it failed.
func TestNextBackup(t *testing.T) {
	const at = 2*time.Hour + 30*time.Minute
	day := func(n, hour, minute int) time.Time { return time.Date(2026, 11, n, hour, minute, 0, 0, time.UTC) }
	for _, c := range []struct {
		name string
		s    state
		now  time.Time
		want time.Time
	}{
		{"never", state{}, day(22, 12, 0), day(22, 2, 30)},
		{"done today", state{Attempted: day(22, 2, 30), Succeeded: day(22, 2, 31)}, day(22, 12, 0), day(23, 2, 30)},
		{"before today's", state{Attempted: day(21, 2, 30), Succeeded: day(21, 2, 31)}, day(22, 1, 0), day(22, 2, 30)},
		{"due", state{Attempted: day(21, 2, 30), Succeeded: day(21, 2, 31)}, day(22, 2, 30), day(22, 2, 30)},
		{"stopped for a week", state{Attempted: day(14, 2, 30), Succeeded: day(14, 2, 31)}, day(22, 12, 0), day(22, 2, 30)},
		{"failed", state{Attempted: day(22, 2, 30), Succeeded: day(21, 2, 31)}, day(22, 2, 31), day(22, 3, 30)},
		{"failed yesterday", state{Attempted: day(21, 23, 50), Succeeded: day(20, 2, 31)}, day(22, 2, 31), day(22, 2, 30)},
		{"asked", state{Attempted: day(22, 2, 30), Succeeded: day(22, 2, 31), AskedBackup: day(22, 11, 59)}, day(22, 12, 0), day(22, 11, 59)},
	} {
		if got := c.s.nextBackup(c.now, at); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestNextDrill: with the first backup, every quarter, and a day after one that failed.
func TestNextDrill(t *testing.T) {
	const every = 91 * 24 * time.Hour
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	hour := func(n int) time.Time { return now.Add(time.Duration(n) * time.Hour) }
	for _, c := range []struct {
		name string
		s    state
		want time.Time
	}{
		{"no backup yet", state{}, now.Add(every)},
		{"first backup", state{Succeeded: hour(-1)}, hour(-1)},
		{"done", state{Succeeded: hour(-1), Drilled: hour(-1), DrillTried: hour(-2)}, hour(-1).Add(every)},
		{"failed", state{Succeeded: hour(-1), DrillTried: hour(-1)}, hour(23)},
		{"failed after a good one", state{Succeeded: hour(-1), Drilled: hour(-2).Add(-every), DrillTried: hour(-1)}, hour(23)},
		{"asked", state{Succeeded: hour(-1), Drilled: hour(-1), AskedDrill: hour(0)}, hour(0)},
	} {
		if got := c.s.nextDrill(now, every); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
